/*
 * Processes that fork, execute, end or map while they are scanned, that have 10,000 threads, a
 * terabyte of nothing or a gigabyte of something: each scan says what it saw, and they go on.
 */
#include "scan-target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SCANS = 30 };

/* Scans again and again; each time it works, or the reason is one of `may_fail`. */
static void scan_often(const char *what, const char *may_fail)
{
    struct live live = live_start("live-hostile", what);
    struct scan_way way = { .workers = 2 };
    struct source_trouble why;
    unsigned int good = 0;

    for (int i = 0; i < SCANS; i++) {
        struct examination *examination;

        way.snapshot = i % 2 == 0 ? 0 : 64 << 20;
        way.children = i % 4 >= 2;
        examination = scan_process(live.process, &way, &why);
        if (examination != NULL) {
            /* On a busy machine a thread may be too long in the kernel, in execve() say; then it
             * goes on while memory is read, and that is told. */
            good += examination->threads_missed == 0;
            assert_true(ledger_balances(&examination->ledger));
            assert_true(!examination->ledger.changed || examination->threads_missed > 0);
            assert_true(examination->threads >= 1);
        } else if (may_fail == NULL || strstr(why.text, may_fail) == NULL) {
            fail_msg("%s: %s", what, why.text);
        }
        examination_free(examination);
        live_check(&live);
    }
    if (good < SCANS / 2)
        fail_msg("%s: only %u of %d scans succeeded", what, good, SCANS);
    live_end(&live);
}

static void it_forks(void **state)
{
    (void)state;
    scan_often("fork", NULL);
}

static void it_executes(void **state)
{
    (void)state;
    scan_often("exec", NULL);
}

static void its_threads_end(void **state)
{
    (void)state;
    scan_often("threads-end", NULL);
}

static void it_maps(void **state)
{
    (void)state;
    scan_often("map", NULL);
}

static void it_ends(void **state)
{
    const struct scan_way way = { .workers = 2 };
    struct source_trouble why;

    (void)state;
    for (int i = 0; i < SCANS; i++) {
        struct live live = live_start("live-hostile", "end");
        struct examination *examination;

        usleep((useconds_t)(i * 200));
        examination = scan_process(live.process, &way, &why);
        if (examination != NULL)
            assert_true(ledger_balances(&examination->ledger));
        else
            assert_true(strstr(why.text, "ended") != NULL ||
                        strstr(why.text, "does not exist") != NULL);
        examination_free(examination);
        live_end(&live);
    }
}

/* A thread that waits in a vfork cannot be stopped: it is said, and the process goes on. */
static void it_is_stuck(void **state)
{
    const struct scan_way way = { .workers = 2 };
    struct live live = live_start("live-hostile", "vfork");
    struct source_trouble why;
    struct examination *examination;

    (void)state;
    usleep(50000);
    examination = scan_process(live.process, &way, &why);
    if (examination == NULL)
        fail_msg("%s", why.text);
    assert_int_equal(examination->threads, 2);
    assert_true(ledger_balances(&examination->ledger));
    if (examination->threads_missed > 0)
        assert_non_null(strstr(examination->trouble, "registers"));
    examination_free(examination);
    live_check(&live);
    live_end(&live);
}

/* glibc from 2.42 on has no pages between stacks: several are one mapping. */
static unsigned int stacks_of(const struct place *place)
{
    const char *more = strstr(place->name, " and ");

    if (place->kind != PLACE_MAPPING || strncmp(place->name, "stack", 5) != 0)
        return 0;
    return strncmp(place->name, "stacks of thread ", 17) == 0 && more != NULL
               ? 1 + (unsigned int)strtoul(more + 5, NULL, 10)
               : strncmp(place->name, "stack of thread ", 16) == 0;
}

static void ten_thousand_threads(void **state)
{
    const struct scan_way way = { .workers = 2 };
    struct live live = live_start("live-hostile", "10000-threads");
    struct source_trouble why;
    struct examination *examination = scan_process(live.process, &way, &why);
    unsigned int stacks = 0;

    (void)state;
    if (examination == NULL)
        fail_msg("%s", why.text);
    assert_int_equal(examination->threads, 10000);
    scan_complete(examination);
    for (size_t i = 0; i < examination->ledger.count; i++)
        stacks += stacks_of(&examination->ledger.places[i]);
    assert_int_equal(stacks, 10000);
    print_message("10,000 threads stood still for %.0f ms\n", examination->frozen);
    examination_free(examination);
    live_check(&live);
    live_end(&live);
}

static void a_terabyte_of_nothing(void **state)
{
    const struct scan_way way = { .workers = 2, .snapshot = 64 << 20 };
    struct live live = live_start("live-hostile", "sparse");
    struct source_trouble why;
    struct examination *examination = scan_process(live.process, &way, &why);
    struct place_sums sums;

    (void)state;
    if (examination == NULL)
        fail_msg("%s", why.text);
    sums = ledger_sums(&examination->ledger);
    scan_complete(examination);
    scan_expect(examination, NEEDLE_FREED, PLACE_MAPPING, "anonymous memory");
    assert_true(sums.mapped > (uint64_t)1 << 40);
    assert_true(sums.read < 16 << 20);
    examination_free(examination);
    live_check(&live);
    live_end(&live);
}

/* The most memory that this process has had, in KiB. */
static long high_water(void)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[200];
    long size = -1;

    while (status != NULL && fgets(line, sizeof(line), status) != NULL)
        if (sscanf(line, "VmHWM: %ld", &size) == 1)
            break;
    if (status != NULL)
        fclose(status);
    return size;
}

/* In a process of its own, the high-water mark of which is its own. */
static void little_memory(void **state)
{
    const struct scan_way way = { .workers = 16 };
    struct live live = live_start("live-hostile", "large");
    const pid_t child = fork();
    int status;

    (void)state;
    if (child == 0) {
        struct source_trouble why;
        struct examination *examination = scan_process(live.process, &way, &why);
        char text[400];

        if (examination == NULL || ledger_sums(&examination->ledger).read < 1 << 30 ||
            scan_found(examination, NEEDLE_FREED, PLACE_MAPPING, text) != 1)
            _exit(99);
        _exit(high_water() < 64 << 10 ? (int)(high_water() >> 10) : 98);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    print_message("a gigabyte was scanned with %d MiB\n", WEXITSTATUS(status));
    assert_true(WEXITSTATUS(status) >= 2 && WEXITSTATUS(status) <= 64);
    live_check(&live);
    live_end(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_forks),
        cmocka_unit_test(it_executes),
        cmocka_unit_test(its_threads_end),
        cmocka_unit_test(it_maps),
        cmocka_unit_test(it_ends),
        cmocka_unit_test(it_is_stuck),
        cmocka_unit_test(ten_thousand_threads),
        cmocka_unit_test(a_terabyte_of_nothing),
        cmocka_unit_test(little_memory),
    };

    return cmocka_run_group_tests(tests, scan_setup, scan_teardown);
}
