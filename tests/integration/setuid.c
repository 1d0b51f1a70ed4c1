/*
 * The environment of a program that runs with more rights than its caller is its caller's: hsmzke
 * takes no setting and no PIN from it.  A copy of setuid-child that is setuid root is run as
 * nobody, for which this test must be root.
 */
#include "testing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOBODY = 65534 };

extern char **environ;

/* A copy of the program with this mode, open for execution. */
static int copy_program(const char *name, mode_t mode)
{
    size_t size;
    const unsigned char *program = read_file(testing_path("HSMZKE_TEST_SETUID_CHILD"), &size);
    const char *path;

    assert_non_null(program);
    path = write_file(name, program, size);
    assert_int_equal(chmod(path, mode), 0);
    return open(path, O_PATH | O_CLOEXEC);
}

struct run {
    int program, output;
    const char *config;
};

static void run_as_nobody(void *run_)
{
    const struct run *run = run_;
    char *const arguments[] = { (char *)(uintptr_t) "setuid-child", (char *)(uintptr_t)run->config,
                                NULL };

    CHECK(dup2(run->output, STDOUT_FILENO) == STDOUT_FILENO);
    CHECK(setgid(NOBODY) == 0 && setuid(NOBODY) == 0);
    fexecve(run->program, arguments, environ);
    _exit(127);
}

/* What the program says; `program` is closed. */
static const char *says(int program, const char *config)
{
    const char *path = write_file("says", "", 0);
    const struct run run = { program, open(path, O_WRONLY | O_CLOEXEC), config };
    const unsigned char *output;
    size_t size;

    assert_true(run.program >= 0 && run.output >= 0);
    if (run_child(run_as_nobody, (void *)(uintptr_t)&run) != 0)
        print_message("%s\n", (const char *)read_file(path, &size));
    close(run.program);
    close(run.output);
    output = read_file(path, &size);
    assert_non_null(output);
    return (const char *)output;
}

static const char *make_config(void)
{
    token_standard();
    return config_file(text("pkcs11-module = %s\ntoken = pkcs11:token=prod\n"
                            "pin-source = env:HSMZKE_TEST_PIN\nsessions = 7\n",
                            module_path()),
                       NULL);
}

/* The same program without more rights takes both, so the variables are good ones. */
static void without_more_rights(void **state)
{
    const char *argv[] = { testing_path("HSMZKE_TEST_SETUID_CHILD"), NULL, NULL };
    const char *output;

    (void)state;
    argv[1] = make_config();
    assert_int_equal(run_program(argv, "", &output), 0);
    CHECK_HAS(output, "secure=0\n");
    CHECK_HAS(output, " sessions=3 ");
    CHECK_HAS(output, "the key works\n");
}

static void with_more_rights(void **state)
{
    const char *config, *output;

    (void)state;
    if (geteuid() != 0) {
        print_message("not run as root: no program can be made setuid\n");
        skip();
    }
    config = make_config();
    output = says(copy_program("setuid-program", 04755), config);
    if (strstr(output, "secure=0\n") != NULL) {
        print_message("the build directory's file system, or this container, has no setuid\n");
        skip();
    }
    CHECK_HAS(output, "secure=1\n");
    CHECK_HAS(output, " sessions=7 ");
    CHECK_HAS(output, "HSMZKE_TEST_PIN");
    CHECK(strstr(output, "the key works") == NULL && strstr(output, "sessions=3") == NULL);
}

static int begin(void **state)
{
    const int result = testing_setup(state);

    setenv("HSMZKE_SESSIONS", "3", 1);
    setenv("HSMZKE_TEST_PIN", USER_PIN, 1);
    return result;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_more_rights),
        cmocka_unit_test(with_more_rights),
    };

    return cmocka_run_group_tests(tests, begin, testing_teardown);
}
