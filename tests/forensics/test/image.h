/*
 * Synthetic memory: random bytes, zeros, tables of small numbers, programs' code and data, text,
 * pointers, patterns; and schedules planted in it.
 */
#ifndef MEMSCAN_IMAGE_H
#define MEMSCAN_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "encode.h"

/** Fills memory with chunks of all kinds, the same for the same seed and machine. */
void image_fill(unsigned char *memory, size_t size, uint64_t seed);

/** Code and data of installed programs only. */
void image_fill_programs(unsigned char *memory, size_t size, uint64_t seed);

/** A schedule in an image, or some of its round keys. */
struct planted {
    const struct planted_form *form;
    unsigned int key_bits;
    unsigned char key[32];
    size_t first,
        blocks; /**< round keys `first` to `first` + `blocks` - 1 in the order of memory */
    size_t at, size;
};

/**
 * Plants `count` schedules at random places that do not touch: all forms and key lengths in turn;
 * every second one whole, the others `fragment` round keys or more (0: all whole).
 */
void image_plant(unsigned char *memory, size_t size, uint64_t seed, size_t fragment,
                 struct planted *planted, size_t count);

#endif
