/* Reads all memory of another process and looks for given bytes in it. */
#ifndef HSMZKE_TESTS_MEMORY_SCAN_H
#define HSMZKE_TESTS_MEMORY_SCAN_H

#include <stddef.h>

enum { NEEDLE_MOST = 32 };

/** Bytes to look for. */
struct needle {
    const char *name;
    unsigned char bytes[NEEDLE_MOST];
    size_t size;
    size_t found;      /* places, in all scans */
    const char *place; /* of the last of them: its line of /proc/PID/maps */
};

/** What scans have read, in all of them. */
struct scanned {
    unsigned long long bytes, unreadable; /* of mappings, by their size */
    unsigned scans;
};

/**
 * Looks once through all mappings of a process that waits; those that not even it can read
 * included.  Fails the test when readable memory cannot be read.
 */
void memory_scan(int pid, struct needle *needles, size_t count, struct scanned *scanned);

#endif
