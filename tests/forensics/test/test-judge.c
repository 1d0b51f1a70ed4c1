/*
 * The verdict: what is found makes it, of the key, without a key, and of the PIN.
 */
#include <string.h>

#include "testing.h"

#include "../report/writers.h"
#include "made-up.h"

/* ---- what is found ---- */

/* Every kind of finding of the wanted key counts, and so do its pieces. */
static void every_form_is_found(void **state)
{
    static const enum finding_kind kinds[] = { FINDING_SCHEDULE, FINDING_KNOWN_KEY,
                                               FINDING_ORACLE_KEY };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct report report;
        struct finding *finding;

        made_up_report(&report, TARGET_PROCESSES, 1);
        finding = made_up_schedule(&report, 0, MADE_UP_HEAP, 1, 0);
        finding->kind = kinds[i];
        finding->matched = 4;
        report_judge(&report);
        assert_int_equal(report.verdict, VERDICT_KEY_FOUND);
        report_clear(&report);
    }
}

/* A finding of a sought key that nobody declared a canary is the wanted key. */
static void canaries_are_no_verdict(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_RUN, 3);
    made_up_schedule(&report, 1, MADE_UP_HEAP, 1, 1);
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_KEY_NOT_IN_MEMORY);
    report.question.canaries = 0;
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_KEY_FOUND);
    report_clear(&report);
}

/* Bytes of a schedule that was found are no second finding; what lies beside it is. */
static void a_schedule_is_told_once(void **state)
{
    struct report report;
    struct finding *finding;

    (void)state;
    made_up_report(&report, TARGET_PROCESSES, 1);
    made_up_schedule(&report, 0, MADE_UP_HEAP, 1, 0);
    finding = made_up_bytes(&report, 0, MADE_UP_HEAP, FINDING_KNOWN_KEY, "raw");
    finding->address = findings_at(report.examinations[0]->findings, 0)->address;
    report_judge(&report);
    assert_string_equal(report.sentence,
                        "The key hsmzke:gold is in memory: encrypt schedule in the heap.");
    finding->address += 209;
    report_judge(&report);
    CHECK_HAS(report.sentence, "encrypt schedule in the heap, raw key bytes in the heap");
    report_clear(&report);
}

static void found_between_calls(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_RUN, 9);
    made_up_schedule(&report, 3, MADE_UP_HEAP, 1, 0);
    made_up_schedule(&report, 4, MADE_UP_HEAP, 1, 0);
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_KEY_FOUND);
    CHECK_HAS(report.sentence,
              "between the entry of C_EncryptUpdate and the return of C_EncryptUpdate");
    CHECK_HAS(report.sentence, "in 2 of 9 scans");
    report_clear(&report);
}

static void other_keys_are_told_apart(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_PROCESSES, 1);
    made_up_schedule(&report, 0, MADE_UP_HEAP, 1, -1);
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_KEY_NOT_IN_MEMORY);
    CHECK_HAS(report.sentence, "1 other AES key in the heap (encrypt schedule)");
    report_clear(&report);
}

/* ---- without a key ---- */

static void keys_are_listed(void **state)
{
    struct report report;
    struct finding *finding;

    (void)state;
    made_up_report(&report, TARGET_PROCESSES, 1);
    made_up_ask_nothing(&report);
    made_up_schedule(&report, 0, MADE_UP_HEAP, 1, -1);
    made_up_schedule(&report, 0, MADE_UP_HEAP, 2, -1);
    finding = made_up_schedule(&report, 0, MADE_UP_DATA, 3, -1);
    finding->order = ORDER_REVERSED;
    finding->transform = TRANSFORM_INV_MIX_COLUMNS;
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_AES_KEYS_FOUND);
    assert_int_equal(report_status(&report), 1);
    assert_string_equal(report.sentence, "3 AES keys: 2 in the heap (encrypt schedules), 1 in "
                                         "libfoo.so.1's data (decrypt schedule).");
    CHECK_HAS(report.next, "--reference");
    report_clear(&report);
}

/* A key whose user shows is a key like others, and called by its user. */
static void users_of_keys_are_named(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_PROCESSES, 1);
    made_up_ask_nothing(&report);
    made_up_schedule(&report, 0, MADE_UP_HEAP, 1, -1)->used_by = "OpenSSL's CTR-DRBG";
    made_up_schedule(&report, 0, MADE_UP_HEAP, 2, -1)->used_by = "OpenSSL's CTR-DRBG";
    made_up_schedule(&report, 0, MADE_UP_HEAP, 3, -1);
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_AES_KEYS_FOUND);
    assert_string_equal(report.sentence, "3 AES keys: 2 in the heap (OpenSSL's CTR-DRBG), 1 in "
                                         "the heap (encrypt schedule).");
    report_clear(&report);
}

/* One key in two places, or at the same place in two scans, is one key. */
static void one_key_is_counted_once(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_RUN, 3);
    made_up_ask_nothing(&report);
    made_up_schedule(&report, 0, MADE_UP_HEAP, 1, -1);
    made_up_schedule(&report, 1, MADE_UP_HEAP, 1, -1);
    made_up_schedule(&report, 1, MADE_UP_DATA, 1, -1);
    report_judge(&report);
    CHECK_HAS(report.sentence, "1 AES key in ");
    report_clear(&report);
}

static void self_test_keys_do_not_count(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_PROCESSES, 1);
    made_up_ask_nothing(&report);
    made_up_schedule(&report, 0, MADE_UP_HEAP, 1, -1)->owner = "FIPS 197";
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_NO_AES_KEYS);
    assert_int_equal(report_status(&report), 0);
    report_clear(&report);
}

/* ---- the PIN ---- */

static void the_pin_has_its_own_verdict(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_PROCESSES, 1);
    report.question.pin = true;
    report_judge(&report);
    assert_int_equal(report.pin_verdict, VERDICT_KEY_NOT_IN_MEMORY);
    assert_int_equal(report_status(&report), 0);
    made_up_bytes(&report, 0, MADE_UP_HEAP, FINDING_PIN, "UTF-16");
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_KEY_NOT_IN_MEMORY);
    assert_int_equal(report.pin_verdict, VERDICT_KEY_FOUND);
    assert_int_equal(report_status(&report), 1);
    CHECK_HAS(report.sentence, "The PIN is in memory: UTF-16 in the heap");
    report_clear(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_found),
        cmocka_unit_test(canaries_are_no_verdict),
        cmocka_unit_test(a_schedule_is_told_once),
        cmocka_unit_test(found_between_calls),
        cmocka_unit_test(other_keys_are_told_apart),
        cmocka_unit_test(keys_are_listed),
        cmocka_unit_test(users_of_keys_are_named),
        cmocka_unit_test(one_key_is_counted_once),
        cmocka_unit_test(self_test_keys_do_not_count),
        cmocka_unit_test(the_pin_has_its_own_verdict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
