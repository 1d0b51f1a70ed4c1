/* What speaks against a key, in one line (policy.c). */
#include "testing.h"

#include <string.h>

#include "policy.h"

static struct hsm_judgement audit;

static void add(const char *check, enum hsm_result result, enum hsm_severity severity, bool refused)
{
    audit.findings[audit.findings_count++] =
        (struct hsm_finding){ check, result, severity, refused, "" };
}

static int begin(void **state)
{
    (void)state;
    memset(&audit, 0, sizeof(audit));
    return 0;
}

static void nothing(void **state)
{
    char text[100] = "something";

    (void)state;
    add("local", HSM_FAIL, HSM_MEDIUM, false);
    add("value", HSM_PASS, HSM_CRITICAL, false);
    assert_int_equal(policy_findings(&audit, text, sizeof(text)), 0);
    assert_string_equal(text, "");
}

static void the_worst_first(void **state)
{
    char text[200];

    (void)state;
    add("history", HSM_FAIL, HSM_HIGH, true);
    add("local", HSM_FAIL, HSM_MEDIUM, false);
    add("extractable", HSM_UNKNOWN, HSM_HIGH, true);
    add("value", HSM_FAIL, HSM_CRITICAL, true);
    assert_int_equal(policy_findings(&audit, text, sizeof(text)), 3);
    assert_string_equal(text, "value (critical), history (high), extractable (not told by the "
                              "module)");
}

/* As many as fit, and how many do not; no byte past the end. */
static void too_many(void **state)
{
    char text[400];

    (void)state;
    for (size_t i = 0; i < HSM_CHECKS_MOST; i++)
        add("a-check", HSM_FAIL, HSM_HIGH, true);
    for (size_t size = 50; size < sizeof(text); size++) {
        memset(text, '#', sizeof(text));
        assert_int_equal(policy_findings(&audit, text, size), HSM_CHECKS_MOST);
        assert_true(strlen(text) < size);
        assert_int_equal(text[size], '#');
        CHECK_HAS(text, "a-check (high)");
        CHECK_HAS(text, " more");
    }
}

#define TEST(function) cmocka_unit_test_setup(function, begin)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(nothing), TEST(the_worst_first), TEST(too_many) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
