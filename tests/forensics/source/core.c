/*
 * ELF core files as a source: segments by their addresses.  What the core leaves out of a segment
 * (MADV_DONTDUMP, a filter, a file that was cut off) is counted as unreadable.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core-notes.h"
#include "describe.h"
#include "extents.h"
#include "stream.h"
#include "trouble.h"

enum {
    SEGMENTS_MAX = 1 << 20,
    NOTES_MAX = 16, /* segments of notes; a core has one */
};

struct core {
    const char *path;
    int fd;
    uint64_t size; /* of the file */
    Elf64_Ehdr head;
    Elf64_Phdr *segments;
    size_t count;
    struct file_reader *readers; /* one for each segment */
    struct core_notes notes;
    uint64_t left_out, cut_off, unreadable_segments;
};

static bool read_at(const struct core *core, void *to, uint64_t offset, size_t size)
{
    return offset <= core->size && size <= core->size - offset &&
           pread(core->fd, to, size, (off_t)offset) == (ssize_t)size;
}

static bool check_head(struct core *core, struct source_trouble *why)
{
    const unsigned char *ident = core->head.e_ident;

    if (!read_at(core, &core->head, 0, sizeof(core->head)) || memcmp(ident, ELFMAG, SELFMAG) != 0)
        return trouble_set(why, "%s is no ELF file: for a raw image use `image`", core->path);
    if (ident[EI_CLASS] != ELFCLASS64 ||
        ident[EI_DATA] != (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB))
        return trouble_set(why,
                           "%s is of a processor with another word size or byte order: as an "
                           "`image` it can be searched all the same, without addresses",
                           core->path);
    if (core->head.e_type != ET_CORE)
        return trouble_set(why, "%s is an ELF file, but no core file: for its bytes use `image`",
                           core->path);
    if (core->head.e_phentsize != sizeof(Elf64_Phdr) || core->head.e_phoff == 0)
        return trouble_set(why, "%s is damaged: its header makes no sense", core->path);
    return true;
}

static bool read_segments(struct core *core, struct source_trouble *why)
{
    Elf64_Shdr section;

    core->count = core->head.e_phnum;
    /* More than 65,534 are counted elsewhere. */
    if (core->count == PN_XNUM) {
        if (!read_at(core, &section, core->head.e_shoff, sizeof(section)))
            return trouble_set(why,
                               "%s is damaged or cut off: the number of its segments is "
                               "missing",
                               core->path);
        core->count = section.sh_info;
    }
    if (core->count == 0 || core->count > SEGMENTS_MAX ||
        core->count > core->size / sizeof(Elf64_Phdr))
        return trouble_set(why, "%s is damaged or cut off: it says that it has %zu segments",
                           core->path, core->count);
    core->segments = calloc(core->count, sizeof(*core->segments));
    core->readers = calloc(core->count, sizeof(*core->readers));
    if (core->segments == NULL || core->readers == NULL)
        return trouble_set(why, "there is no memory for a list of %zu segments", core->count);
    if (!read_at(core, core->segments, core->head.e_phoff, core->count * sizeof(*core->segments)))
        return trouble_set(why,
                           "%s is cut off within the list of its segments: `ulimit -c` or a "
                           "full disk may be why",
                           core->path);
    return true;
}

/* What of a segment is in the file. */
static uint64_t in_file(const struct core *core, const Elf64_Phdr *segment)
{
    const uint64_t wanted =
        segment->p_filesz < segment->p_memsz ? segment->p_filesz : segment->p_memsz;

    if (segment->p_offset >= core->size)
        return 0;
    return wanted < core->size - segment->p_offset ? wanted : core->size - segment->p_offset;
}

/* Segments that lie on top of each other, or beyond all addresses, are nobody's core. */
static bool check_segments(const struct core *core, struct source_trouble *why)
{
    uint64_t sum = 0, mapped = 0;

    for (size_t i = 0; i < core->count; i++) {
        const Elf64_Phdr *segment = &core->segments[i];

        if (segment->p_type != PT_LOAD)
            continue;
        if (segment->p_vaddr + segment->p_memsz < segment->p_vaddr ||
            mapped + segment->p_memsz < mapped)
            return trouble_set(why, "%s is damaged: segment %zu has an impossible size", core->path,
                               i);
        mapped += segment->p_memsz;
        sum += in_file(core, segment);
        if (sum > core->size)
            return trouble_set(why, "%s is damaged: its segments overlap in the file", core->path);
    }
    return true;
}

/* Two segments that follow each other, in memory and in the file. */
static bool follow(const struct core *core, size_t low)
{
    const Elf64_Phdr *one = &core->segments[low], *other = one + 1;

    return low + 1 < core->count && one->p_type == PT_LOAD && other->p_type == PT_LOAD &&
           one->p_filesz == one->p_memsz && one->p_vaddr + one->p_memsz == other->p_vaddr &&
           one->p_offset + one->p_filesz == other->p_offset;
}

/* A span of a segment; what lies across a border to the next one is found too. */
static struct span span_of(const struct core *core, size_t index, const struct run *run,
                           unsigned int place)
{
    const Elf64_Phdr *segment = &core->segments[index];
    const uint64_t moved = core->readers[index].moved;
    struct span span = { .from = run->start + moved, .to = run->end + moved, .place = place };

    span.start = span.from;
    span.end = span.to;
    if (span.from == segment->p_vaddr && index > 0 && follow(core, index - 1))
        span.start -= segment[-1].p_filesz < PIECE_OVERLAP ? segment[-1].p_filesz : PIECE_OVERLAP;
    if (span.to == segment->p_vaddr + segment->p_memsz && follow(core, index))
        span.end +=
            in_file(core, segment + 1) < PIECE_OVERLAP ? in_file(core, segment + 1) : PIECE_OVERLAP;
    return span;
}

