/*
 * The look-up in the bitmap of needles, which decides their speed.
 */
#ifndef MEMSCAN_NEEDLES_SIFT_H
#define MEMSCAN_NEEDLES_SIFT_H

#include <stddef.h>
#include <stdint.h>

/** What a window of bytes is held against. */
struct sieve {
    uint64_t multiplier; /**< shifted, so that only the bytes of a window count */
    unsigned int shift;
    uint64_t *bitmap;
};

enum {
    SIFT_STRIDE = 4, /**< bytes from window to window */
    SIFT_TOGETHER = 8,
};

/**
 * For strides of SIFT_STRIDE, with AVX-512 (F, DQ, BW, VL).
 * @param windows a multiple of SIFT_TOGETHER
 * @param likely has room for SIFT_TOGETHER more than `windows`
 * @return how many of the windows are in the bitmap; in `likely` which
 */
unsigned int sift_avx512(const struct sieve *sieve, const unsigned char *from, unsigned int windows,
                         uint16_t *likely);

#endif
