/*
 * Key schedules as libraries write them, for planting.  Written from FIPS 197, the papers and the
 * libraries' own tables, without the scanner's code; test-anchors.c holds it against the real ones.
 */
#ifndef MEMSCAN_ENCODE_H
#define MEMSCAN_ENCODE_H

#include <stddef.h>

#include "../model/finding.h"

enum { ENCODED_MAX = 1024 };

/** A form to plant, as the scanner names it. */
struct planted_form {
    const char *name;
    enum schedule_order order;
    enum schedule_transform transform;
    enum schedule_bytes bytes;
    int compact;      /**< fixslice: rows rotated by the round modulo 2 */
    int one_too_many; /**< a 16th round key (AES-256) */
};

extern const struct planted_form planted_forms[];
extern const size_t planted_form_count;

/** Bytes of one round key. */
size_t planted_block(const struct planted_form *form);

/** @return the size of the whole schedule, written to `out`; 0: there is no such form of that size
 */
size_t encode_schedule(const struct planted_form *form, const unsigned char *key,
                       unsigned int key_bits, unsigned char out[ENCODED_MAX]);

#endif
