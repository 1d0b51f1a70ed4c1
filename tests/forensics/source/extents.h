/*
 * The parts of a file that hold data; what is between them are holes.
 */
#ifndef MEMSCAN_EXTENTS_H
#define MEMSCAN_EXTENTS_H

#include <stdbool.h>
#include <stdint.h>

/** A part that is to be read. */
struct run {
    uint64_t start, end;
    uint64_t swapped; /**< bytes of it that are not in memory now */
};

/** Goes over [at, end) of a file. */
struct extents {
    int fd;
    uint64_t at, end;
    bool no_holes; /**< the file system cannot tell them */
};

/** Up to `end`, or where the file ends. @return false if it is not a file that can be asked */
bool extents_open(struct extents *extents, int fd, uint64_t at, uint64_t end);

/** @return false if there is no more; offsets in the file */
bool extents_next(struct extents *extents, struct run *run);

#endif
