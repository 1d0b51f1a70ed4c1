/*
 * With the HSM in another process the key is in none of the searches, while the control finds it:
 * SoftHSM behind p11-kit's server.
 */
#include "running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_there;

/* Takes over what the script says: lines `export NAME=value`, without quotes in them. */
static void take_environment(const char *lines)
{
    for (const char *line = lines; (line = strstr(line, "export ")) != NULL; line++) {
        char name[64], value[512];

        if (sscanf(line, "export %63[^=]=%511s", name, value) == 2)
            CHECK(setenv(name, value, 1) == 0);
    }
}

static int setup(void **state)
{
    const int failed = testing_setup(state);
    const char *output = NULL, *script = testing_path("HSMZKE_TEST_REMOTE_HSM");
    int status;

    if (failed != 0)
        return failed;
    status = run_shell(
        text("%s start %s/remote %s", script, work_dir(), testing_path("HSMZKE_TEST_BUILD_ROOT")),
        &output);
    if (status == 77) {
        printf("skipped: %s", output);
        return 0;
    }
    CHECK(status == 0);
    is_there = true;
    take_environment(output);
    status = run_shell("softhsm2-util --module \"$HSMZKE_PKCS11_MODULE\" --init-token --free "
                       "--label prod --so-pin " SO_PIN " --pin " USER_PIN,
                       &output);
    CHECK(status == 0);
    status = run_shell(text("printf 'gold " GOLD_KEY "\\n' | %s \"$HSMZKE_PKCS11_MODULE\" import "
                            "prod " USER_PIN,
                            testing_path("HSMZKE_TEST_TOKEN_TOOL")),
                       &output);
    CHECK(status == 0);
    running_configure(
        text("token = pkcs11:token=prod\npin-source = file:%s\n", pin_file(USER_PIN) + 5));
    return 0;
}

static int teardown(void **state)
{
    const char *output;

    if (is_there)
        CHECK(
            run_shell(text("%s stop %s/remote", testing_path("HSMZKE_TEST_REMOTE_HSM"), work_dir()),
                      &output) == 0);
    return testing_teardown(state);
}

static void thoroughly(struct run_settings *settings)
{
    static struct scanner_settings scan;

    scan = *settings->scan;
    scan.detectors = DETECT_ALL;
    settings->scan = &scan;
    settings->mode = RUN_BOTH;
}

static void the_key_is_not_there(void **state)
{
    struct running run;

    (void)state;
    if (!is_there)
        skip();
    run_target(&run, "once", thoroughly);
    CHECK(run.end.status == 0 && run.report.calls > 10);
    CHECK(run.wanted == 0);
    CHECK(control_named(&run, "the software run")->found);
    check_canaries(&run);
    running_clear(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(the_key_is_not_there) };

    return cmocka_run_group_tests(tests, setup, teardown);
}
