/*
 * Round keys read back from the forms in which libraries keep them.
 *
 * vpaes (Hamburg, "Accelerating AES with Vector Permute Instructions") computes in another basis of
 * GF(2^8): a byte x is kept as L(x), L linear.  Of a middle round key it stores, for encryption,
 * y[j] = L(sum of the x[k] of the column, k != j) ^ 5b; so the sum over j of y[j] ^ 5b is L of the
 * column's sum, and XORed with it each gives L(x[j]).  For decryption it stores
 * y[j] = D(InvMixColumns(x)[j + 1]) ^ e8 with a map D = "deskew" after L.  L and D are the tables
 * k_ipt and k_deskew of OpenSSL's vpaes-x86_64, at the bits 01, 02, 04 ... 80; 5b = L(63), e8 is
 * k_deskew's constant.  What stands here are the inverses, at the same bits.  The first and the
 * last round key lie as they are, ^ 63, L or D alone, with or without the rotation of rows.
 *
 * Fixslicing (Adomnicai, Peyrin, "Fixslicing AES-like Ciphers"; RustCrypto's aes): bit p of all
 * bytes is in word p, at row * size * 2 + column * size / 2, once for each of the blocks that are
 * encrypted together (2 for 32-bit words, 4 for 64-bit ones).  The S-box leaves out its XOR with
 * 63, which is in all round keys but the first instead.
 */
#include "form.h"

#include "aes.h"
#include "scanner.h"

static const unsigned char vpaes_encrypt_inverse[8] = { 0x60, 0xb6, 0x29, 0x08,
                                                        0xec, 0xbc, 0x51, 0xe0 };
static const unsigned char vpaes_decrypt_inverse[8] = { 0x24, 0xdf, 0x04, 0xf8,
                                                        0x2f, 0x19, 0x29, 0xab };

/* A linear map over all four bytes of a word. */
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

static uint32_t swap_bytes(uint32_t word)
{
    return word >> 24 | (word >> 8 & 0xff00) | (word << 8 & 0xff0000) | word << 24;
}

/* The four columns, their rows rotated back. */
static void load_shifted(const unsigned char *block, unsigned int shift, uint32_t words[4])
{
    for (unsigned int c = 0; c < 4; c++) {
        words[c] = 0;
        for (unsigned int row = 0; row < 4; row++)
            words[c] |= (uint32_t)block[4 * ((c + row * shift) % 4) + row] << (8 * row);
    }
}

static uint32_t decode_vpaes_encrypt(uint32_t word)
{
    const uint32_t y = word ^ 0x5b5b5b5b;
    const uint32_t halves = y ^ rotate(y, 16), sum = halves ^ rotate(halves, 8);

    return map_word(vpaes_encrypt_inverse, y ^ sum);
}

static uint32_t decode_vpaes_decrypt(uint32_t word)
{
    return aes_mix_column(rotate(map_word(vpaes_decrypt_inverse, word ^ 0xe8e8e8e8), 24));
}

static void decode_vpaes(bool decrypt, const unsigned char *block, enum form_position position,
                         unsigned int shift, uint32_t words[4])
{
    const enum form_position unshifted = decrypt ? FORM_LAST : FORM_FIRST;

    load_shifted(block, position == unshifted ? 0 : shift, words);
    for (int c = 0; c < 4; c++) {
        if (position == FORM_MIDDLE)
            words[c] = decrypt ? decode_vpaes_decrypt(words[c]) : decode_vpaes_encrypt(words[c]);
        else if (position == unshifted)
            words[c] = decrypt ? map_word(vpaes_decrypt_inverse, words[c] ^ 0xe8e8e8e8)
                               : map_word(vpaes_encrypt_inverse, words[c]);
        else if (!decrypt)
            words[c] ^= 0x63636363;
    }
}

static void decode_bitsliced(size_t word_size, const unsigned char *block,
                             enum form_position position, unsigned int shift, uint32_t words[4])
{
    for (unsigned int c = 0; c < 4; c++) {
        words[c] = position == FORM_FIRST ? 0 : 0x63636363;
        for (unsigned int row = 0; row < 4; row++) {
            const unsigned int column = position == FORM_MIDDLE ? (c + row * shift) % 4 : c;
            const size_t at = row * word_size * 2 + column * word_size / 2;

            for (unsigned int bit = 0; bit < 8; bit++)
                words[c] ^= (uint32_t)(block[bit * word_size + at / 8] >> (at % 8) & 1)
                            << (8 * row + bit);
        }
    }
}

/* Whole columns, in one of the orders of bytes. */
static void decode_words(const struct form *form, const unsigned char *block,
                         enum form_position position, uint32_t words[4])
{
    for (unsigned int c = 0; c < 4; c++) {
        const unsigned int column = form->bytes == BYTES_REVERSED ? 3 - c : c;
        const uint32_t word = aes_load(block + 4 * (size_t)column);

        words[c] = form->bytes == BYTES_NATURAL ? word : swap_bytes(word);
        if (form->transform == TRANSFORM_INV_MIX_COLUMNS && position == FORM_MIDDLE)
            words[c] = aes_mix_column(words[c]);
    }
}

size_t form_block_size(enum schedule_transform transform)
{
    return transform == TRANSFORM_FIXSLICE64 ? 64 : transform == TRANSFORM_FIXSLICE32 ? 32 : 16;
}

void form_decode(const struct form *form, const unsigned char *block, enum form_position position,
                 unsigned int shift, uint32_t words[4])
{
    switch (form->transform) {
    case TRANSFORM_VPAES_ENCRYPT:
    case TRANSFORM_VPAES_DECRYPT:
        decode_vpaes(form->transform == TRANSFORM_VPAES_DECRYPT, block, position, shift, words);
        break;
    case TRANSFORM_FIXSLICE32:
    case TRANSFORM_FIXSLICE64:
        decode_bitsliced(form_block_size(form->transform) / 8, block, position, shift, words);
        break;
    default:
        decode_words(form, block, position, words);
    }
}

bool form_is_off(const struct form *form, unsigned int key_words, unsigned int forms_off)
{
    const unsigned int bits = FORM_OFF_ORDER(form->order) | FORM_OFF_TRANSFORM(form->transform) |
                              FORM_OFF_BYTES(form->bytes) | FORM_OFF_KEY_WORDS(key_words);

    return (bits & forms_off) != 0;
}
