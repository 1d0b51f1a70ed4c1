/* Which token of an HA group serves next, how long one that failed rests, and agreement. */
#include "testing.h"

#include "pkcs11/spread.h"

enum { COUNT = 3 };

static enum spread_act act(const struct spread_member *members, size_t start, bool may_revive,
                           size_t expected)
{
    size_t which = 99;
    const enum spread_act result = spread_choose(members, COUNT, start, may_revive, &which);

    if (result == SPREAD_USE || result == SPREAD_REVIVE)
        assert_int_equal(which, expected);
    return result;
}

static void rests(void **state)
{
    static const unsigned int lengths[] = { 1000, 2000, 4000, 8000, 16000, 30000, 30000 };
    struct rest rest = { 0 };
    uint64_t now = 5000;

    (void)state;
    assert_true(rest_is_over(&rest, 0));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        rest_begin(&rest, now);
        rest_begin(&rest, now); /* another request that failed with it */
        assert_int_equal(rest.length, lengths[i]);
        assert_false(rest_is_over(&rest, now + lengths[i] - 1));
        assert_true(rest_is_over(&rest, now + lengths[i]));
        now += lengths[i];
    }
    rest_end(&rest);
    assert_true(rest_is_over(&rest, 0));
    rest_begin(&rest, now);
    assert_int_equal(rest.length, 1000);
}

static void in_turn(void **state)
{
    const struct spread_member members[COUNT] = { { .ready = true },
                                                  { .ready = true },
                                                  { .ready = true } };

    (void)state;
    for (size_t start = 0; start < COUNT; start++)
        assert_int_equal(act(members, start, true, start), SPREAD_USE);
}

static void least_busy(void **state)
{
    struct spread_member members[COUNT] = { { .ready = true, .load = 2 },
                                            { .ready = true, .load = 1 },
                                            { .ready = true, .load = 3 } };

    (void)state;
    for (size_t start = 0; start < COUNT; start++)
        assert_int_equal(act(members, start, true, 1), SPREAD_USE);
    members[1].tries = 1; /* it failed this request */
    assert_int_equal(act(members, 1, true, 0), SPREAD_USE);
    members[0].tries = members[2].tries = SPREAD_TRIES;
    assert_int_equal(act(members, 0, true, 1), SPREAD_USE);
    members[1].tries = SPREAD_TRIES;
    assert_int_equal(act(members, 0, true, 0), SPREAD_NONE);
}

/* One that has rested is brought up by one request, once; the others go on. */
static void brought_up(void **state)
{
    struct spread_member members[COUNT] = { { .ready = true }, { .due = true }, { .due = false } };

    (void)state;
    assert_int_equal(act(members, 0, true, 1), SPREAD_REVIVE);
    assert_int_equal(act(members, 0, false, 0), SPREAD_USE);
    members[1].busy = true;
    assert_int_equal(act(members, 0, true, 0), SPREAD_USE);
    members[1].busy = false;
    members[1].tries = 1;
    assert_int_equal(act(members, 0, true, 0), SPREAD_USE);
}

/* None is ready: what rests is tried all the same, the most recent failure first. */
static void last_resort(void **state)
{
    struct spread_member members[COUNT] = { { .rest = 30000 }, { .rest = 1000 }, { .rest = 4000 } };

    (void)state;
    assert_int_equal(act(members, 0, false, 1), SPREAD_REVIVE);
    members[1].busy = true;
    assert_int_equal(act(members, 0, false, 2), SPREAD_REVIVE);
    members[0].tries = members[2].tries = SPREAD_TRIES;
    assert_int_equal(act(members, 0, false, 0), SPREAD_WAIT);
    members[1].busy = false;
    members[1].tries = SPREAD_TRIES;
    assert_int_equal(act(members, 0, false, 0), SPREAD_NONE);
}

/* One that has another key is never chosen, whatever else is so. */
static void left_out(void **state)
{
    struct spread_member members[COUNT] = { { .out = true, .ready = true },
                                            { .out = true, .due = true },
                                            { .out = true, .busy = true } };

    (void)state;
    for (size_t start = 0; start < COUNT; start++) {
        assert_int_equal(act(members, start, true, 0), SPREAD_NONE);
        assert_int_equal(act(members, start, false, 0), SPREAD_NONE);
    }
    members[2] = (struct spread_member){ .ready = true, .load = 100, .tries = 1 };
    assert_int_equal(act(members, 0, true, 2), SPREAD_USE);
}

static void agreement(void **state)
{
    (void)state;
    assert_true(spread_agrees("aes:0186c59652fb7e7f", "aes:0186c59652fb7e7f"));
    assert_false(spread_agrees("aes:0186c59652fb7e7f", "aes:0186c59652fb7e7e"));
    assert_false(spread_agrees("aes:0186c59652fb7e7f", "cmac:0186c59652fb7e7f"));
    assert_false(spread_agrees("aes:0186c59652fb7e7f", "unknown"));
    assert_false(spread_agrees("unknown", "unknown"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rests),      cmocka_unit_test(in_turn),     cmocka_unit_test(least_busy),
        cmocka_unit_test(brought_up), cmocka_unit_test(last_resort), cmocka_unit_test(left_out),
        cmocka_unit_test(agreement),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
