/*
 * A candidate is verified: three blocks that might be round keys are read as words, held against
 * the relations of the key expansion, run back to the key, and all round keys of that key are
 * counted around them.  Pure.
 */
#ifndef MEMSCAN_VERIFY_H
#define MEMSCAN_VERIFY_H

#include <stdbool.h>

#include "form.h"
#include "piece.h"

enum {
    /** Fewer round keys are not reported: three carry 128 bits of evidence in random bytes, but
       only 32 in bytes that are regular by themselves; the fourth makes it certain. */
    ROUND_KEYS_MIN = 4,
};

struct candidate {
    const struct piece *piece;
    size_t at; /**< the newest of three blocks, in the piece */
    struct form form;
    unsigned int shift;         /**< of the newest block (form_decode()) */
    unsigned int shift_step;    /**< how it grows from round key to round key: 0, 1 or 3 */
    unsigned int shift_modulus; /**< 4; or 2 */
};

/** Whether words 9 and 11 of three blocks hold to the linear relation of this key length: cheap,
    and the same for words that are swapped or InvMixColumns of round keys. */
bool words_are_linear(unsigned int key_words, const uint32_t words[12]);

/** Tries the key lengths that are not switched off.  @return whether `finding` was filled in */
bool candidate_verify(const struct candidate *candidate, unsigned int forms_off,
                      struct finding *finding);

#endif
