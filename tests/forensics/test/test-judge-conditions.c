/*
 * The conditions of a negative verdict: it is given if they hold, and each can fail.
 */
#include <stdio.h>
#include <string.h>

#include "testing.h"

#include "../report/writers.h"
#include "made-up.h"

static void all_conditions_hold(void **state)
{
    static const enum target_kind kinds[] = { TARGET_PROCESSES, TARGET_RUN, TARGET_IMAGE };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct report report;

        made_up_report(&report, kinds[i], 9);
        report_judge(&report);
        assert_string_equal(report.conditions[CONDITION_LEDGER].reason[0] != '\0' ? "a reason"
                                                                                  : "none",
                            "a reason");
        assert_int_equal(report.verdict, VERDICT_KEY_NOT_IN_MEMORY);
        assert_int_equal(report_status(&report), 0);
        CHECK_HAS(report.sentence, "hsmzke:gold");
        report_clear(&report);
    }
}

static void scans_are_counted(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_RUN, 9);
    report_judge(&report);
    CHECK_HAS(report.conditions[CONDITION_MOMENTS].reason, "9 scans");
    CHECK_HAS(report.conditions[CONDITION_MOMENTS].reason, "4 PKCS#11 calls");
    CHECK_HAS(report.conditions[CONDITION_MOMENTS].reason, "12 ms");
    report_clear(&report);
}

/* ---- each condition can fail ---- */

static void break_balance(struct report *report)
{
    made_up_place(report, 0, MADE_UP_HEAP)->bytes.read -= 1;
}

static void break_unreadable(struct report *report)
{
    struct place *place = made_up_place(report, 0, MADE_UP_DATA);

    place->bytes.read -= 4096;
    place->bytes.unreadable = 4096;
}

static void break_swapped(struct report *report)
{
    made_up_place(report, 0, MADE_UP_HEAP)->bytes.swapped = 4096;
}

static void break_map(struct report *report)
{
    report->examinations[0]->ledger.changed = true;
}

static void break_truncated(struct report *report)
{
    report->examinations[0]->ledger.truncated = true;
}

static void break_thread(struct report *report)
{
    report->examinations[0]->threads_missed = 1;
}

static void break_all_threads(struct report *report)
{
    report->examinations[0]->threads = 0;
}

static void break_elsewhere(struct report *report)
{
    snprintf(report->examinations[0]->trouble, sizeof(report->examinations[0]->trouble),
             "fd 9 could not be opened.");
}

static void break_environment(struct report *report)
{
    made_up_place(report, 0, MADE_UP_ENVIRONMENT)->kind = PLACE_PIPE;
}

static void break_control(struct report *report)
{
    made_up_control(report, "canary in XMM registers", false, false);
}

static void break_all_controls(struct report *report)
{
    report->control_count = 0;
}

static void break_where_planted(struct report *report)
{
    report->controls[0].helper = true;
}

static void break_software_run(struct report *report)
{
    report->control_count--;
}

static void break_stops(struct report *report)
{
    report->calls++;
}

static void break_every(struct report *report)
{
    report->dropped = 3;
}

static void break_calls(struct report *report)
{
    report->calls = 0;
}

static void break_end(struct report *report)
{
    report->examinations[report->count - 1]->moment = MOMENT_SYSCALL;
}

static void break_detectors(struct report *report)
{
    report->conditions[CONDITION_DETECTORS].state = STATE_FAILS;
    snprintf(report->conditions[CONDITION_DETECTORS].reason,
             sizeof(report->conditions[CONDITION_DETECTORS].reason), "Switched off: oracle.");
}

static void break_all_detectors(struct report *report)
{
    report->detectors[0] = '\0';
}

static void each_condition_can_fail(void **state)
{
    static const struct {
        void (*apply)(struct report *report);
        enum condition fails;
        const char *word;
    } breaks[] = {
        { break_balance, CONDITION_LEDGER, "add up" },
        { break_unreadable, CONDITION_LEDGER, "4.0 KiB could not be read" },
        { break_swapped, CONDITION_LEDGER, "swapped out" },
        { break_map, CONDITION_LEDGER, "map" },
        { break_truncated, CONDITION_LEDGER, "memory" },
        { break_thread, CONDITION_THREADS, "1 of 2" },
        { break_all_threads, CONDITION_THREADS, "no thread" },
        { break_elsewhere, CONDITION_ELSEWHERE, "fd 9" },
        { break_environment, CONDITION_ELSEWHERE, "environment" },
        { break_control, CONDITION_CONTROLS, "XMM" },
        { break_all_controls, CONDITION_CONTROLS, "Nothing was planted" },
        { break_where_planted, CONDITION_CONTROLS, "target itself" },
        { break_software_run, CONDITION_CONTROLS, "in software" },
        { break_stops, CONDITION_MOMENTS, "8 of 10" },
        { break_every, CONDITION_MOMENTS, "--every" },
        { break_calls, CONDITION_MOMENTS, "No PKCS#11 call" },
        { break_end, CONDITION_MOMENTS, "end" },
        { break_detectors, CONDITION_DETECTORS, "Switched off: oracle." },
        { break_all_detectors, CONDITION_DETECTORS, "No detector" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(breaks) / sizeof(*breaks); i++) {
        struct report report;

        made_up_report(&report, TARGET_RUN, 9);
        breaks[i].apply(&report);
        report_judge(&report);
        for (unsigned int j = 0; j < CONDITION_COUNT; j++)
            assert_int_equal(report.conditions[j].state == STATE_FAILS, j == breaks[i].fails);
        CHECK_HAS(report.conditions[breaks[i].fails].reason, breaks[i].word);
        assert_int_equal(report.verdict, VERDICT_INCONCLUSIVE);
        assert_int_equal(report_status(&report), 2);
        assert_true(report.next[0] != '\0');
        report_clear(&report);
    }
}

/* Without a scan nothing holds, whatever is asked. */
static void nothing_was_scanned(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_PROCESSES, 1);
    while (report.count > 0)
        examination_free(report.examinations[--report.count]);
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_INCONCLUSIVE);
    made_up_ask_nothing(&report);
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_INCONCLUSIVE);
    report_clear(&report);
}

static void a_core_is_not_the_process(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_CORE, 1);
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_INCONCLUSIVE);
    assert_int_equal(report.conditions[CONDITION_ELSEWHERE].state, STATE_FAILS);
    report_clear(&report);
}

/* Whatever else failed: what was found was found. */
static void found_overrules_conditions(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_PROCESSES, 1);
    break_detectors(&report);
    break_map(&report);
    made_up_bytes(&report, 0, MADE_UP_REGISTERS, FINDING_ORACLE_KEY, "raw");
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_KEY_FOUND);
    assert_int_equal(report_status(&report), 1);
    CHECK_HAS(report.sentence, "registers of thread 4712 (worker)");
    report_clear(&report);
}

static void none_is_said_only_if_all_was_seen(void **state)
{
    struct report report;

    (void)state;
    made_up_report(&report, TARGET_PROCESSES, 1);
    made_up_ask_nothing(&report);
    break_unreadable(&report);
    report_judge(&report);
    assert_int_equal(report.verdict, VERDICT_INCONCLUSIVE);
    report_clear(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_conditions_hold),
        cmocka_unit_test(scans_are_counted),
        cmocka_unit_test(each_condition_can_fail),
        cmocka_unit_test(nothing_was_scanned),
        cmocka_unit_test(a_core_is_not_the_process),
        cmocka_unit_test(found_overrules_conditions),
        cmocka_unit_test(none_is_said_only_if_all_was_seen),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
