/*
 * A command is run with SoftHSM in its process: the key is found between the right calls, with the
 * HSM and with the key in software; canaries are found, and missed when they are not there.
 */
#include "running.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static int setup(void **state)
{
    const int failed = testing_setup(state);

    if (failed != 0)
        return failed;
    token_standard();
    running_configure(settings_standard());
    return 0;
}

static void the_key_is_found_between_the_right_calls(void **state)
{
    struct running run;

    (void)state;
    run_target(&run, "once", NULL);
    CHECK(run.end.status == 0 && run.report.calls > 10 && run.report.dropped == 0);
    CHECK(run.report.conditions[CONDITION_MOMENTS].state != STATE_FAILS);
    CHECK(!examination_found(&run, first_at(&run, MOMENT_ENTRY, "C_Login")));
    CHECK(!examination_found(&run, first_at(&run, MOMENT_ENTRY, "C_EncryptInit")));
    CHECK(examination_found(&run, first_at(&run, MOMENT_RETURN, "C_EncryptInit")));
    CHECK(examination_found(&run, first_at(&run, MOMENT_RETURN, "C_DecryptInit")));
    CHECK(!examination_found(&run, first_at(&run, MOMENT_EXIT, "")));
    CHECK(run.report.longest_unscanned > 0);
    check_canaries(&run);
    running_clear(&run);
}

static void in_software(struct run_settings *settings)
{
    settings->mode = RUN_SOFTWARE;
}

static void in_software_the_key_is_found(void **state)
{
    struct running run;

    (void)state;
    run_target(&run, "once", in_software);
    CHECK(run.end.status ==
          0); /* what it computes is right: run-target decrypts what it encrypts */
    CHECK(run.wanted > 4);
    CHECK(!examination_found(&run, first_at(&run, MOMENT_ENTRY, "C_Login")));
    CHECK(examination_found(&run, first_at(&run, MOMENT_RETURN, "C_EncryptInit")));
    check_canaries(&run);
    running_clear(&run);
}

static void twice(struct run_settings *settings)
{
    settings->mode = RUN_BOTH;
}

static void both_runs_are_in_the_report(void **state)
{
    struct running run;

    (void)state;
    run_target(&run, "once", twice);
    CHECK(control_named(&run, "the software run")->found);
    CHECK(run.end.status == 0 && run.wanted > 0);
    running_clear(&run);
}

/* Nobody has the key: the control takes another one, which the oracle finds. */
static void without_the_key(struct run_settings *settings)
{
    static const struct sought sought = {
        .role = SOUGHT_WANTED, .name = "gold", .has_cipher = true, .cipher = { 1 }
    };
    static struct scanner_settings scan;

    scan = *settings->scan;
    scan.detectors = DETECT_ORACLE | DETECT_SCHEDULES;
    scan.sought = &sought;
    memset(scan.plain, 3, sizeof(scan.plain));
    settings->scan = &scan;
    settings->mode = RUN_BOTH;
}

static void the_control_needs_no_key(void **state)
{
    struct running run;

    (void)state;
    run_target(&run, "once", without_the_key);
    CHECK(control_named(&run, "the software run")->found);
    CHECK(run.wanted == 0); /* for the pair is not gold's */
    check_canaries(&run);
    running_clear(&run);
}

static unsigned int left_out;

static void leave_out(struct run_settings *settings)
{
    settings->left_out = 1U << left_out;
}

static void a_canary_that_is_not_planted_is_missed(void **state)
{
    (void)state;
    for (left_out = quick() ? CANARY_COUNT - 1 : 0; left_out < CANARY_COUNT; left_out++) {
        struct running run;
        unsigned int missed = 0;

        run_target(&run, "once", leave_out);
        for (size_t i = 0; i < run.report.control_count; i++)
            missed += !run.report.controls[i].found;
        CHECK(missed == 1);
        running_clear(&run);
    }
}

