/*
 * A run of bytes that detectors look at.  Memory is cut in pieces that overlap: what begins in
 * [from, to) is this piece's to find, the rest is there to look back and ahead.
 */
#ifndef MEMSCAN_PIECE_H
#define MEMSCAN_PIECE_H

#include <stddef.h>
#include <stdint.h>

enum {
    /** Bytes before `from` and after `to` that a source gives if the place has them; the longest
       form fits. */
    PIECE_OVERLAP = 4096,
    /** Bytes beyond `size`, and before `bytes`, that may be read and are nothing's: vectors
       overhang. */
    PIECE_MARGIN = 128,
};

struct piece {
    const unsigned char *bytes; /**< with PIECE_MARGIN readable bytes (zeros) on both sides */
    size_t size;
    size_t from, to;  /**< 0 <= from <= to <= size */
    uint64_t address; /**< of bytes[0] in its place */
    unsigned int place;
};

#endif
