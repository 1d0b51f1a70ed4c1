/*
 * How a large request is cut into parts, and what becomes of it when one fails (split.[ch]), on
 * keys that are in no HSM.
 */
#include "testing.h"

#include <string.h>

#include "pkcs11/key.h"
#include "pkcs11/split.h"

enum { KILO = 1024, SIZE = 1024 * KILO };

static struct hsm_settings settings = { .parallel = 4 };
static struct token token = { .settings = &settings };
static struct hsm_key key = { .token = &token };
static unsigned char in[SIZE + HSM_BLOCK], out[SIZE + 2 * HSM_BLOCK];
static const unsigned char head[HSM_BLOCK];

/* Each byte of input and output belongs to one part, in order, and parts begin with a block. */
static size_t cut(const struct hsm_data *data)
{
    struct split_part parts[SPLIT_MOST];
    const size_t count = split_cut(&key, data, parts);
    size_t read = 0, written = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t own_head = parts[i].data.head != NULL ? HSM_BLOCK : 0;

        assert_ptr_equal(parts[i].data.head, i == 0 ? data->head : NULL);
        assert_ptr_equal(parts[i].data.in, data->in + read);
        assert_ptr_equal(parts[i].data.out, data->out + written);
        if (i > 0) {
            assert_int_equal(written % HSM_BLOCK, 0);
            assert_ptr_equal(split_before(&parts[i]), data->in + read - HSM_BLOCK);
        }
        read += parts[i].data.size;
        written += parts[i].data.size + own_head;
    }
    assert_int_equal(read, data->size);
    assert_int_equal(written, data->size + (data->head != NULL ? HSM_BLOCK : 0));
    return count;
}

static void large_ones_are_cut(void **state)
{
    static const struct {
        size_t size, parts;
    } rows[] = { { 0, 1 },          { 1, 1 },          { 128 * KILO - 1, 1 },
                 { 128 * KILO, 2 }, { 192 * KILO, 3 }, { 300 * KILO + 7, 4 },
                 { SIZE, 4 } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct hsm_data data = { NULL, in, rows[i].size, out };

        assert_int_equal(cut(&data), rows[i].parts);
    }
    for (settings.parallel = 0; settings.parallel <= HSM_PARALLEL_MOST; settings.parallel++) {
        const struct hsm_data data = { head, in, SIZE - 5, out };

        assert_int_equal(cut(&data), settings.parallel > 1 ? settings.parallel : 1);
    }
    settings.parallel = 4;
}

/* In place, or apart; where they overlap otherwise, or a waiting block moves all: as a whole. */
static void overlapping_ones_are_not(void **state)
{
    const size_t size = 512 * KILO;
    const struct hsm_data in_place = { NULL, out, size, out }, moved = { head, out, size, out },
                          behind = { NULL, out, size, out + HSM_BLOCK },
                          before = { NULL, out + HSM_BLOCK, size, out },
                          touching = { NULL, out, size, out + size },
                          reaching = { head, out + size, size, out };

    (void)state;
    assert_int_equal(cut(&in_place), 4);
    assert_int_equal(cut(&touching), 4);
    assert_int_equal(cut(&moved), 1);
    assert_int_equal(cut(&behind), 1);
    assert_int_equal(cut(&before), 1);
    assert_int_equal(cut(&reaching), 1);
}

static void keys_that_ask_for_the_pin_are_not(void **state)
{
    const struct hsm_data data = { NULL, in, SIZE, out };

    (void)state;
    key.facts.always_authenticate = true;
    assert_int_equal(cut(&data), 1);
    key.facts.always_authenticate = false;
}

/* What each part does: the numbers of those that fail, and how. */
struct plan {
    size_t crowded, fails, breaks; /* part of that number, from 1 on; 0: none */
    unsigned int runs[SPLIT_MOST];
};

static void work(void *plan_, struct split_part *part)
{
    struct plan *plan = plan_;
    const size_t number = (size_t)(part->data.out - out) / (SIZE / 4) + 1;
    const unsigned int run = __atomic_add_fetch(&plan->runs[number - 1], 1, __ATOMIC_SEQ_CST);

    part->done = part->touched = false;
    if (number == plan->crowded && run == 1) {
        failure_set(&part->why, FAILURE_SESSIONS, "crowded out");
    } else if (number == plan->fails) {
        failure_set(&part->why, FAILURE_OPERATION, "number %zu fails", number);
    } else if (number == plan->breaks) {
        failure_set(&part->why, FAILURE_SESSIONS, "number %zu breaks", number);
        part->touched = true;
    } else {
        memset(part->data.out, 'x', part->data.size);
        part->done = true;
    }
}

static bool run(struct plan *plan, struct failure *why)
{
    const struct hsm_data data = { NULL, in, SIZE, out };
    struct split_part parts[SPLIT_MOST];
    const size_t count = split_cut(&key, &data, parts);

    assert_int_equal(count, 4);
    memset(out, 0, sizeof(out));
    return split_run(parts, count, work, plan, why);
}

static void all_parts_are_done(void **state)
{
    struct plan plan = { 0 };
    struct failure why;

    (void)state;
    assert_true(run(&plan, &why));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(plan.runs[i], 1);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(out[i], 'x');
    assert_int_equal(out[SIZE], 0);
}

static void crowded_out_is_done_again(void **state)
{
    struct failure why;

    (void)state;
    for (size_t i = 1; i <= 4; i++) {
        struct plan plan = { .crowded = i };

        assert_true(run(&plan, &why));
        for (size_t j = 0; j < 4; j++)
            assert_int_equal(plan.runs[j], j == i - 1 ? 2 : 1);
        assert_int_equal(out[SIZE - 1], 'x');
    }
}

/* A part that had written something is not begun again, whatever it says. */
static void nothing_is_given_out(void **state)
{
    struct failure why;

    (void)state;
    for (size_t i = 1; i <= 8; i++) {
        struct plan plan = { .fails = i <= 4 ? i : 0, .breaks = i > 4 ? i - 4 : 0 };

        assert_false(run(&plan, &why));
        assert_string_equal(why.text,
                            text("number %zu %s", i <= 4 ? i : i - 4, i <= 4 ? "fails" : "breaks"));
        for (size_t j = 0; j < 4; j++)
            assert_int_equal(plan.runs[j], 1);
        for (size_t j = 0; j < SIZE; j++)
            assert_int_equal(out[j], 0);
    }
}

/* Alone it is done once, as without `parallel`. */
static void one_part_is_not_done_again(void **state)
{
    struct plan plan = { .crowded = 1 };
    struct split_part part = { .data = { NULL, in, SIZE / 4, out } };
    struct failure why;

    (void)state;
    assert_false(split_run(&part, 1, work, &plan, &why));
    assert_int_equal(plan.runs[0], 1);
    assert_string_equal(why.text, "crowded out");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_ones_are_cut),
        cmocka_unit_test(overlapping_ones_are_not),
        cmocka_unit_test(keys_that_ask_for_the_pin_are_not),
        cmocka_unit_test(all_parts_are_done),
        cmocka_unit_test(crowded_out_is_done_again),
        cmocka_unit_test(nothing_is_given_out),
        cmocka_unit_test(one_part_is_not_done_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
