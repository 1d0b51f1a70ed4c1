/*
 * Schedules whose words are bytes.  Windows that may be of one (windows.h) are looked at at every
 * byte offset, in each order; what obeys the linear relation is a candidate in the forms that keep
 * it, and is verified (verify.h).
 */
#include "aes.h"
#include "structure.h"
#include "verify.h"

/* e1, e3: words 9 ^ 8 and 11 ^ 10 of three blocks, of which 8 to 11 are the newest. */
struct probe {
    uint32_t e1, e3;
    uint32_t w1, w3, w5, w7;
};

static struct probe probe_at(const unsigned char *newest, enum schedule_order order, bool reversed)
{
    const ptrdiff_t before = order == ORDER_FORWARD ? -16 : 16, first = reversed ? 12 : 0;
    const ptrdiff_t word = reversed ? -4 : 4;
    const unsigned char *block = newest + first;

    return (struct probe){
        .e1 = aes_load(block + word) ^ aes_load(block),
        .e3 = aes_load(block + 3 * word) ^ aes_load(block + 2 * word),
        .w1 = aes_load(block + 2 * before + word),
        .w3 = aes_load(block + 2 * before + 3 * word),
        .w5 = aes_load(block + before + word),
        .w7 = aes_load(block + before + 3 * word),
    };
}

/* Whether, for a key length, both relations give `constant` in the bits of `mask`.  Words that are
   the same as their neighbours say nothing. */
static bool probe_fits(const struct probe *probe, uint32_t constant, uint32_t mask)
{
    const uint32_t e1 = probe->e1 ^ constant, e3 = probe->e3 ^ constant;

    if (probe->e1 == 0 || probe->e3 == 0)
        return false;
    return (((e3 ^ probe->w3) | (e1 ^ probe->w1)) & mask) == 0 ||
           (((e3 ^ probe->w5) | (e1 ^ probe->w3)) & mask) == 0 ||
           (((e3 ^ probe->w7) | (e1 ^ probe->w5)) & mask) == 0;
}

static void verify_words(struct search *search, size_t at, enum schedule_order order, bool reversed)
{
    static const enum schedule_transform transforms[] = { TRANSFORM_PLAIN,
                                                          TRANSFORM_INV_MIX_COLUMNS };
    const enum schedule_bytes from = reversed ? BYTES_REVERSED : BYTES_NATURAL;
    const enum schedule_bytes to = reversed ? BYTES_REVERSED : BYTES_SWAPPED_32;

    for (int i = 0; i < 2; i++)
        for (enum schedule_bytes bytes = from; bytes <= to; bytes++)
            structure_verify(search, &(struct candidate){ .piece = search->piece,
                                                          .at = at,
                                                          .form = { order, transforms[i], bytes },
                                                          .shift_modulus = 4 });
}

/* OpenSSL's turns by 1 from round to round; others may turn the other way, from anywhere. */
static void verify_vpaes(struct search *search, size_t at, enum schedule_order order)
{
    const enum schedule_transform transform =
        order == ORDER_FORWARD ? TRANSFORM_VPAES_ENCRYPT : TRANSFORM_VPAES_DECRYPT;

    for (unsigned int shift = 0; shift < 4; shift++)
        for (unsigned int step = 1; step < 4; step += 2)
            structure_verify(search,
                             &(struct candidate){ .piece = search->piece,
                                                  .at = at,
                                                  .form = { order, transform, BYTES_NATURAL },
                                                  .shift = shift,
                                                  .shift_step = step,
                                                  .shift_modulus = 4 });
}

/* Three blocks, of which the newest is at `at`. */
static void look_at(struct search *search, size_t at, enum schedule_order order)
{
    const unsigned char *newest = search->piece->bytes + at;
    const uint32_t constant = order == ORDER_FORWARD ? 0x5b : 0xe8;
    const struct probe probe = probe_at(newest, order, false);
    const struct probe reversed = probe_at(newest, order, true);

    if (probe_fits(&probe, 0, 0xffffffff))
        verify_words(search, at, order, false);
    if (probe_fits(&probe, constant, 0xff))
        verify_vpaes(search, at, order);
    if (probe_fits(&reversed, 0, 0xffffffff))
        verify_words(search, at, order, true);
}

/* All places of a newest block that could have caught the window's eye. */
void schedule_look_around(struct search *search, ptrdiff_t window)
{
    const ptrdiff_t size = (ptrdiff_t)search->piece->size;
    ptrdiff_t at = window - 16 < 0 ? 0 : window - 16;

    for (; at < window + WINDOW_SIZE && !structure_is_known(search, window); at++) {
        if (at >= 32 && at + 16 <= size)
            look_at(search, (size_t)at, ORDER_FORWARD);
        if (at + 48 <= size)
            look_at(search, (size_t)at, ORDER_REVERSED);
    }
}
