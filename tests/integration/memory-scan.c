/* See memory-scan.h. */
#include "memory-scan.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "testing.h"

enum { CHUNK = 1024 * 1024 };

/* Which two bytes some needle begins with: one look at each place serves all needles. */
static bool begins[1 << 16];

static unsigned two_bytes(const unsigned char *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void compare(const unsigned char *at, size_t left, size_t old, const char *place,
                    struct needle *needles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct needle *needle = &needles[i];

        /* What ends in the old bytes was found when they were new. */
        if (needle->size <= left && needle->size > old &&
            memcmp(at, needle->bytes, needle->size) == 0) {
            needle->found++;
            needle->place = text("%s", place);
        }
    }
}

/* The first `old` of the bytes were looked at before; but a needle may begin in them. */
static void search(const unsigned char *bytes, size_t old, size_t size, const char *place,
                   struct needle *needles, size_t count)
{
    for (size_t i = 0; i + 1 < size; i++)
        if (begins[two_bytes(bytes + i)])
            compare(bytes + i, size - i, i < old ? old - i : 0, place, needles, count);
}

/*
 * Whether the kernel keeps everybody off a page: glibc 2.42 guards its threads' stacks so, inside
 * of a mapping that can be read for the rest.  Such a page holds nothing.
 */
static bool is_guard(int pid, unsigned long long address)
{
    const long page = sysconf(_SC_PAGESIZE);
    const int pagemap = open(text("/proc/%d/pagemap", pid), O_RDONLY | O_CLOEXEC);
    uint64_t entry = 0;

    CHECK(pagemap >= 0 && address % (unsigned long long)page == 0);
    CHECK(pread(pagemap, &entry, sizeof(entry),
                (off_t)(address / (unsigned long long)page * sizeof(entry))) == sizeof(entry));
    close(pagemap);
    return (entry >> 58 & 1) != 0; /* PM_GUARD_REGION */
}

/* Where the guarded pages at `from` end. */
static unsigned long long past_guard(int pid, unsigned long long from, unsigned long long to)
{
    while (from < to && is_guard(pid, from))
        from += (unsigned long long)sysconf(_SC_PAGESIZE);
    return from;
}

/* @return how much could be read */
static unsigned long long scan_mapping(int memory, unsigned long long from, unsigned long long to,
                                       const char *place, struct needle *needles, size_t count)
{
    static unsigned char bytes[NEEDLE_MOST + CHUNK];
    size_t old = 0;
    unsigned long long at = from;

    while (at < to) {
        const size_t want = to - at < CHUNK ? (size_t)(to - at) : CHUNK;
        const ssize_t got = pread(memory, bytes + old, want, (off_t)at);
        size_t all;

        if (got <= 0)
            break;
        all = old + (size_t)got;
        search(bytes, old, all, place, needles, count);
        at += (unsigned long long)got;
        old = all < NEEDLE_MOST ? all : NEEDLE_MOST;
        memmove(bytes, bytes + all - old, old);
    }
    return at - from;
}

/* A mapping and the guarded pages in it. */
static void scan_all(int pid, int memory, unsigned long long from, unsigned long long to,
                     const char *place, bool can_be_read, struct needle *needles, size_t count,
                     struct scanned *scanned)
{
    while (from < to) {
        const unsigned long long begin = can_be_read ? past_guard(pid, from, to) : from;
        const unsigned long long got = scan_mapping(memory, begin, to, place, needles, count);

        scanned->bytes += got;
        scanned->unreadable += begin - from;
        from = begin + got;
        if (from < to && !(can_be_read && is_guard(pid, from))) {
            if (can_be_read)
                testing_failed(__FILE__, __LINE__, text("all of it can be read: %s", place));
            scanned->unreadable += to - from;
            return;
        }
    }
}

void memory_scan(int pid, struct needle *needles, size_t count, struct scanned *scanned)
{
    FILE *maps = fopen(text("/proc/%d/maps", pid), "r");
    const int memory = open(text("/proc/%d/mem", pid), O_RDONLY | O_CLOEXEC);
    char line[512], mode[8];
    unsigned long long from, to;

    CHECK(maps != NULL && memory >= 0);
    memset(begins, 0, sizeof(begins));
    for (size_t i = 0; i < count; i++)
        begins[two_bytes(needles[i].bytes)] = true;
    while (fgets(line, sizeof(line), maps) != NULL) {
        CHECK(sscanf(line, "%llx-%llx %7s", &from, &to, mode) == 3);
        line[strcspn(line, "\n")] = '\0';
        /* The kernel's own pages, which show the time and hold nothing of the process. */
        if (strstr(line, "[vvar") != NULL || strstr(line, "[vsyscall]") != NULL)
            continue;
        scan_all(pid, memory, from, to, line, mode[0] == 'r', needles, count, scanned);
    }
    scanned->scans++;
    fclose(maps);
    close(memory);
}
