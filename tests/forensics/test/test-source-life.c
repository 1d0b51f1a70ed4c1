/*
 * What a scan leaves as it was: stopped processes stay stopped, signals arrive, a tracer of ours
 * keeps its threads; and who is scanned: children if asked, a process whose first thread has ended,
 * one's own processes without being root.
 */
#include "scan-target.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../source/procfs.h"
#include "fake-scanner.h"

static const struct scan_way alone = { .workers = 2 };
static const struct scan_way with_children = { .workers = 2, .children = true };

static struct examination *scan(const struct live *live, const struct scan_way *way)
{
    struct source_trouble why;
    struct examination *examination = scan_process(live->process, way, &why);

    if (examination == NULL)
        fail_msg("%s", why.text);
    return examination;
}

/* The state's letter, once it is the one that is waited for; else after two seconds. */
static char wait_state(pid_t process, char wanted)
{
    char state = '?';
    unsigned long flags;

    for (int i = 0; i < 200; i++) {
        if (proc_state(process, &state, &flags) && state == wanted)
            break;
        usleep(10000);
    }
    return state;
}

static void a_stopped_process_stays_so(void **state)
{
    struct live live = live_start("live-hostile", "nothing");
    struct examination *examination;

    (void)state;
    assert_int_equal(kill(live.process, SIGSTOP), 0);
    assert_int_equal(wait_state(live.process, 'T'), 'T');
    examination = scan(&live, &alone);
    scan_complete(examination);
    examination_free(examination);
    assert_int_equal(wait_state(live.process, 'T'), 'T');
    assert_int_equal(kill(live.process, SIGCONT), 0);
    live_check(&live);
    live_end(&live);
}

/* A signal that comes while it stands still kills it afterwards, and not before. */
static void signals_arrive(void **state)
{
    struct live live = live_start("live-hostile", "nothing");
    struct source_trouble why;
    struct target *target = target_stop(&live.process, 1, false, &why);
    struct examination *examination = examination_new();
    struct fake_needle none[1] = { { { 1 } } };
    struct scanner *scanner = fake_scanner_new(none, 1, false);
    const struct source_settings settings = { .scanner = scanner, .workers = 1 };
    int status;

    (void)state;
    assert_non_null(target);
    assert_int_equal(kill(live.process, SIGTERM), 0);
    assert_true(target_read(target, &settings, examination, &why));
    scan_complete(examination);
    target_resume(target, examination);
    target_search(target, &settings, examination);
    assert_int_equal(waitpid(live.process, &status, 0), live.process);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    examination_free(examination);
    scanner_free(scanner);
    close(live.in);
    close(live.out);
}

/* Threads that a tracer of ours holds are read as they stand, and stay where they are. */
static void a_tracer_keeps_its_threads(void **state)
{
    struct live live = live_start("live-hostile", "nothing");
    struct source_trouble why;
    struct examination *examination = examination_new();
    struct fake_needle none[1] = { { { 1 } } };
    struct scanner *scanner = fake_scanner_new(none, 1, false);
    const struct source_settings settings = { .scanner = scanner, .snapshot = 64 << 20 };
    struct target *target;
    int status;

    (void)state;
    assert_int_equal(ptrace(PTRACE_SEIZE, live.process, NULL, NULL), 0);
    assert_int_equal(ptrace(PTRACE_INTERRUPT, live.process, NULL, NULL), 0);
    assert_int_equal(waitpid(live.process, &status, __WALL), live.process);
    target = target_take(&live.process, 1, &why);
    assert_non_null(target);
    assert_true(target_read(target, &settings, examination, &why));
    target_resume(target, examination);
    assert_int_equal(wait_state(live.process, 't'), 't');
    target_search(target, &settings, examination);
    scan_complete(examination);
    assert_int_equal(examination->threads, 1);
    assert_int_equal(ptrace(PTRACE_DETACH, live.process, NULL, NULL), 0);
    examination_free(examination);
    scanner_free(scanner);
    live_check(&live);
    live_end(&live);
}

