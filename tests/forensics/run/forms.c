/* Two forms of a schedule: see forms.h. */
#include "forms.h"

#include <stdint.h>
#include <string.h>

enum { WORDS = 60, ROUNDS = 14 };

static unsigned char times_two(unsigned char x)
{
    return (unsigned char)(x << 1 ^ (x >> 7) * 0x1b);
}

static unsigned char product(unsigned char a, unsigned char b)
{
    unsigned char sum = 0;

    for (; b != 0; b >>= 1, a = times_two(a))
        if (b & 1)
            sum ^= a;
    return sum;
}

/* The S-box by its definition (FIPS 197, 5.1.1): the inverse, then an affine map. */
static unsigned char substitute(unsigned char x)
{
    unsigned char inverse = 1, y = 0x63;

    for (int i = 0; i < 254; i++)
        inverse = product(inverse, x);
    for (int i = 0; i < 5; i++)
        y ^= (unsigned char)(inverse << i | inverse >> (8 - i));
    return y;
}

/* FIPS 197, 5.2. */
static void expand(const unsigned char key[32], unsigned char words[WORDS][4])
{
    unsigned char constant = 1;

    memcpy(words, key, 32);
    for (int i = 8; i < WORDS; i++) {
        unsigned char t[4];

        for (int j = 0; j < 4; j++) {
            t[j] = words[i - 1][i % 8 == 0 ? (j + 1) % 4 : j];
            if (i % 4 == 0)
                t[j] = substitute(t[j]);
        }
        if (i % 8 == 0) {
            t[0] ^= constant;
            constant = times_two(constant);
        }
        for (int j = 0; j < 4; j++)
            words[i][j] = words[i - 8][j] ^ t[j];
    }
}

static void inv_mix_column(const unsigned char in[4], unsigned char out[4])
{
    static const unsigned char factors[4] = { 14, 11, 13, 9 };

    for (int j = 0; j < 4; j++) {
        out[j] = 0;
        for (int k = 0; k < 4; k++)
            out[j] ^= product(in[(j + k) % 4], factors[k]);
    }
}

void form_decrypt(const unsigned char key[32], unsigned char out[FORM_SIZE])
{
    unsigned char words[WORDS][4];

    expand(key, words);
    for (int round = 0; round <= ROUNDS; round++)
        for (int c = 0; c < 4; c++) {
            unsigned char *to = out + 16 * round + 4 * c;
            const unsigned char *from = words[4 * (ROUNDS - round) + c];

            if (round == 0 || round == ROUNDS)
                memcpy(to, from, 4);
            else
                inv_mix_column(from, to);
        }
    explicit_bzero(words, sizeof(words));
}

/* vpaes computes in another basis of GF(2^8): its k_ipt, at the bits 01, 02, 04 ... 80. */
static unsigned char other_basis(unsigned char x)
{
    static const unsigned char images[8] = { 0x70, 0x2a, 0x98, 0x08, 0x4d, 0x7c, 0x7d, 0x81 };
    unsigned char sum = 0;

    for (int bit = 0; bit < 8; bit++)
        if (x >> bit & 1)
            sum ^= images[bit];
    return sum;
}

/* Row `j` of a column as vpaes keeps it. */
static unsigned char vpaes_byte(int round, const unsigned char column[4], int j)
{
    if (round == 0)
        return other_basis(column[j]);
    if (round == ROUNDS)
        return column[j] ^ 0x63;
    return other_basis(
               (unsigned char)(column[(j + 1) % 4] ^ column[(j + 2) % 4] ^ column[(j + 3) % 4])) ^
           0x5b;
}

/* The rows are rotated, by one column more in each round than in the round before. */
void form_vpaes(const unsigned char key[32], unsigned char out[FORM_SIZE])
{
    unsigned char words[WORDS][4];

    expand(key, words);
    for (int round = 0; round <= ROUNDS; round++)
        for (int c = 0; c < 4; c++)
            for (int j = 0; j < 4; j++) {
                const int to = (c + j * round) % 4;

                out[16 * round + 4 * to + j] = vpaes_byte(round, words[4 * round + c], j);
            }
    explicit_bzero(words, sizeof(words));
}
