/*
 * The round keys of an AES-256 key, whole schedules and each alone, in the forms in which libraries
 * keep them: as bytes or words, in either order, InvMixColumns, and vpaes.
 *
 * vpaes (Hamburg, "Accelerating AES with Vector Permute Instructions") keeps a byte x as L(x) in
 * another basis of GF(2^8).  Of a column of a middle round key it stores for encryption, with the
 * rows rotated, y[j] = L(sum of the x[k], k != j) ^ 5b; for decryption, with D another map,
 * y[j] = D(InvMixColumns(x)[j + 1]) ^ e8.
 */
#include "encodings.h"

#include <string.h>

#include "../../../provider/secret.h"
#include "aes.h"

enum { ROUND_KEYS = 15, WORDS = 4 * ROUND_KEYS, SCHEDULE = 4 * WORDS };

/* L and D at the bits 01, 02, 04 ... 80. */
static const unsigned char vpaes_encrypt[8] = { 0x70, 0x2a, 0x98, 0x08, 0x4d, 0x7c, 0x7d, 0x81 };
static const unsigned char vpaes_decrypt[8] = { 0x5f, 0x54, 0x04, 0x1a, 0x65, 0x05, 0xe6, 0x94 };

#define BLOCKS(how)                                                                                \
    {                                                                                              \
        "round key 0" how, "round key 1" how, "round key 2" how, "round key 3" how,                \
            "round key 4" how, "round key 5" how, "round key 6" how, "round key 7" how,            \
            "round key 8" how, "round key 9" how, "round key 10" how, "round key 11" how,          \
            "round key 12" how, "round key 13" how, "round key 14" how                             \
    }
#define BLOCKS_BACKWARDS(how)                                                                      \
    {                                                                                              \
        "round key 14" how, "round key 13" how, "round key 12" how, "round key 11" how,            \
            "round key 10" how, "round key 9" how, "round key 8" how, "round key 7" how,           \
            "round key 6" how, "round key 5" how, "round key 4" how, "round key 3" how,            \
            "round key 2" how, "round key 1" how, "round key 0" how                                \
    }

/* Forms whose words are those of the schedule. */
static const struct form_of_words {
    bool mixed, backwards;
    enum { WORD_NATURAL, WORD_SWAPPED, ALL_REVERSED } bytes;
    const char *encoding;
    const char *blocks[ROUND_KEYS];
} forms[] = {
    { false, false, WORD_NATURAL, "key schedule", BLOCKS("") },
    { false, false, WORD_SWAPPED, "key schedule, bswap32", BLOCKS(", bswap32") },
    { false, false, ALL_REVERSED, "key schedule, reversed bytes", BLOCKS(", reversed bytes") },
    { false, true, ALL_REVERSED, "key schedule, backwards, reversed bytes",
      BLOCKS_BACKWARDS(", reversed bytes") },
    { false, true, WORD_NATURAL, "key schedule, backwards", BLOCKS_BACKWARDS("") },
    { false, true, WORD_SWAPPED, "key schedule, backwards, bswap32",
      BLOCKS_BACKWARDS(", bswap32") },
    { true, false, WORD_NATURAL, "key schedule, InvMixColumns", BLOCKS(", InvMixColumns") },
    { true, false, WORD_SWAPPED, "key schedule, InvMixColumns, bswap32",
      BLOCKS(", InvMixColumns, bswap32") },
    { true, true, WORD_NATURAL, "key schedule, InvMixColumns, backwards",
      BLOCKS_BACKWARDS(", InvMixColumns") },
    { true, true, WORD_SWAPPED, "key schedule, InvMixColumns, backwards, bswap32",
      BLOCKS_BACKWARDS(", InvMixColumns, bswap32") },
    { true, false, ALL_REVERSED, "key schedule, InvMixColumns, reversed bytes",
      BLOCKS(", InvMixColumns, reversed bytes") },
    { true, true, ALL_REVERSED, "key schedule, InvMixColumns, backwards, reversed bytes",
      BLOCKS_BACKWARDS(", InvMixColumns, reversed bytes") },
};

