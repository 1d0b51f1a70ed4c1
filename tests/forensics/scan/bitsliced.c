/*
 * Bitsliced schedules (form.c says how they lie).  Row 0 of a round key is never rotated, so the
 * linear relation of key expansion can be read off the first bytes of each word.
 */
#include "structure.h"
#include "verify.h"

enum {
    /** Newest blocks are looked for from here to there around a window: then one of the last two of
       any four round keys is among them, whatever the grid cuts off. */
    LOOK_BACK = 16,
    LOOK_AHEAD = 64,
};

/* Row 0 of bit `bit`: four columns of `cell` bits each. */
static unsigned int row_of(const unsigned char *block, size_t word_size, unsigned int bit)
{
    const unsigned char *word = block + bit * word_size;

    return word_size == 8 ? word[0] | (unsigned int)word[1] << 8 : word[0];
}

/* What is not 0 where the relation does not hold: columns 1 to 3, or for AES-192 columns 1 and 3.
 */
static unsigned int disagreement(unsigned int key_words, unsigned int cell, unsigned int newest,
                                 unsigned int before, unsigned int oldest)
{
    const unsigned int column = (1u << cell) - 1;
    const unsigned int first = column << cell, third = column << 3 * cell;
    const unsigned int e = newest ^ newest << cell;

    if (key_words == 6)
        return ((e ^ oldest >> 2 * cell) & first) | ((e ^ before << 2 * cell) & third);
    return (e ^ (key_words == 8 ? oldest : before)) & (first | column << 2 * cell | third);
}

static bool row_obeys(const unsigned char *newest, size_t size, unsigned int key_words)
{
    const size_t word_size = size / 8;
    const unsigned int cell = (unsigned int)word_size / 2;

    for (unsigned int bit = 0; bit < 8; bit++) {
        const unsigned int inverted = (0x63 >> bit & 1) != 0 ? 0xffff : 0;

        if (disagreement(key_words, cell, row_of(newest, word_size, bit) ^ inverted,
                         row_of(newest - size, word_size, bit) ^ inverted,
                         row_of(newest - 2 * size, word_size, bit) ^ inverted) != 0)
            return false;
    }
    return true;
}

/* Rows are rotated by the round, modulo 4 or (compact) 2. */
static void verify(struct search *search, size_t at, enum schedule_transform transform)
{
    for (unsigned int modulus = 2; modulus <= 4; modulus += 2) {
        for (unsigned int shift = 0; shift < modulus; shift++) {
            const struct candidate candidate = {
                .piece = search->piece,
                .at = at,
                .form = { ORDER_FORWARD, transform, BYTES_NATURAL },
                .shift = shift,
                .shift_step = 1,
                .shift_modulus = modulus,
            };

            structure_verify(search, &candidate);
        }
    }
}

static void look_at(struct search *search, size_t at, enum schedule_transform transform)
{
    const size_t size = form_block_size(transform);

    if (at < 2 * size || at + size > search->piece->size)
        return;
    for (unsigned int key_words = 4; key_words <= 8; key_words += 2) {
        if (row_obeys(search->piece->bytes + at, size, key_words)) {
            verify(search, at, transform);
            return;
        }
    }
}

void bitsliced_look_around(struct search *search, ptrdiff_t window)
{
    ptrdiff_t at = window - LOOK_BACK < 0 ? 0 : window - LOOK_BACK;

    for (; at < window + LOOK_AHEAD && !structure_is_known(search, window); at++) {
        look_at(search, (size_t)at, TRANSFORM_FIXSLICE32);
        look_at(search, (size_t)at, TRANSFORM_FIXSLICE64);
    }
}
