/*
 * The encoders.  Round keys are 16 bytes in the order of FIPS 197; each form is made of them.
 */
#include "encode.h"

#include <stdint.h>
#include <string.h>

enum { ROUND_KEYS = 16 };

struct schedule {
    unsigned int count; /* round keys to write */
    unsigned int last;  /* the number of the last one that AES uses */
    unsigned char keys[ROUND_KEYS][16];
};

#define FORM(name, order, transform, bytes)                                                        \
    {                                                                                              \
        name, ORDER_##order, TRANSFORM_##transform, BYTES_##bytes, 0, 0                            \
    }

const struct planted_form planted_forms[] = {
    FORM("plain", FORWARD, PLAIN, NATURAL),
    FORM("plain, swapped", FORWARD, PLAIN, SWAPPED_32),
    FORM("plain, bytes reversed", FORWARD, PLAIN, REVERSED),
    FORM("reversed", REVERSED, PLAIN, NATURAL),
    FORM("reversed, swapped", REVERSED, PLAIN, SWAPPED_32),
    FORM("reversed, bytes reversed", REVERSED, PLAIN, REVERSED),
    FORM("IMC", FORWARD, INV_MIX_COLUMNS, NATURAL),
    FORM("IMC, swapped", FORWARD, INV_MIX_COLUMNS, SWAPPED_32),
    FORM("IMC, bytes reversed", FORWARD, INV_MIX_COLUMNS, REVERSED),
    FORM("reversed IMC", REVERSED, INV_MIX_COLUMNS, NATURAL),
    FORM("reversed IMC, swapped", REVERSED, INV_MIX_COLUMNS, SWAPPED_32),
    FORM("reversed IMC, bytes reversed", REVERSED, INV_MIX_COLUMNS, REVERSED),
    FORM("vpaes encrypt", FORWARD, VPAES_ENCRYPT, NATURAL),
    FORM("vpaes decrypt", REVERSED, VPAES_DECRYPT, NATURAL),
    FORM("fixslice32", FORWARD, FIXSLICE32, NATURAL),
    FORM("fixslice64", FORWARD, FIXSLICE64, NATURAL),
    { "fixslice32, compact", ORDER_FORWARD, TRANSFORM_FIXSLICE32, BYTES_NATURAL, 1, 0 },
    { "fixslice64, compact", ORDER_FORWARD, TRANSFORM_FIXSLICE64, BYTES_NATURAL, 1, 0 },
    { "plain, 16 round keys", ORDER_FORWARD, TRANSFORM_PLAIN, BYTES_NATURAL, 0, 1 },
};
const size_t planted_form_count = sizeof(planted_forms) / sizeof(*planted_forms);

static unsigned char times(unsigned int a, unsigned int b)
{
    unsigned int product = 0;

    for (; b != 0; b >>= 1) {
        product ^= (b & 1) != 0 ? a : 0;
        a = a << 1 ^ ((a & 0x80) != 0 ? 0x11b : 0);
    }
    return (unsigned char)product;
}

/* FIPS 197, 5.1.1: the inverse by raising to the power of 254, then the affine map. */
static unsigned char sbox(unsigned char byte)
{
    unsigned char inverse = 1, result = 0x63;

    for (int i = 0; i < 254; i++)
        inverse = times(inverse, byte);
    for (int i = 0; i < 5; i++)
        result ^= (unsigned char)(inverse << i | inverse >> (8 - i));
    return result;
}

/* FIPS 197, 5.2. */
static void expand(const unsigned char *key, size_t key_words, struct schedule *schedule)
{
    static unsigned char table[256];
    unsigned char(*words)[4] = (unsigned char(*)[4])(void *)schedule->keys;
    unsigned char constant = 1;

    if (table[0] == 0)
        for (int i = 0; i < 256; i++)
            table[i] = sbox((unsigned char)i);
    memcpy(words, key, 4 * key_words);
    for (size_t i = key_words; i < 4 * (size_t)ROUND_KEYS; i++) {
        unsigned char step[4];

        memcpy(step, words[i - 1], 4);
        for (size_t j = 0; j < 4 && i % key_words == 0; j++)
            step[j] = (unsigned char)(table[words[i - 1][(j + 1) % 4]] ^ (j == 0 ? constant : 0));
        for (size_t j = 0; j < 4 && key_words == 8 && i % 8 == 4; j++)
            step[j] = table[words[i - 1][j]];
        if (i % key_words == 0)
            constant = times(constant, 2);
        for (size_t j = 0; j < 4; j++)
            words[i][j] = words[i - key_words][j] ^ step[j];
    }
    schedule->last = (unsigned int)key_words + 6;
    schedule->count = schedule->last + 1;
}

