/*
 * The second look at a window that caught the eye, in plain C for all code paths: one window in a
 * hundred of programs' data, few of those pass.
 */
#include <string.h>

#include "windows.h"

static uint32_t load32(const unsigned char *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* Whether `wanted` bytes or more in a row, around the word at `at`, obey, and are not mostly the
   same as their neighbours: zeros obey everything. */
static bool is_run(const unsigned char *at, ptrdiff_t other, int wanted)
{
    int before = 0, after = 4, differing = 0;

    while (before < 12 && (at[-before - 1] ^ at[-before - 5] ^ at[other - before - 1]) == 0)
        before++;
    while (after < 16 && (at[after] ^ at[after - 4] ^ at[other + after]) == 0)
        after++;
    for (int i = -before; i < after; i++)
        differing += at[i] != at[i - 4];
    return before + after >= wanted && 3 * differing >= 2 * (before + after);
}

/* Three columns obey in a row, or two of AES-192 in reversed order. */
static bool word_confirmed(const unsigned char *at)
{
    static const struct {
        signed char other, run;
    } relations[] = { { -32, 12 }, { 32, 12 },  { -16, 12 }, { 16, 12 },  { -24, 12 }, { 8, 8 },
                      { 28, 12 },  { -36, 12 }, { 12, 12 },  { -20, 12 }, { 20, 12 },  { -12, 8 } };
    const uint32_t e = load32(at) ^ load32(at - 4);

    for (size_t i = 0; i < sizeof(relations) / sizeof(*relations); i++)
        if (e == load32(at + relations[i].other) &&
            is_run(at, relations[i].other, relations[i].run))
            return true;
    return false;
}

bool words_confirmed(const unsigned char *window, uint32_t words)
{
    for (; words != 0; words &= words - 1)
        if (word_confirmed(window + 4 * (ptrdiff_t)__builtin_ctz(words)))
            return true;
    return false;
}

/* Masks and bitmaps are of 00 and ff, and so are zeros with little in between.  Of a schedule every
   fourth byte or fewer is 00, and half or more are mixed: that 7 and 2 of 32 are not met has a
   probability below 10^-7. */
bool bits_confirmed(const unsigned char *window)
{
    int zeros = 0, mixed = 0;

    for (int i = 0; i < WINDOW_SIZE; i++) {
        zeros += window[i] == 0;
        mixed += window[i] != 0 && window[i] != 0xff;
    }
    return zeros <= WINDOW_SIZE - 7 && mixed >= 2;
}

/* vpaes: two neighbours that obey by chance are frequent, so a third byte is asked for, which may
   lie outside of the window. */

/* Whether row 0 obeys at `at`, with the other word at `other`. */
static bool obeys(const unsigned char *at, int constant, ptrdiff_t other)
{
    return (at[0] ^ at[-4] ^ at[other]) == constant;
}

static bool three_obey(const unsigned char *at, int constant, ptrdiff_t other)
{
    return obeys(at, constant, other) && obeys(at + 4, constant, other) &&
           (obeys(at - 4, constant, other) || obeys(at + 8, constant, other));
}

/* Tables of small numbers are full of zeros, round keys are not: 5 of 12 have a probability of
   10^-9. */
static bool has_zeros(const unsigned char *twelve)
{
    int zeros = 0;

    for (int i = 0; i < 12; i++)
        zeros += twelve[i] == 0;
    return zeros >= 5;
}

static bool is_pair(const unsigned char *at)
{
    if (has_zeros(at - 4))
        return false;
    return three_obey(at, 0x5b, -32) || three_obey(at, 0x5b, -24) || three_obey(at, 0x5b, -16) ||
           three_obey(at, 0xe8, 32) || three_obey(at, 0xe8, 16);
}

/* AES-192 reversed, `at` in column 3 (in column 2 if `before`): column 1 has its other word
   elsewhere. */
static bool is_third(const unsigned char *at, bool before)
{
    return obeys(at - (before ? 4 : 8), 0xe8, 40) && !has_zeros(at - 8);
}

bool vpaes_confirmed(const unsigned char *window, uint32_t bytes, uint32_t third)
{
    for (uint32_t pairs = bytes & bytes >> 4; pairs != 0; pairs &= pairs - 1)
        if (is_pair(window + __builtin_ctz(pairs)))
            return true;
    for (uint32_t pairs = third & third >> 4; pairs != 0; pairs &= pairs - 1)
        if (is_third(window + __builtin_ctz(pairs), true))
            return true;
    for (uint32_t pairs = third & third >> 16; pairs != 0; pairs &= pairs - 1)
        if (is_third(window + __builtin_ctz(pairs), false))
            return true;
    return false;
}
