/*
 * What cannot be scanned is refused in words with cause and cure.
 */
#include "scan-target.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct scan_way way = { .workers = 1 };

static void expect_refusal(pid_t process, const char *cause, const char *cure)
{
    struct source_trouble why;
    struct examination *examination = scan_process(process, &way, &why);

    assert_null(examination);
    if (strstr(why.text, cause) == NULL || strstr(why.text, cure) == NULL)
        fail_msg("\"%s\" and \"%s\" are not in: %s", cause, cure, why.text);
}

static void this_very_process(void **state)
{
    (void)state;
    expect_refusal(getpid(), "is this program itself", "scan it from another process");
}

static void no_process(void **state)
{
    const pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    expect_refusal(child, "does not exist", "run as its user or as root");
    expect_refusal(0, "0 is not the number of a process", "");
    expect_refusal(-1, "is not the number of a process", "");
}

static void a_zombie(void **state)
{
    const pid_t child = fork();
    siginfo_t what;

    (void)state;
    if (child == 0)
        _exit(0);
    assert_int_equal(waitid(P_PID, (id_t)child, &what, WEXITED | WNOWAIT), 0);
    expect_refusal(child, "has ended", "takes note");
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void a_thread_of_the_kernel(void **state)
{
    FILE *name = fopen("/proc/2/comm", "re");
    char text[32] = "";

    (void)state;
    if (name == NULL || fgets(text, sizeof(text), name) == NULL ||
        strcmp(text, "kthreadd\n") != 0) {
        print_message("not tested: threads of the kernel, which are not seen from here\n");
        if (name != NULL)
            fclose(name);
        skip();
    }
    fclose(name);
    expect_refusal(2, "is a thread of the kernel", "no memory of its own");
}

/* Of a child whose parent is the tracer. */
static void one_that_is_traced(void **state)
{
    struct live live = live_start("live-keys", scan_folder());
    int ready[2];
    pid_t tracer;
    char byte;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    tracer = fork();
    if (tracer == 0) {
        byte = ptrace(PTRACE_SEIZE, live.process, NULL, NULL) == 0 ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1)
            _exit(1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    expect_refusal(live.process, "is traced already", "detach that debugger first");
    kill(tracer, SIGKILL);
    waitpid(tracer, NULL, 0);
    close(ready[0]);
    close(ready[1]);
    live_check(&live);
    live_end(&live);
}

/* As a user who may not. Process 1 is root's; as root we become nobody in a child. */
static void no_permission(void **state)
{
    pid_t child;
    int words[2];
    struct source_trouble why = { 0 };

    (void)state;
    assert_int_equal(pipe(words), 0);
    child = fork();
    if (child == 0) {
        struct examination *examination;

        if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
            _exit(1);
        examination = scan_process(1, &way, &why);
        if (examination != NULL || write(words[1], why.text, sizeof(why.text)) < 0)
            _exit(2);
        _exit(0);
    }
    close(words[1]);
    assert_true(read(words[0], why.text, sizeof(why.text)) > 0);
    close(words[0]);
    waitpid(child, NULL, 0);
    assert_non_null(strstr(why.text, "process 1 ("));
    assert_non_null(strstr(why.text, "run as root (sudo)"));
}

static void images_and_cores(void **state)
{
    static const struct {
        const char *path, *words;
    } cases[] = { { "/nonexistent", "cannot be read: No such file" },
                  { "/tmp", "is a folder" },
                  { "/dev/null", "nothing to read" } };
    struct source_trouble why;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_null(scan_image(cases[i].path, &why));
        if (strstr(why.text, cases[i].words) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].words, why.text);
    }
    assert_null(scan_core("/nonexistent", &why));
    assert_non_null(strstr(why.text, "cannot be read"));
    assert_null(scan_core("/dev/null", &why));
    assert_non_null(strstr(why.text, "is no file"));
    assert_null(scan_core("/proc/self/exe", &why));
    assert_non_null(strstr(why.text, "no core file: for its bytes use `image`"));
    assert_null(scan_core("/etc/passwd", &why));
    assert_non_null(strstr(why.text, "is no ELF file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_very_process),  cmocka_unit_test(no_process),
        cmocka_unit_test(a_zombie),           cmocka_unit_test(a_thread_of_the_kernel),
        cmocka_unit_test(one_that_is_traced), cmocka_unit_test(no_permission),
        cmocka_unit_test(images_and_cores),
    };

    return cmocka_run_group_tests(tests, scan_setup, scan_teardown);
}
