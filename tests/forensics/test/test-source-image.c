/*
 * Images: needles at every kind of border are found once each at their offsets, in a file and in a
 * stream, and every byte is accounted for.
 */
#include "scan-target.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 1 << 20 };

static const size_t borders[] = { 0,          CHUNK - 4096 - 40, CHUNK - 4096 + 8,
                                  CHUNK - 64, CHUNK - 16,        2 * CHUNK - 1,
                                  3 * CHUNK,  4 * CHUNK + 77,    5 * CHUNK - 31 };
enum { PLANTED = sizeof(borders) / sizeof(*borders) };

/* Makes an image of `size` with a needle at each border that has room; @return how many. */
static unsigned int make_image(const char *path, size_t size)
{
    unsigned char *bytes = calloc(1, size);
    unsigned int planted = 0;
    FILE *file = fopen(path, "wbe");

    assert_non_null(bytes);
    assert_non_null(file);
    for (size_t i = 0; i < size; i += 97)
        bytes[i] = (unsigned char)(i % 251);
    for (unsigned int i = 0; i < PLANTED; i++)
        if (borders[i] + 32 <= size) {
            needle_make(i, bytes + borders[i]);
            planted++;
        }
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    free(bytes);
    return planted;
}

static void expect_planted(const struct examination *examination, size_t size, unsigned int planted)
{
    const struct place *place = &examination->ledger.places[0];

    assert_int_equal(examination->ledger.count, 1);
    assert_int_equal(place->bytes.mapped, size);
    assert_int_equal(place->end, size);
    assert_true(ledger_balances(&examination->ledger));
    assert_int_equal(place->bytes.unreadable, 0);
    assert_int_equal(findings_count(examination->findings), planted);
    for (size_t i = 0; i < planted; i++) {
        const struct finding *finding = findings_at(examination->findings, i);

        assert_int_equal(finding->address, borders[finding->sought]);
    }
}

/* The same image on standard input, through a pipe. */
static void scan_stream(const char *path, size_t size, unsigned int planted)
{
    const int before = dup(STDIN_FILENO);
    struct examination *examination;
    struct source_trouble why;
    int ends[2];
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        closefrom(3);
        execlp("cat", "cat", path, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    examination = scan_image("-", &why);
    dup2(before, STDIN_FILENO);
    close(before);
    waitpid(child, NULL, 0);
    if (examination == NULL)
        fail_msg("%s", why.text);
    expect_planted(examination, size, planted);
    examination_free(examination);
}

static void borders_are_searched(void **state)
{
    static const size_t sizes[] = {
        32,           100,       CHUNK - 4096,   CHUNK - 1,     CHUNK,    CHUNK + 1,
        CHUNK + 4096, 2 * CHUNK, 3 * CHUNK + 32, 5 * CHUNK + 1, 8 * CHUNK
    };
    char path[400];

    (void)state;
    snprintf(path, sizeof(path), "%s/image", scan_folder());
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        const unsigned int planted = make_image(path, sizes[i]);
        struct source_trouble why;
        struct examination *examination = scan_image(path, &why);

        if (examination == NULL)
            fail_msg("%s", why.text);
        expect_planted(examination, sizes[i], planted);
        examination_free(examination);
        scan_stream(path, sizes[i], planted);
    }
}

/* A hole of a terabyte costs nothing, and is said to be one. */
static void holes_are_skipped(void **state)
{
    const uint64_t size = (uint64_t)1 << 40, at = size / 2 + 5;
    unsigned char key[32];
    char path[400];
    struct source_trouble why;
    struct examination *examination;
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "%s/sparse", scan_folder());
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0) {
        print_message("not tested: sparse images, for which this file system is too small\n");
        skip();
    }
    needle_make(3, key);
    assert_int_equal(pwrite(fd, key, sizeof(key), (off_t)at), sizeof(key));
    close(fd);
    examination = scan_image(path, &why);
    if (examination == NULL)
        fail_msg("%s", why.text);
    assert_int_equal(findings_count(examination->findings), 1);
    assert_int_equal(findings_at(examination->findings, 0)->address, at);
    assert_true(ledger_balances(&examination->ledger));
    assert_true(ledger_sums(&examination->ledger).read < 1 << 20);
    assert_int_equal(ledger_sums(&examination->ledger).mapped, size);
    examination_free(examination);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(borders_are_searched),
        cmocka_unit_test(holes_are_skipped),
    };

    return cmocka_run_group_tests(tests, scan_setup, scan_teardown);
}
