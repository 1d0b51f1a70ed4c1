/*
 * The libraries that a module brought with it: see libraries.h.
 *
 * Their dynamic symbols are read from the memory that the loader has mapped, as the gABI and
 * glibc's <link.h> have them.  A library that makes its system calls by itself, without libc, is
 * taken for one that does not connect.
 */
#include "pkcs11/libraries.h"

#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 };

struct libraries {
    size_t count;
    ElfW(Addr) bases[MOST];
};

static int note(struct dl_phdr_info *info, size_t size, void *libraries_)
{
    struct libraries *libraries = libraries_;

    (void)size;
    if (libraries->count < MOST)
        libraries->bases[libraries->count++] = info->dlpi_addr;
    return 0;
}

struct libraries *libraries_now(void)
{
    struct libraries *libraries = calloc(1, sizeof(*libraries));

    if (libraries != NULL)
        dl_iterate_phdr(note, libraries);
    return libraries;
}

void libraries_free(struct libraries *libraries)
{
    free(libraries);
}

static bool was_there(const struct libraries *before, ElfW(Addr) base)
{
    for (size_t i = 0; i < before->count; i++) {
        if (before->bases[i] == base)
            return true;
    }
    return before->count == MOST;
}

static bool holds(const struct dl_phdr_info *info, const void *address)
{
    const ElfW(Addr) at = (ElfW(Addr))(uintptr_t)address - info->dlpi_addr;

    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];

        if (header->p_type == PT_LOAD && at >= header->p_vaddr &&
            at - header->p_vaddr < header->p_memsz)
            return true;
    }
    return false;
}

/* What DT_SYMTAB and its like point at: glibc has added the base on most machines, not on all. */
static const void *table(const struct dl_phdr_info *info, const ElfW(Dyn) * entries,
                         ElfW(Sxword) tag)
{
    for (; entries->d_tag != DT_NULL; entries++) {
        if (entries->d_tag == tag) {
            const ElfW(Addr) at = entries->d_un.d_ptr;

            return (const void *)(uintptr_t)(at < info->dlpi_addr ? at + info->dlpi_addr : at);
        }
    }
    return NULL;
}

static bool makes_connections(const char *name)
{
    static const char *const names[] = { "socket", "socketpair", "pipe", "pipe2", "popen" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* The symbols that are imported come first, and the hash table of the others says how many. */
static bool imports_connections(const struct dl_phdr_info *info, const ElfW(Dyn) * entries)
{
    const ElfW(Sym) *symbols = table(info, entries, DT_SYMTAB);
    const char *names = table(info, entries, DT_STRTAB);
    const uint32_t *gnu_hash = table(info, entries, DT_GNU_HASH);
    const uint32_t *hash = table(info, entries, DT_HASH);
    const uint32_t count = gnu_hash != NULL ? gnu_hash[1] : hash != NULL ? hash[1] : 0;

    if (symbols == NULL || names == NULL || count <= 1)
        return true; /* this cannot be told */
    for (uint32_t i = 1; i < count; i++) {
        if (symbols[i].st_shndx == SHN_UNDEF && makes_connections(names + symbols[i].st_name))
            return true;
    }
    return false;
}

struct search {
    const struct libraries *before;
    const void *address;
};

static int look(struct dl_phdr_info *info, size_t size, void *search_)
{
    const struct search *search = search_;
    const bool old = was_there(search->before, info->dlpi_addr);

    (void)size;
    if (old)
        return holds(info, search->address);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];

        if (header->p_type == PT_DYNAMIC &&
            imports_connections(info,
                                (const ElfW(Dyn) *)(uintptr_t)(info->dlpi_addr + header->p_vaddr)))
            return 1;
    }
    return 0;
}

bool libraries_connect(const struct libraries *before, const void *address)
{
    struct search search = { .before = before, .address = address };

    return before == NULL || dl_iterate_phdr(look, &search) != 0;
}