/* The middle ones of vpaes; for decryption they lie backwards. */
static const char *const vpaes_blocks[2][ROUND_KEYS] = {
    BLOCKS(", vpaes encrypt"),
    BLOCKS_BACKWARDS(", vpaes decrypt"),
};

static bool add(const struct encodings *wish, const unsigned char *bytes, size_t size,
                const char *encoding, const char *const *blocks)
{
    const struct needle needle = { size, wish->least, wish->sought, encoding, blocks };

    return needles_add(wish->needles, &needle, bytes);
}

static bool add_words(const struct encodings *wish, const uint32_t words[WORDS],
                      const struct form_of_words *form)
{
    unsigned char bytes[SCHEDULE];
    bool added;

    for (unsigned int i = 0; i < WORDS; i++) {
        const unsigned int round = form->backwards ? ROUND_KEYS - 1 - i / 4 : i / 4;
        const unsigned int column = form->bytes == ALL_REVERSED ? 3 - i % 4 : i % 4;
        uint32_t word = words[4 * round + column];

        if (form->mixed && round != 0 && round != ROUND_KEYS - 1)
            word = aes_inv_mix_column(word);
        if (form->bytes != WORD_NATURAL)
            word = __builtin_bswap32(word);
        aes_store(bytes + 4 * (size_t)i, word);
    }
    added = add(wish, bytes, sizeof(bytes), form->encoding, form->blocks);
    secret_wipe(bytes, sizeof(bytes));
    return added;
}

static uint32_t map_word(const unsigned char columns[8], uint32_t word)
{
    uint32_t result = 0;

    for (unsigned int bit = 0; bit < 8; bit++)
        result ^= (word >> bit & 0x01010101) * columns[bit];
    return result;
}

static uint32_t rotate(uint32_t word, unsigned int bits)
{
    return word >> bits | word << (32 - bits);
}

static uint32_t vpaes_column(bool decrypt, uint32_t word)
{
    const uint32_t halves = word ^ rotate(word, 16), sum = halves ^ rotate(halves, 8);

    if (decrypt)
        return map_word(vpaes_decrypt, rotate(aes_inv_mix_column(word), 8)) ^ 0xe8e8e8e8;
    return map_word(vpaes_encrypt, word ^ sum) ^ 0x5b5b5b5b;
}

/* The rows are rotated by `shift`, by `step` more from one round key to the next in memory. */
static bool add_vpaes(const struct encodings *wish, const uint32_t words[WORDS], bool decrypt,
                      unsigned int shift, unsigned int step)
{
    unsigned char bytes[SCHEDULE - 32];
    bool added;

    for (unsigned int i = 0; i < ROUND_KEYS - 2; i++, shift += step)
        for (unsigned int column = 0; column < 4; column++) {
            const unsigned int round = decrypt ? ROUND_KEYS - 2 - i : i + 1;
            const uint32_t word = vpaes_column(decrypt, words[4 * round + column]);

            for (unsigned int row = 0; row < 4; row++)
                bytes[16 * i + 4 * ((column + row * shift) % 4) + row] =
                    (unsigned char)(word >> (8 * row));
        }
    added = add(wish, bytes, sizeof(bytes),
                decrypt ? "key schedule, vpaes decrypt" : "key schedule, vpaes encrypt",
                vpaes_blocks[decrypt] + 1);
    secret_wipe(bytes, sizeof(bytes));
    return added;
}

bool round_keys_add(const struct encodings *wish)
{
    uint32_t words[WORDS];
    bool added = true;

    for (unsigned int i = 0; i < 8; i++)
        words[i] = aes_load(wish->bytes + 4 * (size_t)i);
    aes_expand(8, words, WORDS);
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]) && added; i++)
        if (wish->set & (forms[i].mixed ? ENCODING_ROUND_KEYS_MIXED : ENCODING_ROUND_KEYS))
            added = add_words(wish, words, &forms[i]);
    for (unsigned int i = 0; i < 16 && added && wish->set & ENCODING_ROUND_KEYS_VPAES; i++)
        added = add_vpaes(wish, words, i & 1, i >> 2, i & 2 ? 3 : 1);
    secret_wipe(words, sizeof(words));
    return added;
}
