/*
 * The plausibility test: what it misses of random keys, computed exactly; that blocks are tested as
 * single windows are, on every code path; and what it passes over.
 */
#include "scanning.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "../scan/oracle.h"
#include "../scan/plausible.h"

/* Of `n` independent trials with probability `p` more than `most` succeed. */
static long double tail_above(int n, long double p, int most)
{
    long double sum = 0;

    for (int k = most + 1; k <= n; k++) {
        long double term = 1;

        for (int i = 0; i < k; i++)
            term *= p * (long double)(n - i) / (long double)(i + 1);
        for (int i = 0; i < n - k; i++)
            term *= 1 - p;
        sum += term;
    }
    return sum;
}

/*
 * The bytes of a random key are independent and uniform; so are the differences of bytes at a fixed
 * distance, as many as there are pairs here: they make no closed path.  So each count is binomial,
 * and the sum of the tails bounds what all of them miss together.
 */
static void misses_less_than_one_key_in_a_million(void **state)
{
    const long double byte = 1.0L / 256;
    const long double zeros = tail_above(PLAUSIBLE_WINDOW, byte, PLAUSIBLE_ZEROS_MOST);
    const long double ones = tail_above(PLAUSIBLE_WINDOW, byte, PLAUSIBLE_ONES_MOST);
    const long double tops =
        tail_above(PLAUSIBLE_WINDOW, 0.5L, PLAUSIBLE_WINDOW - PLAUSIBLE_TOPS_LEAST);
    const long double common =
        tail_above(PLAUSIBLE_WINDOW, PLAUSIBLE_COMMON * byte, PLAUSIBLE_COMMON_MOST);
    const long double same = tail_above(PLAUSIBLE_PAIRS, byte, PLAUSIBLE_SAME_MOST);
    const long double all = zeros + ones + tops + common + 3 * same;

    (void)state;
    print_message("missed: %.3Le by bytes 00, the same by ff, %.3Le by top bits, %.3Le by "
                  "common bytes, %.3Le by each distance, together at most %.3Le\n",
                  zeros, tops, common, same, all);
    assert_true(all < 1e-6L);
    assert_true(all > 6.0e-7L); /* the sum is what plausible.h says it is */
    assert_true(all < 6.2e-7L);
}

/* What oracle-halves.c and oracle-text.c pass over before. */
static void halves_and_text_miss_no_more(void **state)
{
    const long double rare = tail_above(16, 2.0L / 256, ORACLE_HALF_RARE_MOST);
    const long double printable = powl(95.0L / 256, 16), addresses = powl(0.5L, 34);
    const long double half = rare + printable + addresses + powl(0.5L, 64);
    /* Of a key at any phase 41 characters and more are random. */
    const long double letters = tail_above(41, 38.0L / 64, 41 - ORACLE_CASE_LEAST);

    (void)state;
    print_message("missed: %.3Le of two halves, %.3Le of base64\n", 2 * half, 2 * letters);
    assert_true(2 * half < 1e-6L);
    assert_true(2 * letters < 1e-6L);
}

/* As many values as are counted with. */
static void the_common_bytes_are_as_many_as_said(void **state)
{
    int count = 0;

    (void)state;
    for (int i = 0; i < 32; i++)
        count += __builtin_popcount(plausible_common[i / 16][i % 16]);
    assert_int_equal(count, PLAUSIBLE_COMMON);
}

/* Bytes of few values, so that all counts come near their limits. */
static void fill_near(uint64_t *seed, unsigned char *bytes, size_t size)
{
    static const unsigned char few[] = { 0x00, 0x00, 0xff, 0xff, 0x41, 0x42, 0x80, 0x90 };

    for (size_t i = 0; i < size; i++) {
        const uint64_t random = random_next(seed);
        const unsigned char other = (unsigned char)(random >> 32);

        bytes[i] = random % 16 < 8              ? few[random % 8]
                   : random % 16 == 8 && i >= 4 ? bytes[i - 4]
                   : random % 16 == 9 && i >= 8 ? bytes[i - 8]
                                                : other;
    }
}

