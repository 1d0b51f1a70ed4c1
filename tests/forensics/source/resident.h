/*
 * Which parts of a mapping have ever been written, or exist in its file: what is to be read.  The
 * rest are holes: reading them gives zeros, and could fill them with memory.
 */
#ifndef MEMSCAN_RESIDENT_H
#define MEMSCAN_RESIDENT_H

#include <sys/types.h>

#include "extents.h"
#include "maps.h"

/** How the kernel is asked about a process; opened once for it. */
struct residents {
    pid_t thread;
    int fd;        /**< /proc/PID/pagemap; -1: nobody tells, all is read */
    bool no_scan;  /**< PAGEMAP_SCAN is not there (before Linux 6.7) */
    bool no_guard; /**< ... and does not tell guard pages (before 6.15) */
};

void residents_open(struct residents *residents, pid_t thread);
void residents_close(struct residents *residents);

/** Whether the process has the page at an address; reading another could fill it, or wait for it.
 */
bool residents_has(const struct residents *residents, uint64_t address);

typedef void run_visitor(void *argument, const struct run *run);

/**
 * Calls `visit` for each part of a mapping that is to be read, in ascending order.
 * @return false if nobody could tell what of a file or of shared memory exists: up to
 * RESIDENT_BLIND bytes all of it is given, of more only what the process itself has touched
 */
enum { RESIDENT_BLIND = 64 << 20 };
bool residents_visit(const struct residents *residents, const struct mapping *mapping,
                     run_visitor *visit, void *argument);

#endif
