/*
 * What is remembered between searches: the same bytes, and nothing that differs in a single one.
 */
#include "scanning.h"

#include <string.h>

#include "../scan/memo.h"

enum { SIZE = 3 * PIECE_OVERLAP, FROM = PIECE_OVERLAP, TO = 2 * PIECE_OVERLAP, MANY = 200000 };

static struct piece middle_of(const unsigned char *memory)
{
    return (struct piece){
        .bytes = memory, .size = SIZE, .from = FROM, .to = TO, .address = 0x7f0000001000
    };
}

static void every_byte_counts(void **state)
{
    unsigned char *memory = memory_new(SIZE);
    struct memo *memo = memo_new();
    const struct piece part = middle_of(memory);
    uint64_t seed = 1;

    (void)state;
    random_fill(memory, SIZE, &seed);
    assert_false(memo_knows(memo, memo_mark(memo, &part)));
    memo_add(memo, memo_mark(memo, &part));
    assert_true(memo_knows(memo, memo_mark(memo, &part)));
    for (size_t i = 0; i < SIZE; i++) {
        const unsigned char bit = (unsigned char)(1U << (i & 7));

        memory[i] ^= bit;
        assert_false(memo_knows(memo, memo_mark(memo, &part)));
        memory[i] ^= bit;
    }
    assert_true(memo_knows(memo, memo_mark(memo, &part)));
    memo_free(memo);
    memory_free(memory);
}

/* The same bytes elsewhere are known; cut or aligned otherwise, a detector sees other things. */
static void place_and_shape(void **state)
{
    unsigned char *memory = memory_new(SIZE);
    struct memo *memo = memo_new();
    struct piece part = middle_of(memory);

    (void)state;
    memo_add(memo, memo_mark(memo, &part));
    part.address += 0x10000;
    assert_true(memo_knows(memo, memo_mark(memo, &part)));
    part.address += 8;
    assert_false(memo_knows(memo, memo_mark(memo, &part)));
    part = middle_of(memory);
    part.to -= 1;
    assert_false(memo_knows(memo, memo_mark(memo, &part)));
    part = middle_of(memory);
    part.size -= 1;
    assert_false(memo_knows(memo, memo_mark(memo, &part)));
    memo_free(memo);
    memory_free(memory);
}

/* When it is full it forgets, and takes what comes. */
static void more_than_it_holds(void **state)
{
    struct memo *memo = memo_new();
    uint64_t seed = 2;

    (void)state;
    for (int i = 0; i < MANY; i++) {
        const struct memo_mark mark = { random_next(&seed), random_next(&seed) };

        assert_false(memo_knows(memo, mark));
        memo_add(memo, mark);
        assert_true(memo_knows(memo, mark));
    }
    memo_free(memo);
}

static size_t search(const struct scanner *scanner, const unsigned char *memory)
{
    const struct piece all = { .bytes = memory, .size = SIZE, .to = SIZE };
    struct findings *findings = findings_new();
    size_t count;

    scanner_search(scanner, &all, findings);
    scanner_conclude(scanner, findings);
    count = findings_count(findings);
    findings_free(findings);
    return count;
}

/* A key that comes into memory that was searched is found; one that stays is found each time. */
static void keys_come_and_go(void **state)
{
    const struct scanner_settings settings = { .detectors = DETECT_ALL, .remember = true };
    struct scanner *scanner = scanner_new(&settings);
    unsigned char *memory = memory_new(SIZE), key[32], schedule[ENCODED_MAX];
    uint64_t seed = 3;
    size_t size;

    (void)state;
    random_fill(memory, SIZE, &seed);
    random_fill(key, sizeof(key), &seed);
    size = encode_schedule(&planted_forms[0], key, 256, schedule);
    assert_true(size >= 240);
    for (int i = 0; i < 3; i++)
        assert_int_equal(search(scanner, memory), 0);
    memcpy(memory + 5001, schedule, size);
    for (int i = 0; i < 3; i++)
        assert_int_equal(search(scanner, memory), 1);
    random_fill(memory + 5001, size, &seed);
    assert_int_equal(search(scanner, memory), 0);
    scanner_free(scanner);
    memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_counts),
        cmocka_unit_test(place_and_shape),
        cmocka_unit_test(more_than_it_holds),
        cmocka_unit_test(keys_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
