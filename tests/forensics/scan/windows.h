/*
 * The first look at memory: which 32-byte windows may be part of a key schedule.  This is what
 * decides the speed; it is written once for each code path, and all answer the same.
 *
 * Byte-wise schedules.  With e(p) = x[p] ^ x[p - 4], x taken as 32-bit words at any byte offset:
 * key expansion makes most words w[i] = w[i - 1] ^ w[i - n], n = 4, 6 or 8, that is
 * e(p) = x[p - 4 n] in forward order.  In reversed order of round keys the other word is at p + 16,
 * p + 8 (n = 6, columns 2 and 3) or p + 32.  Whole round keys with reversed bytes have the same at
 * p + 12, p + 20, p + 28 and p - 20, p - 12, p - 36.  Swapping the bytes of words, and
 * InvMixColumns, change nothing: they are linear and work on columns.  Of AES-256 and AES-128 three
 * words of four obey, in a run of 12 bytes, which has an aligned word in it wherever it begins; so
 * it is enough to look at aligned words.  Where one of x[p], x[p - 4], e(p) is 0, nothing is said:
 * memory is full of zeros and of things repeated.
 *
 * vpaes rotates the rows of round keys, but not row 0: there e(p) ^ x[other] is a constant, 5b
 * (encryption, forward) or e8 (decryption, reversed), at three neighbouring columns; for AES-192 in
 * reversed order at columns 3 and, two times of three, 2, the other word being at p + 8, and at
 * column 1, the other word being at p + 40.
 *
 * Bitsliced schedules hold each bit of a key twice (fixslice32) or four times (fixslice64) in a
 * row: bits 2 k and 2 k + 1 of all bytes agree.
 */
#ifndef MEMSCAN_WINDOWS_H
#define MEMSCAN_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector.h"

enum {
    WINDOW_SIZE = 32,
    WINDOW_REACH = 52, /**< bytes beyond a window, on both sides, that are read */
    /** Bytes ahead of a window that are asked of memory meanwhile: by itself the processor
        asks for too little, and not across pages. */
    WINDOW_AHEAD = 3072,
};

/** What a window may be of. */
enum window_kind {
    WINDOW_SCHEDULE = 1 << 0,
    WINDOW_BITSLICED = 1 << 1,
};

/**
 * @return the first of the windows at `window`, `window` + `step`, ... below `end` that may be of
 * one of `kinds`, and in `seen` of which; NULL: none
 */
typedef const unsigned char *windows_next_fn(const unsigned char *window, const unsigned char *end,
                                             size_t step, unsigned int kinds, unsigned int *seen);

windows_next_fn windows_next_portable, windows_next_avx2, windows_next_avx512;

/** That of a code path, if the processor has it. */
windows_next_fn *windows_next(enum code_path path);

/* Of `bytes` a bit is set for a byte that obeys one of vpaes's relations, of `third` if it does
   with the other word at p + 8. */
static inline bool vpaes_suspected(uint32_t bytes, uint32_t third)
{
    return ((bytes & bytes >> 4) | (third & (third >> 4 | third >> 16))) != 0;
}

/* The second looks (windows-second.c).  `words`: bits of words that obey a relation. */
bool words_confirmed(const unsigned char *window, uint32_t words);
bool bits_confirmed(const unsigned char *window);
bool vpaes_confirmed(const unsigned char *window, uint32_t bytes, uint32_t third);

#endif