static void children_if_asked(void **state)
{
    struct live live = live_start("live-hostile", "child");
    struct examination *examination = scan(&live, &alone);
    char text[400];

    (void)state;
    assert_int_equal(examination->processes, 1);
    assert_int_equal(scan_found(examination, NEEDLE_FREED, PLACE_MAPPING, text), 0);
    examination_free(examination);
    examination = scan(&live, &with_children);
    assert_int_equal(examination->processes, 2);
    scan_expect(examination, NEEDLE_FREED, PLACE_MAPPING, "stack of thread");
    scan_complete(examination);
    examination_free(examination);
    live_check(&live);
    live_end(&live);
}

static void the_first_thread_has_ended(void **state)
{
    struct live live = live_start("live-hostile", "leader-ends");
    struct examination *examination;

    (void)state;
    assert_int_equal(wait_state(live.process, 'Z'), 'Z');
    examination = scan(&live, &alone);
    assert_int_equal(examination->threads, 1);
    scan_complete(examination);
    assert_true(ledger_sums(&examination->ledger).read > 100000);
    examination_free(examination);
    live_check(&live);
    live_end(&live);
}

static const enum needle everywhere[] = { NEEDLE_FREED,   NEEDLE_STACK,     NEEDLE_BELOW,
                                          NEEDLE_NO_DUMP, NEEDLE_NO_ACCESS, NEEDLE_STATIC };

/* In a child that is nobody: its own processes can be scanned wholly. */
static int scan_as_nobody(void)
{
    struct examination *examination;
    struct live live;

    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
        return 1;
    live = live_start("live-keys", scan_folder());
    examination = scan(&live, &alone);
    for (size_t i = 0; i < sizeof(everywhere) / sizeof(*everywhere); i++)
        scan_expect(examination, everywhere[i], PLACE_MAPPING, "");
    scan_expect(examination, NEEDLE_MEMFD, PLACE_MEMFD, "");
    scan_expect(examination, NEEDLE_UNLINKED, PLACE_UNLINKED, "");
    scan_expect(examination, NEEDLE_PIPE, PLACE_PIPE, "pipe:[");
    scan_expect(examination, NEEDLE_SOCKET, PLACE_PIPE, "socket:[");
    scan_expect(examination, NEEDLE_SEGMENT, PLACE_SHARED, "");
    scan_complete(examination);
    examination_free(examination);
    live_check(&live);
    live_end(&live);
    /* A file that is mapped and not open: they are told that there may be more of it. */
    live = live_start("live-odd", "memfd-behind-a-copy");
    examination = scan(&live, &alone);
    assert_non_null(strstr(examination->trouble, "what else it holds only root can tell"));
    examination_free(examination);
    live_end(&live);
    return 0;
}

static void without_being_root(void **state)
{
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(chmod(scan_folder(), 0777), 0);
    child = fork();
    if (child == 0) {
        char path[400];

        snprintf(path, sizeof(path), "%s/live-keys", getenv("MEMSCAN_TEST_PROGRAMS"));
        /* cmocka would go on with the other tests in here when one fails. */
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        if (geteuid() == 0 && setegid(65534) == 0 && seteuid(65534) == 0 && access(path, X_OK) != 0)
            _exit(77);
        if (geteuid() != 0 && getuid() == 0 && (seteuid(0) != 0 || setegid(0) != 0))
            _exit(1);
        _exit(scan_as_nobody());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
        print_message("not tested: without being root: nobody cannot reach the test programs\n");
        skip();
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stopped_process_stays_so), cmocka_unit_test(signals_arrive),
        cmocka_unit_test(a_tracer_keeps_its_threads), cmocka_unit_test(children_if_asked),
        cmocka_unit_test(the_first_thread_has_ended), cmocka_unit_test(without_being_root),
    };

    return cmocka_run_group_tests(tests, scan_setup, scan_teardown);
}