static void each_fifth(struct run_settings *settings)
{
    settings->every = 5;
}

static void what_was_not_searched_is_counted(void **state)
{
    struct running run;

    (void)state;
    run_target(&run, "once", each_fifth);
    CHECK(run.report.dropped > run.report.calls && run.report.count > 2);
    CHECK(run.report.conditions[CONDITION_MOMENTS].state == STATE_FAILS);
    running_clear(&run);
}

static void with_syscalls(struct run_settings *settings)
{
    settings->syscalls = true;
    settings->budget = 5;
}

static void system_calls_are_searched_too(void **state)
{
    struct running run;
    size_t count = 0;

    (void)state;
    run_target(&run, "once", with_syscalls);
    for (size_t i = 0; i < run.report.count; i++)
        count += run.report.examinations[i]->moment == MOMENT_SYSCALL;
    CHECK(count > 2 && run.end.status == 0);
    running_clear(&run);
}

static void the_tap_hands_on_what_the_module_says(void **state)
{
    const char *tool = testing_path("HSMZKE_TEST_TOKEN_TOOL"), *path = text("%s/shown", work_dir());
    const char *line = text(
        "unset OPENSSL_CONF; %s \"$HSMZKE_PKCS11_MODULE\" show prod 1234 gold >%s", tool, path);
    char *const command[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c",
                              (char *)(uintptr_t)line, NULL };
    struct running run;
    unsigned char *shown;
    size_t size = 0;

    (void)state;
    setenv("HSMZKE_PKCS11_MODULE", module_path(), 1);
    run_arguments(&run, command, NULL);
    unsetenv("HSMZKE_PKCS11_MODULE");
    CHECK(run.done && run.end.status == 0 && run.report.calls > 5);
    shown = read_file(path, &size);
    CHECK(shown != NULL && size > 0);
    unsetenv("OPENSSL_CONF"); /* or SoftHSM, in token-tool, would compute through hsmzke */
    CHECK(strcmp(text("%.*s", (int)size, (const char *)shown),
                 token_show("prod", USER_PIN, "gold")) == 0);
    running_configure(settings_standard());
    running_clear(&run);
}

static void a_command_without_hsmzke_proves_nothing(void **state)
{
    char *const command[] = { (char *)(uintptr_t) "true", NULL };
    char *const nothing[] = { (char *)(uintptr_t) "/no/such/command", NULL };
    struct running run;

    (void)state;
    run_arguments(&run, command, NULL);
    CHECK(run.done && run.report.conditions[CONDITION_MOMENTS].state == STATE_FAILS);
    CHECK_HAS(run.report.conditions[CONDITION_MOMENTS].reason, "no PKCS#11 call");
    running_clear(&run);
    run_arguments(&run, nothing, NULL);
    CHECK(!run.done);
    CHECK_HAS(run.why.text, "no such command");
    running_clear(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_is_found_between_the_right_calls),
        cmocka_unit_test(in_software_the_key_is_found),
        cmocka_unit_test(both_runs_are_in_the_report),
        cmocka_unit_test(the_control_needs_no_key),
        cmocka_unit_test(a_canary_that_is_not_planted_is_missed),
        cmocka_unit_test(what_was_not_searched_is_counted),
        cmocka_unit_test(system_calls_are_searched_too),
        cmocka_unit_test(the_tap_hands_on_what_the_module_says),
        cmocka_unit_test(a_command_without_hsmzke_proves_nothing),
    };

    /* Each run searches a process dozens of times: minutes for all. */
    const struct CMUnitTest some[] = {
        cmocka_unit_test(the_key_is_found_between_the_right_calls),
        cmocka_unit_test(both_runs_are_in_the_report),
        cmocka_unit_test(a_canary_that_is_not_planted_is_missed),
    };

    if (quick())
        return cmocka_run_group_tests(some, setup, testing_teardown);
    return cmocka_run_group_tests(tests, setup, testing_teardown);
}
