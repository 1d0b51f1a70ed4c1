/*
 * Core files that the kernel wrote: needles of memory and registers are found, what the core leaves
 * out is counted; and 2,000 damaged ones end in words, not in a crash.
 */
#include "scan-target.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DAMAGED = 2000 };

static char core_path[400];

/* Cores are files named core in the working directory, or the test is skipped. */
static bool pattern_is_plain(void)
{
    FILE *file = fopen("/proc/sys/kernel/core_pattern", "re");
    char pattern[200] = "|";
    const bool got = file != NULL && fgets(pattern, sizeof(pattern), file) != NULL;

    if (file != NULL)
        fclose(file);
    return got && strcmp(pattern, "core\n") == 0;
}

/* Where a core file of `process` is, with the number that core_uses_pid may add. */
static bool find_core(pid_t process)
{
    snprintf(core_path, sizeof(core_path), "%s/core.%d", scan_folder(), (int)process);
    if (access(core_path, R_OK) == 0)
        return true;
    snprintf(core_path, sizeof(core_path), "%s/core", scan_folder());
    return access(core_path, R_OK) == 0;
}

/* Lets a target dump core. */
static bool make_core(const char *program, const char *argument)
{
    const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
    const struct rlimit none = { 0, RLIM_INFINITY };
    char *before, *programs, *folder;
    struct live live;
    bool found;

    if (!pattern_is_plain() || setrlimit(RLIMIT_CORE, &all) != 0)
        return false;
    before = getcwd(NULL, 0);
    programs = realpath(getenv("MEMSCAN_TEST_PROGRAMS"), NULL);
    folder = realpath(scan_folder(), NULL);
    assert_true(before != NULL && programs != NULL && folder != NULL);
    setenv("MEMSCAN_TEST_PROGRAMS", programs, 1);
    assert_int_equal(chdir(folder), 0);
    live = live_start(program, argument == NULL ? folder : argument);
    setrlimit(RLIMIT_CORE, &none);
    kill(live.process, SIGQUIT);
    waitpid(live.process, NULL, 0);
    live_clean(&live);
    close(live.in);
    close(live.out);
    assert_int_equal(chdir(before), 0);
    free(before);
    free(programs);
    free(folder);
    found = find_core(live.process);
    if (!found)
        print_message("the kernel wrote no core file\n");
    return found;
}

static void needles_of_a_core(void **state)
{
    struct source_trouble why;
    struct examination *examination;
    char text[400];

    (void)state;
    if (!make_core("live-keys", NULL)) {
        print_message("not tested: core files: kernel.core_pattern is not \"core\" here\n");
        skip();
    }
    examination = scan_core(core_path, &why);
    if (examination == NULL)
        fail_msg("%s", why.text);
    scan_expect(examination, NEEDLE_FREED, PLACE_MAPPING, "");
    scan_expect(examination, NEEDLE_STACK, PLACE_MAPPING,
                "bytes above its stack pointer|stacks of thread");
    scan_expect(examination, NEEDLE_BELOW, PLACE_MAPPING, "bytes below its stack pointer");
    scan_expect(examination, NEEDLE_NO_ACCESS, PLACE_MAPPING, "");
    scan_expect(examination, NEEDLE_STATIC, PLACE_MAPPING, "live_static_key+0xff0 in ");
    scan_expect(examination, NEEDLE_ENVIRONMENT, PLACE_MAPPING, "stack of thread");
#if defined(__x86_64__)
    scan_expect(examination, NEEDLE_XMM, PLACE_REGISTERS, "two XMM registers");
    if (__builtin_cpu_supports("avx"))
        scan_expect(examination, NEEDLE_YMM, PLACE_REGISTERS, "ymm5");
    if (__builtin_cpu_supports("avx512f"))
        scan_expect(examination, NEEDLE_ZMM, PLACE_REGISTERS, "zmm20");
#endif
    /* What the program kept out of its core is counted as missing. */
    assert_int_equal(scan_found(examination, NEEDLE_NO_DUMP, PLACE_MAPPING, text), 0);
    assert_true(ledger_sums(&examination->ledger).unreadable >= 4 * 4096);
    assert_true(ledger_balances(&examination->ledger));
    assert_non_null(strstr(examination->trouble, "the core file leaves out"));
    assert_true(examination->threads >= 2);
    examination_free(examination);
    unlink(core_path);
}

/* Numbers that a seed repeats. */
static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Scans what may be anything: no reason to fail but a crash, a ledger or words that are wrong. */
static void scan_damaged(const char *path)
{
    struct source_trouble why;
    struct examination *examination = scan_core(path, &why);

    if (examination != NULL)
        assert_true(ledger_balances(&examination->ledger));
    examination_free(examination);
}

static void damaged_cores(void **state)
{
    uint32_t random = 20261122;
    struct stat file;
    unsigned char *whole;
    int fd;

    (void)state;
    if (!make_core("live-hostile", "nothing")) {
        print_message("not tested: core files: kernel.core_pattern is not \"core\" here\n");
        skip();
    }
    fd = open(core_path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &file) == 0);
    whole = malloc((size_t)file.st_size);
    assert_non_null(whole);
    assert_int_equal(pread(fd, whole, (size_t)file.st_size, 0), file.st_size);
    for (int i = 0; i < DAMAGED; i++) {
        const unsigned int changes = 1 + next(&random) % 8;

        for (unsigned int j = 0; j < changes; j++) {
            /* Mostly in the headers and notes: what is believed or not. */
            const size_t room = next(&random) % 4 == 0 ? 64 : 6000;
            const size_t at = next(&random) % room;
            const unsigned char byte = next(&random) % 3 == 0 ? 0xff : (unsigned char)next(&random);

            assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        }
        if (next(&random) % 4 == 0)
            assert_int_equal(ftruncate(fd, (off_t)(next(&random) % (size_t)file.st_size)), 0);
        scan_damaged(core_path);
        assert_int_equal(pwrite(fd, whole, 8192, 0), 8192);
        if (lseek(fd, 0, SEEK_END) != file.st_size)
            assert_int_equal(pwrite(fd, whole, (size_t)file.st_size, 0), file.st_size);
    }
    close(fd);
    free(whole);
    unlink(core_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(needles_of_a_core),
        cmocka_unit_test(damaged_cores),
    };

    return cmocka_run_group_tests(tests, scan_setup, scan_teardown);
}
