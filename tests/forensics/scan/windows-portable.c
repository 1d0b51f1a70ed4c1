/*
 * Windows in plain C: for processors without vectors that we know, and what the vector code is
 * compared with.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "windows.h"

static uint32_t load32(const unsigned char *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

static bool is_zero(const unsigned char *window)
{
    uint64_t words[4];

    memcpy(words, window, sizeof(words));
    return (words[0] | words[1] | words[2] | words[3]) == 0;
}

static bool word_obeys(const unsigned char *at)
{
    static const signed char others[] = { -32, 32, -16, 16, -24, 8, 28, -36, 12, -20, 20, -12 };
    const uint32_t word = load32(at), before = load32(at - 4), e = word ^ before;

    if (word == 0 || before == 0 || e == 0)
        return false;
    for (size_t i = 0; i < sizeof(others); i++)
        if (e == load32(at + others[i]))
            return true;
    return false;
}

/* Bit i: byte i of the window and its relatives are as in row 0 of vpaes. */
static uint32_t vpaes_bytes(const unsigned char *window, uint32_t *every_third)
{
    uint32_t bytes = 0, third = 0;

    for (int i = 0; i < WINDOW_SIZE; i++) {
        const unsigned char *at = window + i;
        const int e = at[0] ^ at[-4];
        const int encrypt = e ^ 0x5b, decrypt = e ^ 0xe8;

        bytes |= (uint32_t)(encrypt == at[-32] || encrypt == at[-16] || encrypt == at[-24] ||
                            decrypt == at[32] || decrypt == at[16])
                 << i;
        third |= (uint32_t)(decrypt == at[8]) << i;
    }
    *every_third = third;
    return bytes;
}

static bool may_be_schedule(const unsigned char *window)
{
    uint32_t bytes, third, words = 0;

    for (int i = 0; i < WINDOW_SIZE / 4; i++)
        words |= (uint32_t)word_obeys(window + 4 * (ptrdiff_t)i) << i;
    if (words != 0 && words_confirmed(window, words))
        return true;
    bytes = vpaes_bytes(window, &third);
    return vpaes_suspected(bytes, third) && vpaes_confirmed(window, bytes, third);
}

static bool may_be_bitsliced(const unsigned char *window)
{
    uint64_t words[4], differs = 0;

    memcpy(words, window, sizeof(words));
    for (int i = 0; i < 4; i++)
        differs |= words[i] ^ words[i] >> 1;
    return (differs & UINT64_C(0x5555555555555555)) == 0 && bits_confirmed(window);
}

static unsigned int kinds_of(const unsigned char *window, unsigned int kinds)
{
    unsigned int seen = 0;

    if (is_zero(window))
        return 0;
    if ((kinds & WINDOW_SCHEDULE) != 0 && may_be_schedule(window))
        seen |= WINDOW_SCHEDULE;
    if ((kinds & WINDOW_BITSLICED) != 0 && may_be_bitsliced(window))
        seen |= WINDOW_BITSLICED;
    return seen;
}

const unsigned char *windows_next_portable(const unsigned char *window, const unsigned char *end,
                                           size_t step, unsigned int kinds, unsigned int *seen)
{
    for (; window < end; window += step) {
        const unsigned int of = kinds_of(window, kinds);

        if (of == 0)
            continue;
        *seen = of;
        return window;
    }
    return NULL;
}
