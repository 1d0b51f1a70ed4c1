/*
 * Whether 32 bytes could be a random key at all: most of memory could not, and need not be tried as
 * one.  The rules are counts, so that what they miss of random keys is known: each count of a
 * random key is binomial, and the sum of the tails is below 10^-6 (test/test-plausible.c adds
 * them up exactly; with the numbers below it is 6.1 x 10^-7).
 */
#ifndef MEMSCAN_PLAUSIBLE_H
#define MEMSCAN_PLAUSIBLE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PLAUSIBLE_WINDOW = 32,
    PLAUSIBLE_ZEROS_MOST = 4,   /**< bytes 00 of the 32 */
    PLAUSIBLE_ONES_MOST = 4,    /**< bytes ff of the 32 */
    PLAUSIBLE_TOPS_LEAST = 3,   /**< bytes with the top bit of the 32: text has none */
    PLAUSIBLE_COMMON = 24,      /**< byte values that are the most frequent ones of x86-64 code */
    PLAUSIBLE_COMMON_MOST = 14, /**< ... such bytes of the 32 */
    PLAUSIBLE_PAIRS = 24,       /**< for each distance the first 24 pairs are compared */
    PLAUSIBLE_SAME_MOST = 4,    /**< equal pairs of the 24, at distances 1, 4 and 8 each */
    PLAUSIBLE_BLOCK = 1024,     /**< windows that are looked at together */
    PLAUSIBLE_AHEAD = 72,       /**< bytes behind a block that are read */
};

/**
 * The values of PLAUSIBLE_COMMON, as bits: value b is one if bit b / 16 % 8 of plausible_common[b /
 * 128][b % 16] is set.  (Two look-ups among 16 are one instruction each.)
 */
extern const unsigned char plausible_common[2][16];

/** One window, by the definition above. */
bool plausible_window(const unsigned char *window);

/**
 * PLAUSIBLE_BLOCK windows, one at each byte from `bytes` on: bit i % 64 of masks[i / 64] is set if
 * window i passes.  Reads PLAUSIBLE_BLOCK + PLAUSIBLE_AHEAD bytes.
 */
void plausible_block(const unsigned char *bytes, uint64_t masks[PLAUSIBLE_BLOCK / 64]);

#endif
