/*
 * The searcher holds no copy of what it looks for: with the key, the pair and the PIN given away
 * to the detectors and wiped, they find nothing in this process.
 */
#include "scanning.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "../../../provider/secret.h"
#include "../scan/detectors.h"

enum {
    WINDOW = 1 << 20,
    RESERVED = 1 << 30, /* a mapping of so many bytes is a sanitizer's, for its own notes */
};

static struct detector *detectors[3];
static size_t bytes_searched;

/* What is secret is made, used and wiped in here. */
static void make_detectors(unsigned char *control)
{
    struct failure why;
    unsigned char *key = secret_alloc(64, &why);
    char *pin = (char *)key + 32;
    struct sought sought = { .name = "secret" };
    struct scanner_settings settings = { .sought = &sought, .sought_count = 1, .pin = pin };

    assert_non_null(key);
    assert_int_equal(getrandom(key, 44, 0), 44);
    assert_int_equal(getrandom(settings.plain, 16, 0), 16);
    for (int i = 0; i < 12; i++)
        pin[i] = (char)('A' + pin[i] % 26);
    sought.key = key;
    detectors[0] = known_detector_new(&settings);
    detectors[1] = oracle_detector_new(&settings);
    detectors[2] = pin_detector_new(&settings);
    if (control != NULL)
        memcpy(control, key, 64);
    secret_free(key, 64);
}

static void free_detectors(void)
{
    for (int i = 0; i < 3; i++)
        detectors[i]->free(detectors[i]);
}

/* The memory of a mapping, a window after the other, out of the kernel's hands. */
static void search_mapping(int fd, size_t start, size_t end, unsigned char *window,
                           struct findings *findings)
{
    for (size_t at = start; at < end; at += WINDOW) {
        const size_t wanted = end - at < WINDOW + PIECE_OVERLAP ? end - at : WINDOW + PIECE_OVERLAP;
        const ssize_t got = pread(fd, window, wanted, (off_t)at);

        for (int i = 0; i < 3 && got > 0; i++)
            detectors[i]->search(detectors[i],
                                 &(struct piece){ .bytes = window,
                                                  .size = (size_t)got,
                                                  .to = (size_t)got < WINDOW ? (size_t)got : WINDOW,
                                                  .address = at },
                                 findings);
        bytes_searched += got > 0 ? (size_t)got : 0;
    }
    memset(window, 0, WINDOW + PIECE_OVERLAP);
}

static struct findings *search_this_process(void)
{
    struct findings *findings = findings_new();
    unsigned char *window = memory_new(WINDOW + PIECE_OVERLAP);
    FILE *maps = fopen("/proc/self/maps", "r");
    const int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    char line[512];

    assert_non_null(maps);
    assert_true(fd >= 0);
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *rest;
        const size_t start = strtoul(line, &rest, 16), end = strtoul(rest + 1, &rest, 16);

        if (rest[1] == 'r' && end - start < RESERVED)
            search_mapping(fd, start, end, window, findings);
    }
    fclose(maps);
    close(fd);
    memory_free(window);
    return findings;
}

static void nothing_is_found_in_this_process(void **state)
{
    struct findings *findings;

    (void)state;
    make_detectors(NULL);
    findings = search_this_process();
    for (size_t i = 0; i < findings_count(findings); i++)
        print_message("%s: %u of %u bytes at %lx\n", findings_at(findings, i)->encoding,
                      findings_at(findings, i)->matched, findings_at(findings, i)->of,
                      (unsigned long)findings_at(findings, i)->address);
    assert_int_equal(findings_count(findings), 0);
    assert_true(bytes_searched >= 1 << 20 && bytes_searched <= 1 << 30);
    findings_free(findings);
    free_detectors();
}

/* The control: a copy that is left behind is found, in each way. */
static void a_copy_is_found(void **state)
{
    unsigned char *control = malloc(64);
    struct findings *findings;
    bool seen[FINDING_PIN + 1] = { false };

    (void)state;
    assert_non_null(control);
    make_detectors(control);
    findings = search_this_process();
    for (size_t i = 0; i < findings_count(findings); i++)
        if (findings_at(findings, i)->address - (uintptr_t)control < 64)
            seen[findings_at(findings, i)->kind] = true;
    assert_true(seen[FINDING_KNOWN_KEY] && seen[FINDING_ORACLE_KEY] && seen[FINDING_PIN]);
    findings_free(findings);
    free_detectors();
    secret_wipe(control, 64);
    free(control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_in_this_process),
        cmocka_unit_test(a_copy_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