static void name_place(const struct core *core, const Elf64_Phdr *segment, struct place *place)
{
    const struct core_name *name = core_notes_name(&core->notes, segment->p_vaddr);
    const uint64_t end = segment->p_vaddr + segment->p_memsz;

    place->thread =
        (segment->p_flags & PF_W) == 0 || name != NULL
            ? 0
            : core_notes_stack(&core->notes, segment->p_vaddr, end, &place->stack_pointer);
    if (place->thread != 0)
        snprintf(place->name, sizeof(place->name), "stack of thread %d", place->thread);
    else if (name != NULL)
        snprintf(place->name, sizeof(place->name), "%s", name->path);
    place->file_offset = name == NULL ? 0 : name->offset + (segment->p_vaddr - name->start);
    snprintf(place->permissions, sizeof(place->permissions), "%c%c%cp",
             (segment->p_flags & PF_R) != 0 ? 'r' : '-', (segment->p_flags & PF_W) != 0 ? 'w' : '-',
             (segment->p_flags & PF_X) != 0 ? 'x' : '-');
}

static void add_segment(struct core *core, size_t index, struct feed *feed)
{
    const Elf64_Phdr *segment = &core->segments[index];
    const uint64_t here = in_file(core, segment);
    struct place place = {
        .kind = PLACE_MAPPING,
        .process = core->notes.process,
        .start = segment->p_vaddr,
        .end = segment->p_vaddr + segment->p_memsz,
        .bytes = { .mapped = segment->p_memsz, .unreadable = segment->p_memsz - here },
    };
    struct place_bytes bill = { .never_populated = here };
    struct extents extents;
    struct run run;

    name_place(core, segment, &place);
    if (segment->p_filesz < segment->p_memsz)
        core->left_out += segment->p_memsz - segment->p_filesz;
    core->cut_off +=
        place.bytes.unreadable -
        (segment->p_filesz < segment->p_memsz ? segment->p_memsz - segment->p_filesz : 0);
    const unsigned int number = feed_place(feed, &place);

    if (here == 0 ||
        !extents_open(&extents, core->fd, segment->p_offset, segment->p_offset + here)) {
        feed_account(feed, number, &(struct place_bytes){ .unreadable = here });
        return;
    }
    file_reader_open(&core->readers[index], core->fd, segment->p_vaddr - segment->p_offset);
    while (extents_next(&extents, &run)) {
        const struct span span = span_of(core, index, &run, number);

        bill.never_populated -= run.end - run.start;
        feed_range(feed, &core->readers[index].reader, &span);
    }
    feed_account(feed, number, &bill);
}

static void feed_core(struct core *core, struct feed *feed, struct examination *examination)
{
    unsigned int notes = 0;

    for (size_t i = 0; i < core->count; i++)
        if (core->segments[i].p_type == PT_NOTE && notes++ < NOTES_MAX &&
            !core_notes_read(&core->notes, core->segments[i].p_offset, core->segments[i].p_filesz,
                             feed))
            core->notes.damaged = true;
    for (size_t i = 0; i < core->count; i++)
        if (core->segments[i].p_type == PT_LOAD && core->segments[i].p_memsz > 0)
            add_segment(core, i, feed);
    feed_drain(feed);
    examination->processes = 1;
    examination->threads = core->notes.threads;
    if (core->notes.threads == 0)
        trouble_note(examination, "the core file has no registers of any thread");
    if (core->notes.damaged)
        trouble_note(examination, "notes of the core file are damaged or cut off: registers or "
                                  "names may be missing");
    if (core->left_out > 0)
        trouble_note(examination,
                     "the core file leaves out %llu KB of the process's memory "
                     "(MADV_DONTDUMP, files, /proc/PID/coredump_filter): scan the "
                     "process itself, or dump with filter 0x7f",
                     (unsigned long long)(core->left_out >> 10));
    if (core->cut_off > 0)
        trouble_note(examination,
                     "the core file is cut off: %llu KB are missing (ulimit -c, a "
                     "full disk)",
                     (unsigned long long)(core->cut_off >> 10));
}

static bool open_core(struct core *core, struct source_trouble *why)
{
    struct stat file;

    core->fd = open(core->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (core->fd < 0)
        return trouble_set(why, "%s cannot be read: %s", core->path, strerror(errno));
    if (fstat(core->fd, &file) != 0 || !S_ISREG(file.st_mode))
        return trouble_set(why,
                           "%s is no file: a core file must be read at any position, and "
                           "cannot come through a pipe",
                           core->path);
    core->size = (uint64_t)file.st_size;
    return check_head(core, why) && read_segments(core, why) && check_segments(core, why);
}

bool source_core(const char *path, const struct source_settings *settings,
                 struct examination *examination, struct source_trouble *why)
{
    const double began = feed_clock();
    struct core core = { .path = path, .fd = -1 };
    bool good = open_core(&core, why);

    if (good) {
        struct feed *feed = feed_new(settings, examination, NULL, false);

        core.notes.fd = core.fd;
        core.notes.file_size = core.size;
        if (feed == NULL) {
            good = trouble_set(why, "there is no memory or there are no threads to search with");
        } else {
            feed_expect(feed, core.size);
            feed_core(&core, feed, examination);
            feed_free(feed);
            scanner_conclude(settings->scanner, examination->findings);
            places_describe(examination);
            examination->searched += feed_clock() - began;
        }
    }
    core_notes_free(&core.notes);
    free(core.segments);
    free(core.readers);
    if (core.fd >= 0)
        close(core.fd);
    return good;
}
