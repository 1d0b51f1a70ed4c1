/*
 * Numbers that look random and are the same in every run (splitmix64).
 */
#ifndef MEMSCAN_RANDOM_H
#define MEMSCAN_RANDOM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t random_next(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static inline void random_fill(unsigned char *bytes, size_t size, uint64_t *seed)
{
    while (size > 0) {
        const uint64_t word = random_next(seed);
        const size_t take = size < sizeof(word) ? size : sizeof(word);

        memcpy(bytes, &word, take);
        bytes += take;
        size -= take;
    }
}

#endif
