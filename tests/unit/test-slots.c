/*
 * Slots for thunks (gateway/slots.[ch]): the macros count without a gap, and tables are copied
 * whole.
 */
#include "testing.h"

#include <stdlib.h>

#include "gateway/slots.h"

#define NUMBER(n) n,

static void few(void **state)
{
    static const int numbers[] = { FEW_SLOTS(NUMBER) };

    (void)state;
    assert_int_equal(sizeof(numbers) / sizeof(numbers[0]), SLOTS_FEW);
    for (int i = 0; i < SLOTS_FEW; i++)
        assert_int_equal(numbers[i], i);
}

static void some(void **state)
{
    static const int numbers[] = { SOME_SLOTS(NUMBER) };

    (void)state;
    assert_int_equal(sizeof(numbers) / sizeof(numbers[0]), SLOTS_SOME);
    for (int i = 0; i < SLOTS_SOME; i++)
        assert_int_equal(numbers[i], i);
}

static void many(void **state)
{
    static const int numbers[] = { MANY_SLOTS(NUMBER) };

    (void)state;
    assert_int_equal(sizeof(numbers) / sizeof(numbers[0]), SLOTS_MANY);
    for (int i = 0; i < SLOTS_MANY; i++)
        assert_int_equal(numbers[i], i);
}

static void function(void)
{
}

static void copied_dispatch(void **state)
{
    static const OSSL_DISPATCH table[] = {
        { 3, function }, { 9, NULL }, { 4, function }, { 0, NULL }
    };

    (void)state;
    for (size_t from = 0; from < 4; from++) {
        OSSL_DISPATCH *copy = slots_copy_dispatch(table + from);

        assert_non_null(copy);
        assert_ptr_not_equal(copy, table + from);
        assert_memory_equal(copy, table + from, (4 - from) * sizeof(*copy));
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few),
        cmocka_unit_test(some),
        cmocka_unit_test(many),
        cmocka_unit_test(copied_dispatch),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
