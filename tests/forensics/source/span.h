/*
 * A stretch of a target's memory that is read at once.
 */
#ifndef MEMSCAN_SPAN_H
#define MEMSCAN_SPAN_H

#include <stdint.h>

/** What is read, [start, end), and what of it is this span's to find and to account for. */
struct span {
    uint64_t start, end, from, to;
    unsigned int place;
};

#endif
