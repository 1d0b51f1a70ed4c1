/* Symbols of ELF files: see symbols.h. */
#include "symbols.h"

#include <ctype.h>
#include <elf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SECTIONS_MAX = 4096,
    SYMBOLS_MAX = 8 << 20,
    AT_ONCE = 512,   /* symbols */
    NEAR = 64 << 10, /* bytes after a symbol that are still said to be by it */
    PAGE = 4096,
};

struct elf {
    int fd;
    uint64_t size;
    Elf64_Ehdr head;
};

/* The best symbol so far. */
struct best {
    Elf64_Sym symbol;
    uint64_t strings, strings_size;
    bool found, inside;
};

static bool read_at(const struct elf *elf, void *to, uint64_t offset, size_t size)
{
    return offset <= elf->size && size <= elf->size - offset &&
           pread(elf->fd, to, size, (off_t)offset) == (ssize_t)size;
}

static bool open_elf(struct elf *elf, int fd)
{
    struct stat file;

    elf->fd = fd;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode))
        return false;
    elf->size = (uint64_t)file.st_size;
    return read_at(elf, &elf->head, 0, sizeof(elf->head)) &&
           memcmp(elf->head.e_ident, ELFMAG, SELFMAG) == 0 &&
           elf->head.e_ident[EI_CLASS] == ELFCLASS64 &&
           elf->head.e_ident[EI_DATA] ==
               (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB) &&
           elf->head.e_phentsize == sizeof(Elf64_Phdr) &&
           (elf->head.e_shnum == 0 || elf->head.e_shentsize == sizeof(Elf64_Shdr));
}

/* From an address in memory to one of the file's own. */
static bool own_address(const struct elf *elf, uint64_t start, uint64_t offset, uint64_t *address)
{
    Elf64_Phdr segment;

    for (unsigned int i = 0; i < elf->head.e_phnum && i < SECTIONS_MAX; i++) {
        if (!read_at(elf, &segment, elf->head.e_phoff + (uint64_t)i * sizeof(segment),
                     sizeof(segment)))
            return false;
        const uint64_t first = segment.p_offset / PAGE * PAGE;

        if (segment.p_type == PT_LOAD && offset >= first && segment.p_filesz > 0 &&
            offset - first < segment.p_filesz + (segment.p_offset - first)) {
            *address += segment.p_vaddr - (segment.p_offset - first) + (offset - first) - start;
            return true;
        }
    }
    return false;
}

/* In whole pages, as the loader maps it. */
static bool covers(const Elf64_Phdr *segment, uint64_t address)
{
    const uint64_t first = segment->p_vaddr / PAGE * PAGE,
                   end = segment->p_vaddr + segment->p_memsz;

    return segment->p_type == PT_LOAD && end >= segment->p_vaddr && address >= first &&
           address / PAGE <= (end - 1) / PAGE && segment->p_memsz > 0;
}

bool symbol_covers(int fd, uint64_t start, uint64_t offset, uint64_t address)
{
    Elf64_Phdr segment;
    struct elf elf;

    if (!open_elf(&elf, fd) || !own_address(&elf, start, offset, &address))
        return false;
    for (unsigned int i = 0; i < elf.head.e_phnum && i < SECTIONS_MAX; i++) {
        if (read_at(&elf, &segment, elf.head.e_phoff + (uint64_t)i * sizeof(segment),
                    sizeof(segment)) &&
            covers(&segment, address))
            return true;
    }
    return false;
}

static void consider(struct best *best, const Elf64_Sym *symbol, uint64_t address)
{
    const unsigned int type = ELF64_ST_TYPE(symbol->st_info);
    const bool inside = address - symbol->st_value < symbol->st_size;

    if ((type != STT_OBJECT && type != STT_FUNC && type != STT_NOTYPE) ||
        symbol->st_shndx == SHN_UNDEF || symbol->st_shndx >= SHN_LORESERVE ||
        symbol->st_name == 0 || symbol->st_value > address ||
        (!inside && address - symbol->st_value > NEAR))
        return;
    if (best->found && (best->inside > inside ||
                        (best->inside == inside && best->symbol.st_value >= symbol->st_value)))
        return;
    best->symbol = *symbol;
    best->found = true;
    best->inside = inside;
}

static void search_table(const struct elf *elf, const Elf64_Shdr *table, uint64_t address,
                         struct best *best)
{
    Elf64_Sym symbols[AT_ONCE];
    Elf64_Shdr strings;
    struct best found = { .found = false };
    uint64_t left = table->sh_size / sizeof(*symbols), at = table->sh_offset;

    if (table->sh_entsize != sizeof(*symbols) || table->sh_size > elf->size ||
        table->sh_link >= elf->head.e_shnum ||
        !read_at(elf, &strings, elf->head.e_shoff + (uint64_t)table->sh_link * sizeof(strings),
                 sizeof(strings)))
        return;
    left = left < SYMBOLS_MAX ? left : SYMBOLS_MAX;
    while (left > 0) {
        const size_t count = left < AT_ONCE ? (size_t)left : AT_ONCE;

        if (!read_at(elf, symbols, at, count * sizeof(*symbols)))
            break;
        for (size_t i = 0; i < count; i++)
            consider(&found, &symbols[i], address);
        at += count * sizeof(*symbols);
        left -= count;
    }
    if (found.found) {
        *best = found;
        best->strings = strings.sh_offset;
        best->strings_size = strings.sh_size;
    }
}

/* The first table of a kind. */
static void search_tables(const struct elf *elf, uint32_t kind, uint64_t address, struct best *best)
{
    Elf64_Shdr section;

    for (unsigned int i = 0; i < elf->head.e_shnum && i < SECTIONS_MAX; i++) {
        if (!read_at(elf, &section, elf->head.e_shoff + (uint64_t)i * sizeof(section),
                     sizeof(section)))
            return;
        if (section.sh_type == kind) {
            search_table(elf, &section, address, best);
            return;
        }
    }
}

/* Copies what may be printed; a name of none is no name. */
static bool read_name(const struct elf *elf, const struct best *best, struct symbol *symbol)
{
    const uint64_t at = best->symbol.st_name;
    size_t room = sizeof(symbol->name) - 1;

    if (at >= best->strings_size || best->strings > elf->size)
        return false;
    if (room > best->strings_size - at)
        room = (size_t)(best->strings_size - at);
    memset(symbol->name, 0, sizeof(symbol->name));
    if (!read_at(elf, symbol->name, best->strings + at, room))
        return false;
    for (char *p = symbol->name; *p != '\0'; p++)
        if (!isgraph((unsigned char)*p))
            *p = '?';
    return symbol->name[0] != '\0';
}

bool symbol_find(int fd, uint64_t start, uint64_t offset, uint64_t address, struct symbol *symbol)
{
    struct elf elf;
    struct best best = { .found = false };

    if (!open_elf(&elf, fd) || !own_address(&elf, start, offset, &address))
        return false;
    search_tables(&elf, SHT_SYMTAB, address, &best);
    if (!best.found)
        search_tables(&elf, SHT_DYNSYM, address, &best);
    if (!best.found || !read_name(&elf, &best, symbol))
        return false;
    symbol->distance = address - best.symbol.st_value;
    symbol->inside = best.inside;
    return true;
}