/* FIPS 197, 5.3.3. */
static void inverse_mix_columns(unsigned char block[16])
{
    static const unsigned char factors[4] = { 14, 11, 13, 9 };
    unsigned char result[16] = { 0 };

    for (size_t c = 0; c < 4; c++)
        for (size_t row = 0; row < 4; row++)
            for (size_t i = 0; i < 4; i++)
                result[4 * c + row] ^= times(block[4 * c + (row + i) % 4], factors[i]);
    memcpy(block, result, 16);
}

/* vpaes-x86_64's tables: the low nibble's map in the first two numbers, the high one's in the
   others. */
static const uint64_t k_ipt[4] = { 0xC2B2E8985A2A7000, 0xCABAE09052227808, 0x4C01307D317C4D00,
                                   0xCD80B1FCB0FDCC81 };
static const uint64_t k_opt[4] = { 0xFF9F4929D6B66000, 0xF7974121DEBE6808, 0x01EDBD5150BCEC00,
                                   0xE10D5DB1B05C0CE0 };
static const uint64_t k_deskew[4] = { 0x07E4A34047A4E300, 0x1DFEB95A5DBEF91A, 0x5F36B5DC83EA6900,
                                      0x2841C2ABF49D1E77 };
static const uint64_t k_dks[4][4] = {
    { 0xFEB91A5DA3E44700, 0x0740E3A45A1DBEF9, 0x41C277F4B5368300, 0x5FDC69EAAB289D1E },
    { 0x9A4FCA1F8550D500, 0x03D653861CC94C99, 0x115BEDA7B6FC4A00, 0xD993256F7E3482C8 },
    { 0xD5031CCA1FC9D600, 0x53859A4C994F5086, 0xA23196054FDC7BE8, 0xCD5EF96A20B31487 },
    { 0xB6116FC87ED9A700, 0x4AED933482255BFC, 0x4576516227143300, 0x8BB89FACE9DAFDCE },
};

static unsigned char look_up(const uint64_t table[4], unsigned char byte)
{
    const unsigned int low = byte & 15, high = byte >> 4;

    return (unsigned char)((table[low / 8] >> (8 * (low % 8))) ^
                           (table[2 + high / 8] >> (8 * (high % 8))));
}

static void look_up_all(const uint64_t table[4], unsigned char block[16])
{
    for (int i = 0; i < 16; i++)
        block[i] = look_up(table, block[i]);
}

/* pshufb with k_mc_forward: each column's bytes from the next row. */
static void turn_columns(unsigned char block[16])
{
    unsigned char from[16];

    memcpy(from, block, 16);
    for (size_t i = 0; i < 16; i++)
        block[i] = from[(i & ~(size_t)3) | ((i + 1) & 3)];
}

/* pshufb with k_sr[index]: row j from j * index columns further. */
static void shift_rows(unsigned char block[16], unsigned int index)
{
    unsigned char from[16];

    memcpy(from, block, 16);
    for (size_t i = 0; i < 16; i++)
        block[i] = from[(i + 4 * (i % 4) * index) % 16];
}

/* schedule_mangle of a round key in the basis of k_ipt; encryption. */
static void mangle_encrypt(unsigned char block[16])
{
    unsigned char turned[16], sum[16] = { 0 };

    for (int i = 0; i < 16; i++)
        turned[i] = block[i] ^ 0x5b;
    for (int turn = 0; turn < 3; turn++) {
        turn_columns(turned);
        for (int i = 0; i < 16; i++)
            sum[i] ^= turned[i];
    }
    memcpy(block, sum, 16);
}

/* The same for decryption: times D, B, E, 9, with a turn after each of the first three. */
static void mangle_decrypt(unsigned char block[16])
{
    unsigned char sum[16] = { 0 };

    for (int table = 0; table < 4; table++) {
        for (int i = 0; i < 16; i++)
            sum[i] ^= look_up(k_dks[table], block[i]);
        if (table < 3)
            turn_columns(sum);
    }
    memcpy(block, sum, 16);
}

