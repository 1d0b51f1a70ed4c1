/*
 * What of a mapping is to be read: see resident.h.  Two lists are gone through side by side: pages
 * that the process has, and data that its file has.
 */
#include "resident.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
    REGIONS = 256,
    ENTRIES = 2048,
    HUGETLBFS = (int)0x958458f6,
};

/* linux/fs.h has them from 6.7 on. */
struct scan_region {
    uint64_t start, end, categories;
};
struct scan_arguments {
    uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
    uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN_REQUEST _IOWR('f', 16, struct scan_arguments)
enum { SCAN_PRESENT = 1 << 3, SCAN_SWAPPED = 1 << 4, SCAN_ZERO = 1 << 5, SCAN_GUARD = 1 << 8 };

/* Of an entry in /proc/PID/pagemap. */
#define ENTRY_PRESENT (UINT64_C(1) << 63)
#define ENTRY_SWAPPED (UINT64_C(1) << 62)

/* Pages that the process has, from `at` on. */
struct pages {
    struct residents asked;
    uint64_t at, end, page;
    struct scan_region regions[REGIONS];
    size_t count, next;
};

void residents_open(struct residents *residents, pid_t thread)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)thread);
    *residents = (struct residents){ .thread = thread };
    residents->fd = open(path, O_RDONLY | O_CLOEXEC);
}

void residents_close(struct residents *residents)
{
    if (residents->fd >= 0)
        close(residents->fd);
    residents->fd = -1;
}

static bool scan(struct pages *pages)
{
    struct scan_arguments arguments = {
        .size = sizeof(arguments),
        .start = pages->at,
        .end = pages->end,
        .vec = (uint64_t)(uintptr_t)pages->regions,
        .vec_len = REGIONS,
        .category_anyof_mask = SCAN_PRESENT | SCAN_SWAPPED,
        .return_mask = SCAN_PRESENT | SCAN_SWAPPED | SCAN_ZERO,
    };
    int got;

    if (!pages->asked.no_guard)
        arguments.return_mask |= SCAN_GUARD;
    got = ioctl(pages->asked.fd, SCAN_REQUEST, &arguments);
    if (got < 0 && !pages->asked.no_guard) {
        pages->asked.no_guard = true;
        return scan(pages);
    }
    if (got < 0)
        return false;
    pages->count = (size_t)got;
    pages->at = arguments.walk_end > pages->at ? arguments.walk_end : pages->end;
    return true;
}

/* The same from the older interface, a few thousand pages at a time. */
static bool look_up(struct pages *pages)
{
    uint64_t entries[ENTRIES];
    const uint64_t left = (pages->end - pages->at) / pages->page;
    const size_t wanted = left < ENTRIES ? (size_t)left : ENTRIES;
    ssize_t got = pread(pages->asked.fd, entries, wanted * sizeof(*entries),
                        (off_t)(pages->at / pages->page * sizeof(*entries)));

    if (got < (ssize_t)sizeof(*entries))
        return false;
    got /= (ssize_t)sizeof(*entries);
    for (ssize_t i = 0; i < got && pages->count < REGIONS; i++, pages->at += pages->page) {
        struct scan_region *last = pages->count > 0 ? &pages->regions[pages->count - 1] : NULL;
        const uint64_t what = (entries[i] & ENTRY_PRESENT) != 0   ? SCAN_PRESENT
                              : (entries[i] & ENTRY_SWAPPED) != 0 ? SCAN_SWAPPED
                                                                  : 0;

        if (what == 0)
            continue;
        if (last != NULL && last->end == pages->at && last->categories == what)
            last->end += pages->page;
        else
            pages->regions[pages->count++] =
                (struct scan_region){ pages->at, pages->at + pages->page, what };
    }
    return true;
}

/* Gets the next regions. @return false if there are none */
static bool more_pages(struct pages *pages)
{
    pages->next = pages->count = 0;
    if (pages->at >= pages->end)
        return false;
    if (!pages->asked.no_scan && !scan(pages))
        pages->asked.no_scan = true;
    if (pages->asked.no_scan && !look_up(pages)) {
        /* Nobody tells: all of it. */
        pages->regions[0] = (struct scan_region){ pages->at, pages->end, SCAN_PRESENT };
        pages->count = 1;
        pages->at = pages->end;
    }
    return true;
}

