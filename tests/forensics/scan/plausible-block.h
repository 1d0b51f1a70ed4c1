/*
 * The plausibility test of a block, written so that compilers make vectors of it: sums over
 * sliding windows, byte by byte.  Included by each code path, which compiles it for its processor.
 */
#ifndef MEMSCAN_PLAUSIBLE_BLOCK_H
#define MEMSCAN_PLAUSIBLE_BLOCK_H

#include <string.h>

#include "plausible.h"

#define PLAUSIBLE_INLINE static inline __attribute__((always_inline))

enum {
    PLAUSIBLE_SUMS = PLAUSIBLE_BLOCK + 64, /* counts that the last windows need too */
    PLAUSIBLE_ROOM = PLAUSIBLE_SUMS + 64,
};

/* counts[i] becomes the sum of counts[i] to counts[i + 7]; what is beyond PLAUSIBLE_SUMS is 0. */
PLAUSIBLE_INLINE void sum_eight(unsigned char *counts)
{
    for (int i = 0; i < PLAUSIBLE_SUMS; i++)
        counts[i] = (unsigned char)(counts[i] + counts[i + 1]);
    for (int i = 0; i < PLAUSIBLE_SUMS; i++)
        counts[i] = (unsigned char)(counts[i] + counts[i + 2]);
    for (int i = 0; i < PLAUSIBLE_SUMS; i++)
        counts[i] = (unsigned char)(counts[i] + counts[i + 4]);
}

/* Windows with more than `most` bytes that are `value`. */
PLAUSIBLE_INLINE void refuse_value(const unsigned char *bytes, unsigned char value, int most,
                                   unsigned char *refused)
{
    unsigned char counts[PLAUSIBLE_ROOM];

    memset(counts + PLAUSIBLE_SUMS, 0, PLAUSIBLE_ROOM - PLAUSIBLE_SUMS);
    for (int i = 0; i < PLAUSIBLE_SUMS; i++)
        counts[i] = bytes[i] == value;
    sum_eight(counts);
    for (int i = 0; i < PLAUSIBLE_BLOCK; i++)
        refused[i] |=
            (unsigned char)(counts[i] + counts[i + 8] + counts[i + 16] + counts[i + 24]) > most;
}

/* Windows with fewer than `least` bytes from 80 on. */
PLAUSIBLE_INLINE void refuse_text(const unsigned char *bytes, int least, unsigned char *refused)
{
    unsigned char counts[PLAUSIBLE_ROOM];

    memset(counts + PLAUSIBLE_SUMS, 0, PLAUSIBLE_ROOM - PLAUSIBLE_SUMS);
    for (int i = 0; i < PLAUSIBLE_SUMS; i++)
        counts[i] = bytes[i] >> 7;
    sum_eight(counts);
    for (int i = 0; i < PLAUSIBLE_BLOCK; i++)
        refused[i] |=
            (unsigned char)(counts[i] + counts[i + 8] + counts[i + 16] + counts[i + 24]) < least;
}

/* Windows with too many bytes that code has most of; `mark` sets 1 for each in PLAUSIBLE_SUMS. */
PLAUSIBLE_INLINE void refuse_code(const unsigned char *bytes, int most, unsigned char *refused,
                                  void (*mark)(const unsigned char *bytes, unsigned char *marks))
{
    unsigned char counts[PLAUSIBLE_ROOM];

    memset(counts + PLAUSIBLE_SUMS, 0, PLAUSIBLE_ROOM - PLAUSIBLE_SUMS);
    mark(bytes, counts);
    sum_eight(counts);
    for (int i = 0; i < PLAUSIBLE_BLOCK; i++)
        refused[i] |=
            (unsigned char)(counts[i] + counts[i + 8] + counts[i + 16] + counts[i + 24]) > most;
}

/* Windows in which more than `most` of the first 24 bytes are repeated `distance` bytes later. */
PLAUSIBLE_INLINE void refuse_same(const unsigned char *bytes, int distance, int most,
                                  unsigned char *refused)
{
    unsigned char counts[PLAUSIBLE_ROOM];

    memset(counts + PLAUSIBLE_SUMS, 0, PLAUSIBLE_ROOM - PLAUSIBLE_SUMS);
    for (int i = 0; i < PLAUSIBLE_SUMS; i++)
        counts[i] = bytes[i] == bytes[i + distance];
    sum_eight(counts);
    for (int i = 0; i < PLAUSIBLE_BLOCK; i++)
        refused[i] |= (unsigned char)(counts[i] + counts[i + 8] + counts[i + 16]) > most;
}

PLAUSIBLE_INLINE bool all_zero(const unsigned char *bytes)
{
    uint64_t any = 0;

    for (int i = 0; i < PLAUSIBLE_BLOCK + 32; i += 8) {
        uint64_t word;

        memcpy(&word, bytes + i, sizeof(word));
        any |= word;
    }
    return any == 0;
}

PLAUSIBLE_INLINE void plausible_block_inline(const unsigned char *bytes,
                                             uint64_t masks[PLAUSIBLE_BLOCK / 64],
                                             void (*mark)(const unsigned char *, unsigned char *))
{
    unsigned char refused[PLAUSIBLE_BLOCK];

    memset(masks, 0, PLAUSIBLE_BLOCK / 8);
    if (all_zero(bytes))
        return;
    memset(refused, 0, sizeof(refused));
    refuse_value(bytes, 0x00, PLAUSIBLE_ZEROS_MOST, refused);
    refuse_value(bytes, 0xff, PLAUSIBLE_ONES_MOST, refused);
    refuse_text(bytes, PLAUSIBLE_TOPS_LEAST, refused);
    refuse_code(bytes, PLAUSIBLE_COMMON_MOST, refused, mark);
    refuse_same(bytes, 1, PLAUSIBLE_SAME_MOST, refused);
    refuse_same(bytes, 4, PLAUSIBLE_SAME_MOST, refused);
    refuse_same(bytes, 8, PLAUSIBLE_SAME_MOST, refused);
    for (int i = 0; i < PLAUSIBLE_BLOCK; i += 8) {
        uint64_t eight;

        /* The multiplication brings the lowest bits of eight bytes together in the highest. */
        memcpy(&eight, refused + i, sizeof(eight));
        masks[i / 64] |= (~(eight * 0x0102040810204080ULL) >> 56) << (i % 64);
    }
}

#endif
