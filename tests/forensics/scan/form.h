/*
 * The forms in which libraries keep round keys: what one block of a form says in AES words.  Pure.
 */
#ifndef MEMSCAN_FORM_H
#define MEMSCAN_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../model/finding.h"

struct form {
    enum schedule_order order;
    enum schedule_transform transform;
    enum schedule_bytes bytes;
};

/** Some forms treat the first and the last round key in another way. */
enum form_position {
    FORM_FIRST,
    FORM_MIDDLE,
    FORM_LAST,
};

/** Bytes of one round key: 16; bitsliced 32 or 64. */
size_t form_block_size(enum schedule_transform transform);

/**
 * Reads one round key.  vpaes and fixslice keep it with its rows rotated, by a distance that
 * changes from round to round: row j of column c lies in column c + j * shift (modulo 4).
 */
void form_decode(const struct form *form, const unsigned char *block, enum form_position position,
                 unsigned int shift, uint32_t words[4]);

/** `settings.forms_off`, for tests: what of a form is not to be looked for. */
bool form_is_off(const struct form *form, unsigned int key_words, unsigned int forms_off);

#endif