static bool next_pages(struct pages *pages, struct run *run)
{
    for (;;) {
        const struct scan_region *region = &pages->regions[pages->next];

        if (pages->next == pages->count) {
            if (!more_pages(pages))
                return false;
            continue;
        }
        pages->next++;
        /* Pages of zeros were only ever read; guard pages have no content. */
        if ((region->categories & (SCAN_ZERO | SCAN_GUARD)) != 0)
            continue;
        *run = (struct run){ .start = region->start, .end = region->end };
        if ((region->categories & SCAN_SWAPPED) != 0)
            run->swapped = region->end - region->start;
        return true;
    }
}

/* Opens what is mapped: root may by the mapping, others by its name if it still is that file. */
static int open_mapped(pid_t thread, const struct mapping *mapping)
{
    char path[4352];
    struct stat file;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, (int)thread,
             mapping->start, mapping->end);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 || mapping->path[0] != '/')
        return fd;
    snprintf(path, sizeof(path), "/proc/%d/root%s", (int)thread, mapping->path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0 && (fstat(fd, &file) != 0 || file.st_ino != mapping->inode ||
                    major(file.st_dev) != mapping->major || minor(file.st_dev) != mapping->minor)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* The next part of a file's data, by address. */
static bool next_data(struct extents *extents, const struct mapping *mapping, struct run *run)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    if (extents->fd < 0 || !extents_next(extents, run))
        return false;
    run->start = mapping->start + (run->start - mapping->offset) / page * page;
    run->end = mapping->start + (run->end - mapping->offset + page - 1) / page * page;
    return true;
}

static void visit_both(struct pages *pages, struct extents *extents, const struct mapping *mapping,
                       run_visitor *visit, void *argument)
{
    struct run page = { 0 }, data = { 0 };
    bool pages_left = next_pages(pages, &page), data_left = next_data(extents, mapping, &data);

    while (pages_left || data_left) {
        struct run run = { 0 };

        if (!data_left || (pages_left && page.start <= data.start)) {
            run = page;
            pages_left = next_pages(pages, &page);
        } else {
            run = data;
            data_left = next_data(extents, mapping, &data);
        }
        /* What touches it belongs to it. */
        while ((pages_left && page.start <= run.end) || (data_left && data.start <= run.end)) {
            const bool which = pages_left && page.start <= run.end;
            const struct run *more = which ? &page : &data;

            run.end = more->end > run.end ? more->end : run.end;
            run.swapped += more->swapped;
            if (which)
                pages_left = next_pages(pages, &page);
            else
                data_left = next_data(extents, mapping, &data);
        }
        visit(argument, &run);
    }
}

/* What is read of its holes would take huge pages of the few that there are. */
static bool is_huge(int fd)
{
    struct statfs system;

    return fstatfs(fd, &system) == 0 && (int)system.f_type == HUGETLBFS;
}

bool residents_has(const struct residents *residents, uint64_t address)
{
    const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t entry;

    return residents->fd < 0 ||
           (pread(residents->fd, &entry, sizeof(entry), (off_t)(address / page * sizeof(entry))) ==
                (ssize_t)sizeof(entry) &&
            (entry & (ENTRY_PRESENT | ENTRY_SWAPPED)) != 0);
}

bool residents_visit(const struct residents *residents, const struct mapping *mapping,
                     run_visitor *visit, void *argument)
{
    const uint64_t size = mapping->end - mapping->start;
    struct pages pages = { .asked = *residents, .at = mapping->start, .end = mapping->end };
    struct extents extents = { .fd = -1 };
    bool known = true;

    pages.page = (uint64_t)sysconf(_SC_PAGESIZE);
    if (mapping_kind(mapping) == MAPPING_FILE) {
        const int fd = open_mapped(residents->thread, mapping);

        known = fd >= 0 && extents_open(&extents, fd, mapping->offset, mapping->offset + size);
        extents.fd = fd;
        if (known && is_huge(fd))
            extents.end = extents.at;
    }
    if (residents->fd < 0 || mapping_kind(mapping) == MAPPING_SPECIAL ||
        (!known && size <= RESIDENT_BLIND))
        visit(argument, &(struct run){ .start = mapping->start, .end = mapping->end });
    else
        visit_both(&pages, known ? &extents : &(struct extents){ .fd = -1 }, mapping, visit,
                   argument);
    if (extents.fd >= 0)
        close(extents.fd);
    return known;
}
