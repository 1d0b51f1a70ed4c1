/*
 * Which holders are tried, and in which forms their keys must be found.
 */
#ifndef MEMSCAN_LIVE_ROWS_H
#define MEMSCAN_LIVE_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "../model/finding.h"

/** Forms of a schedule, as bits. */
enum live_form {
    FORM_PLAIN = 1 << 0,
    FORM_REVERSED_IMC = 1 << 1,
    FORM_FORWARD_IMC = 1 << 2,
    FORM_VPAES_ENCRYPT = 1 << 3,
    FORM_VPAES_DECRYPT = 1 << 4,
    FORM_SWAPPED_PLAIN = 1 << 5,
    FORM_SWAPPED_REVERSED_IMC = 1 << 6,
    FORM_FIXSLICE64 = 1 << 7,
    FORM_COUNT = 8,
};

struct live_row {
    const char *library; /**< for people, with the code that it uses */
    const char *package; /**< Debian's, that the holder is built with or needs */
    const char *program;
    const char *variant;     /**< the holder's second argument, or NULL */
    const char *environment; /**< "NAME=VALUE", or NULL */
    const char *needs; /**< a feature of the processor without which it goes another way, or NULL */
    unsigned int encrypt; /**< forms that must be there, enum live_form; 0: not tried */
    unsigned int decrypt;
    bool forward_later; /**< later versions keep InvMixColumns' round keys forward, not reversed */
    const char *encoding; /**< instead of forms: what the key is kept as, with no schedule */
    bool idle;            /**< without key: all that is found must be self-test keys */
    bool only_in_registers;
    bool has_others; /**< AES keys of its own: they must be found, told apart, and named */
};

extern const struct live_row live_rows[];
extern const size_t live_row_count;

/** @return the form of a schedule, one bit; 0 if it is none of them */
unsigned int live_form_of(const struct finding *finding);

/** @return "reversed, InvMixColumns" */
const char *live_form_name(unsigned int form);

/** @return whether this processor has what the row needs */
bool live_row_fits(const struct live_row *row);

#endif