static void vpaes_encrypt(unsigned char block[16], unsigned int round, unsigned int last)
{
    look_up_all(k_ipt, block);
    if (round == 0)
        return;
    if (round < last)
        mangle_encrypt(block);
    shift_rows(block, (4 - round % 4) % 4);
    if (round < last)
        return;
    for (int i = 0; i < 16; i++)
        block[i] ^= 0x5b;
    look_up_all(k_opt, block);
}

static void vpaes_decrypt(unsigned char block[16], unsigned int round, unsigned int last)
{
    const unsigned int start = last == 12 ? 0 : 2;

    if (round > 0)
        look_up_all(k_ipt, block);
    if (round == last) {
        for (int i = 0; i < 16; i++)
            block[i] ^= 0x5b;
        look_up_all(k_deskew, block);
        return;
    }
    if (round > 0)
        mangle_decrypt(block);
    shift_rows(block, (start + 16 - round) % 4);
}

/* The four (two) blocks that are worked on together hold the same round key. */
static void fixslice(const unsigned char block[16], unsigned int round, unsigned int last,
                     int compact, size_t word, unsigned char *out)
{
    const unsigned int shift = round == last ? 0 : round % (compact ? 2 : 4);
    const size_t copies = word / 2;

    memset(out, 0, 8 * word);
    for (size_t i = 0; i < 16; i++) {
        const unsigned char byte = round == 0 ? block[i] : block[i] ^ 0x63;
        const size_t row = i % 4, column = (i / 4 + row * shift) % 4;

        for (size_t copy = 0; copy < copies; copy++) {
            const size_t at = row * 4 * copies + column * copies + copy;

            for (size_t bit = 0; bit < 8; bit++)
                out[bit * word + at / 8] |= (unsigned char)((byte >> bit & 1) << (at % 8));
        }
    }
}

static void order_bytes(enum schedule_bytes bytes, unsigned char block[16])
{
    const size_t unit = bytes == BYTES_REVERSED ? 16 : 4;
    unsigned char from[16];

    if (bytes == BYTES_NATURAL)
        return;
    memcpy(from, block, 16);
    for (size_t i = 0; i < 16; i++)
        block[i] = from[(i / unit) * unit + unit - 1 - i % unit];
}

static void encode_round_key(const struct planted_form *form, const struct schedule *schedule,
                             unsigned int round, unsigned char *out)
{
    unsigned char block[16];

    memcpy(block, schedule->keys[round], 16);
    switch (form->transform) {
    case TRANSFORM_FIXSLICE32:
    case TRANSFORM_FIXSLICE64:
        fixslice(block, round, schedule->last, form->compact, planted_block(form) / 8, out);
        return;
    case TRANSFORM_VPAES_ENCRYPT:
        vpaes_encrypt(block, round, schedule->last);
        break;
    case TRANSFORM_VPAES_DECRYPT:
        vpaes_decrypt(block, round, schedule->last);
        break;
    case TRANSFORM_INV_MIX_COLUMNS:
        if (round > 0 && round < schedule->last)
            inverse_mix_columns(block);
        break;
    default:
        break;
    }
    order_bytes(form->bytes, block);
    memcpy(out, block, 16);
}

size_t planted_block(const struct planted_form *form)
{
    return form->transform == TRANSFORM_FIXSLICE64   ? 64
           : form->transform == TRANSFORM_FIXSLICE32 ? 32
                                                     : 16;
}

size_t encode_schedule(const struct planted_form *form, const unsigned char *key,
                       unsigned int key_bits, unsigned char out[ENCODED_MAX])
{
    const size_t size = planted_block(form);
    struct schedule schedule;

    if (form->one_too_many && key_bits != 256)
        return 0;
    expand(key, key_bits / 32, &schedule);
    schedule.count += form->one_too_many ? 1 : 0;
    for (unsigned int round = 0; round < schedule.count; round++) {
        const unsigned int at = form->order == ORDER_FORWARD ? round : schedule.count - 1 - round;

        encode_round_key(form, &schedule, round, out + at * size);
    }
    return schedule.count * size;
}