static void blocks_are_windows(void (*block)(const unsigned char *, uint64_t *))
{
    unsigned char *memory = memory_new(PLAUSIBLE_BLOCK + PLAUSIBLE_AHEAD);
    uint64_t masks[PLAUSIBLE_BLOCK / 64], seed = 17;
    size_t passed = 0;

    for (int round = 0; round < 200; round++) {
        if (round % 4 == 0)
            random_fill(memory, PLAUSIBLE_BLOCK + PLAUSIBLE_AHEAD, &seed);
        else
            fill_near(&seed, memory, PLAUSIBLE_BLOCK + PLAUSIBLE_AHEAD);
        if (round % 8 == 7)
            memset(memory, 0, PLAUSIBLE_BLOCK / 2);
        block(memory, masks);
        for (size_t i = 0; i < PLAUSIBLE_BLOCK; i++) {
            const bool is = masks[i / 64] >> (i % 64) & 1;

            passed += is;
            assert_int_equal(is, plausible_window(memory + i));
            assert_int_equal(is, scanner_plausible(memory + i));
        }
    }
    assert_true(passed >= 50000 && passed <= 150000);
    memory_free(memory);
}

static void every_path_tests_alike(void **state)
{
    (void)state;
    blocks_are_windows(plausible_block);
    blocks_are_windows(oracle_portable.plausible);
#ifdef __x86_64__
    if (code_path_choose(PATH_AVX2) == PATH_AVX2)
        blocks_are_windows(oracle_aesni.plausible);
    if (code_path_choose(PATH_AVX512) == PATH_AVX512)
        blocks_are_windows(oracle_vaes.plausible);
#endif
}

/* Each limit, from both sides. */
static void limits_are_where_they_are_said(void **state)
{
    unsigned char good[32], window[32];

    (void)state;
    for (int i = 0; i < 32; i++)
        good[i] = (unsigned char)(0x81 + 37 * i);
    assert_true(plausible_window(good));
    for (int value = 0; value < 256; value += 255)
        for (int count = 4; count <= 5; count++) {
            memcpy(window, good, 32);
            for (int i = 0; i < count; i++)
                window[3 * i + 1] = (unsigned char)value;
            assert_int_equal(plausible_window(window), count == 4);
        }
    for (int count = 2; count <= 3; count++) {
        memcpy(window, good, 32);
        for (int i = 0; i < 32; i++)
            window[i] = (unsigned char)((window[i] & 0x7f) | (i < count ? 0x80 : 0) | 0x10);
        assert_int_equal(plausible_window(window), count == 3);
    }
    for (int distance = 1; distance <= 8; distance *= 2)
        for (int count = 4; count <= 5 && distance != 2; count++) {
            memcpy(window, good, 32);
            for (int i = 0; i < count; i++)
                window[i + distance] = window[i];
            assert_int_equal(plausible_window(window), count == 4);
        }
}

static void text_zeros_and_addresses_do_not_pass(void **state)
{
    static const unsigned char text[32] = "It was the best of times, it was";
    static const uint64_t addresses[4] = { 0x7ffd12345678, 0x55d0deadbeef, 0x7f0123456789, 42 };
    static const unsigned char zeros[32];

    (void)state;
    assert_false(plausible_window(text));
    assert_false(plausible_window(zeros));
    assert_false(plausible_window((const unsigned char *)addresses));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misses_less_than_one_key_in_a_million),
        cmocka_unit_test(halves_and_text_miss_no_more),
        cmocka_unit_test(the_common_bytes_are_as_many_as_said),
        cmocka_unit_test(every_path_tests_alike),
        cmocka_unit_test(limits_are_where_they_are_said),
        cmocka_unit_test(text_zeros_and_addresses_do_not_pass),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
