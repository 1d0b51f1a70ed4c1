/*
 * Causes in words (failure.[ch]): what is recorded, replaced and cut.
 */
#include "testing.h"

#include <string.h>

#include "failure.h"

static void recorded(void **state)
{
    struct failure why;

    (void)state;
    memset(&why, 0xff, sizeof(why));
    assert_false(failure_set(&why, FAILURE_TOKEN, "token '%s': %d of %d", "prod", 1, 2));
    assert_int_equal(why.reason, FAILURE_TOKEN);
    assert_string_equal(why.text, "token 'prod': 1 of 2");
    assert_false(failure_set(&why, FAILURE_PIN, "short"));
    assert_int_equal(why.reason, FAILURE_PIN);
    assert_string_equal(why.text, "short");
}

/* Names of keys and tokens are others' text: one line comes of it, and nothing that a terminal
 * obeys. */
static void control_characters(void **state)
{
    struct failure why;

    (void)state;
    failure_set(&why, FAILURE_TOKEN, "token '%s'", "a\nb\r\x1b[2Jc\x7f\td\xc3\xa9");
    assert_string_equal(why.text, "token 'a?b??[2Jc??d\xc3\xa9'");
    failure_prefix(&why, "key '%s'", "e\nf");
    assert_string_equal(why.text, "key 'e?f': token 'a?b??[2Jc??d\xc3\xa9'");
}

static void out_of_memory(void **state)
{
    struct failure why;

    (void)state;
    assert_false(failure_memory(&why));
    assert_int_equal(why.reason, FAILURE_MEMORY);
    assert_string_equal(why.text, "out of memory");
}

/* What does not fit is cut, and what follows in memory is left alone. */
static void long_texts(void **state)
{
    struct {
        struct failure why;
        char canary[16];
    } at;
    char text_in[2 * sizeof(at.why.text)];

    (void)state;
    for (size_t length = sizeof(at.why.text) - 2; length < sizeof(text_in); length++) {
        const size_t expected = length < sizeof(at.why.text) ? length : sizeof(at.why.text) - 1;

        memset(&at, 0xc7, sizeof(at));
        memset(text_in, 'x', length);
        text_in[length] = '\0';
        assert_false(failure_set(&at.why, FAILURE_MODULE, "%s", text_in));
        assert_int_equal(strlen(at.why.text), expected);
        for (size_t i = 0; i < sizeof(at.canary); i++)
            assert_int_equal((unsigned char)at.canary[i], 0xc7);
    }
}

static void prefixed(void **state)
{
    struct failure why;

    (void)state;
    failure_set(&why, FAILURE_IDENTITY, "100%% wrong: %s", "%s%n");
    failure_prefix(&why, "key '%s'", "gold");
    assert_int_equal(why.reason, FAILURE_IDENTITY);
    assert_string_equal(why.text, "key 'gold': 100% wrong: %s%n");
    failure_prefix(&why, "alias");
    assert_string_equal(why.text, "alias: key 'gold': 100% wrong: %s%n");
}

/* The end of a text gives way to the prefix, and the end of the prefix to the text. */
static void long_prefixes(void **state)
{
    struct {
        struct failure why;
        char canary[16];
    } at;
    char x[600];

    (void)state;
    memset(x, 'x', sizeof(x) - 1);
    x[sizeof(x) - 1] = '\0';
    memset(&at, 0xc7, sizeof(at));
    failure_set(&at.why, FAILURE_MODULE, "%s", x);
    failure_prefix(&at.why, "%s", "key");
    assert_int_equal(strncmp(at.why.text, "key: xxxx", 9), 0);
    assert_true(strlen(at.why.text) < sizeof(at.why.text));
    failure_set(&at.why, FAILURE_MODULE, "cause");
    failure_prefix(&at.why, "%s", x);
    assert_non_null(strstr(at.why.text, ": cause"));
    for (size_t i = 0; i < sizeof(at.canary); i++)
        assert_int_equal((unsigned char)at.canary[i], 0xc7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded),      cmocka_unit_test(control_characters),
        cmocka_unit_test(out_of_memory), cmocka_unit_test(long_texts),
        cmocka_unit_test(prefixed),      cmocka_unit_test(long_prefixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
