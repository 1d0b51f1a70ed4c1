/*
 * The command line: what is taken, and what is refused with words.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#include "../options.h"
#include "../scan/scanner.h"

static struct options options;
static char *said; /* on both streams, of the last read_line() */

/* Reads "pid --json 12" as a command line. */
static enum options_result read_line(const char *line)
{
    static char copy[4096];
    static char program[] = "hsmzke-memscan";
    static char *argv[64]; /* options.run points into it */
    int argc = 1;
    size_t size;
    FILE *stream;
    enum options_result result;

    memset(argv, 0, sizeof(argv));
    argv[0] = program;
    free(said);
    snprintf(copy, sizeof(copy), "%s", line);
    for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
        argv[argc++] = word;
    stream = open_memstream(&said, &size);
    assert_non_null(stream);
    result = options_read(&options, argc, argv, stream, stream);
    fclose(stream);
    return result;
}

static void has(const char *part)
{
    if (strstr(said, part) == NULL)
        fail_msg("'%s' has no '%s'", said, part);
}

static void processes(void **state)
{
    (void)state;
    assert_int_equal(read_line("pid 12 --json 345"), OPTIONS_GO);
    assert_int_equal(options.command, COMMAND_PID);
    assert_int_equal(options.pid_count, 2);
    assert_int_equal(options.pids[0], 12);
    assert_int_equal(options.pids[1], 345);
    assert_true(options.json);
    assert_true(options.children);
    assert_int_equal(options.snapshot, 64U << 20);
    assert_int_equal(options.start_fd, -1);
}

static void files(void **state)
{
    (void)state;
    assert_int_equal(read_line("core core.1 --key k --html=r.html --json=r.json"), OPTIONS_GO);
    assert_int_equal(options.command, COMMAND_CORE);
    assert_string_equal(options.file, "core.1");
    assert_string_equal(options.key_file, "k");
    assert_string_equal(options.html_file, "r.html");
    assert_string_equal(options.json_file, "r.json");
    assert_false(options.json);
    assert_int_equal(read_line("image -"), OPTIONS_GO);
    assert_string_equal(options.file, "-");
}

static void how_it_searches(void **state)
{
    (void)state;
    assert_int_equal(read_line("pid 1 --snapshot 4G --threads 3 --thorough --path avx2 "
                               "--without oracle --without pin --no-children --timeout 9 "
                               "--start-fd 0 --reveal --ledger --progress"),
                     OPTIONS_GO);
    assert_true(options.snapshot == UINT64_C(4) << 30);
    assert_int_equal(options.threads, 3);
    assert_true(options.thorough && options.reveal && options.ledger && options.progress);
    assert_false(options.children);
    assert_int_equal(options.path, PATH_AVX2);
    assert_int_equal(options.without, DETECT_ORACLE | DETECT_PIN);
    assert_int_equal(options.timeout, 9);
    assert_int_equal(options.start_fd, 0);
}

/* What follows the command of `run` is the command's own. */
static void a_command(void **state)
{
    (void)state;
    assert_int_equal(read_line("run --every 5 --syscalls -- openssl enc --help"), OPTIONS_GO);
    assert_int_equal(options.every, 5);
    assert_true(options.syscalls);
    assert_string_equal(options.run[0], "openssl");
    assert_string_equal(options.run[2], "--help");
    assert_null(options.run[3]);
    assert_int_equal(options.budget, 0);
    assert_int_equal(read_line("run --budget 30 openssl enc"), OPTIONS_GO);
    assert_int_equal(options.budget, 30);
    assert_int_equal(read_line("run --no-software openssl enc --json"), OPTIONS_GO);
    assert_true(options.no_software);
    assert_false(options.json);
    assert_string_equal(options.run[2], "--json");
}

static void help_and_version(void **state)
{
    (void)state;
    assert_int_equal(read_line("--help"), OPTIONS_DONE);
    has("Exit status");
    assert_int_equal(read_line("pid --help"), OPTIONS_DONE);
    has("Exit status");
    assert_int_equal(read_line("--version"), OPTIONS_DONE);
    assert_string_equal(said, "hsmzke-memscan " HSMZKE_VERSION "\n");
}

/* Help is read on a terminal of 80 columns. */
static void help_is_narrow(void **state)
{
    (void)state;
    read_line("--help");
    for (const char *line = said; *line != '\0'; line += strcspn(line, "\n") + 1)
        assert_true(strcspn(line, "\n") <= 80);
}

static void what_is_wrong(void **state)
{
    static const char *const wrong[][2] = {
        { "", "what is to be scanned" },
        { "pids 1", "'pids' is none of" },
        { "pid", "no process was named" },
        { "pid 0", "'0' is not the number" },
        { "pid -1", "-1 is no option" },
        { "pid 12x", "'12x' is not the number" },
        { "pid 99999999999", "is not the number" },
        { "core", "one file" },
        { "core a b", "one file" },
        { "image", "one file" },
        { "run", "no command" },
        { "run --json -- true", "--json=FILE" },
        { "run --software --no-software --key k -- true", "exclude" },
        { "self-test x", "takes no 'x'" },
        { "pid 1 --every 2", "run only" },
        { "pid 1 --syscalls", "run only" },
        { "pid 1 --every 0", "--every 0" },
        { "pid 1 --budget 2", "run only" },
        { "run --budget 0 -- true", "--budget 0" },
        { "pid 1 --key", "--key needs a value" },
        { "pid 1 --key=", "--key must not be empty" },
        { "pid 1 --key a --key b", "--key was given twice" },
        { "pid 1 --json --json=f", "--json was given twice" },
        { "pid 1 --nonsense", "--nonsense is no option" },
        { "pid 1 --reveal=yes", "takes no value" },
        { "pid 1 --threads 0", "from 1 to 1024" },
        { "pid 1 --threads 2k", "from 1 to 1024" },
        { "pid 1 --snapshot big", "--snapshot big" },
        { "pid 1 --snapshot 1Gi", "--snapshot 1Gi" },
        { "pid 1 --snapshot 99999999999T", "--snapshot" },
        { "pid 1 --path sse", "--path sse" },
        { "pid 1 --without all", "--without all" },
        { "pid 1 --timeout 0", "--timeout 0" },
        { "pid 1 --start-fd x", "--start-fd x" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        assert_int_equal(read_line(wrong[i][0]), OPTIONS_BAD);
        has(wrong[i][1]);
        has("INCONCLUSIVE");
    }
}

static void detectors_have_names(void **state)
{
    (void)state;
    for (unsigned int detector = 1; detector < DETECT_ALL; detector <<= 1)
        assert_non_null(options_detector_name(detector));
    assert_null(options_detector_name(DETECT_ALL + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(processes),        cmocka_unit_test(files),
        cmocka_unit_test(how_it_searches),  cmocka_unit_test(a_command),
        cmocka_unit_test(help_and_version), cmocka_unit_test(help_is_narrow),
        cmocka_unit_test(what_is_wrong),    cmocka_unit_test(detectors_have_names),
    };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);

    free(said);
    return failed;
}
