/*
 * Needles in every place that a process can hide them in are found there, and nowhere else if they
 * are nowhere else; and the process goes on unharmed.
 */
#include "scan-target.h"

#include <stdio.h>
#include <string.h>

static const struct {
    enum needle needle;
    enum place_kind kind;
    const char *words;
} hidden[] = {
    { NEEDLE_FREED, PLACE_MAPPING, "[heap]" },
    { NEEDLE_STACK, PLACE_MAPPING, "bytes above its stack pointer|stacks of thread" },
    { NEEDLE_BELOW, PLACE_MAPPING, "bytes below its stack pointer" },
    { NEEDLE_NO_DUMP, PLACE_MAPPING, "anonymous memory" },
    { NEEDLE_NO_ACCESS, PLACE_MAPPING, "PROT_NONE" },
    { NEEDLE_MEMFD, PLACE_MEMFD, "memfd:hidden" },
    { NEEDLE_UNLINKED, PLACE_UNLINKED, "unlinked-" },
    { NEEDLE_PIPE, PLACE_PIPE, "pipe:[" },
    { NEEDLE_SOCKET, PLACE_PIPE, "socket:[" },
    { NEEDLE_SEGMENT, PLACE_SHARED, "System V segment" },
    { NEEDLE_ENVIRONMENT, PLACE_ENVIRONMENT, "environment" },
    { NEEDLE_COMMAND_LINE, PLACE_COMMAND_LINE, "command line" },
    { NEEDLE_STATIC, PLACE_MAPPING, "live_static_key+0xff0 in " },
};

/* In registers, under that name, and in no other place. */
static void expect_register(const struct examination *examination, enum needle needle,
                            const char *words)
{
    char text[400];

    scan_expect(examination, needle, PLACE_REGISTERS, words);
    for (int kind = 0; kind <= PLACE_FILE; kind++)
        if (kind != PLACE_REGISTERS && scan_found(examination, needle, kind, text) > 0)
            fail_msg("a needle of registers is also in %s", text);
}

static void expect_registers(const struct examination *examination)
{
#if defined(__x86_64__)
    expect_register(examination, NEEDLE_XMM, "two XMM registers, registers of thread ");
    if (__builtin_cpu_supports("avx"))
        expect_register(examination, NEEDLE_YMM, "ymm5, registers of thread ");
    else
        print_message("not tested: YMM registers, which this processor does not have\n");
    if (__builtin_cpu_supports("avx512f"))
        expect_register(examination, NEEDLE_ZMM, "zmm20, registers of thread ");
    else
        print_message("not tested: ZMM registers, which this processor does not have\n");
#else
    (void)examination;
    print_message("not tested: vector registers, which are read on x86-64 only\n");
#endif
}

static void scan_once(const struct live *live, const struct scan_way *way)
{
    struct source_trouble why;
    struct examination *examination = scan_process(live->process, way, &why);

    if (examination == NULL)
        fail_msg("%s", why.text);
    for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
        scan_expect(examination, hidden[i].needle, hidden[i].kind, hidden[i].words);
    expect_registers(examination);
    scan_complete(examination);
    assert_true(examination->copied_whole == (way->snapshot >= 64 << 20));
    assert_true((examination->snapshot > 0) == (way->snapshot > 0));
    examination_free(examination);
    live_check(live);
}

static void scan_all_ways(struct live *live)
{
    static const struct scan_way ways[] = {
        { .workers = 1 },
        { .workers = 3 },
        { .workers = 2, .snapshot = 64 << 20 },
        { .workers = 2, .snapshot = 64 << 20, .oracle = true, .children = true },
    };

    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
        scan_once(live, &ways[i]);
}

static void places_are_searched(void **state)
{
    struct live live = live_start("live-keys", scan_folder());

    (void)state;
    scan_all_ways(&live);
    live_end(&live);
}

/* What has no room in the snapshot is searched while the process stands still, and said. */
static void small_snapshot(void **state)
{
    static const struct scan_way ways[] = { { .workers = 2, .snapshot = 300 << 10 },
                                            { .workers = 2, .snapshot = 1 << 20, .oracle = true } };
    struct live live = live_start("live-keys", scan_folder());
    struct source_trouble why;

    (void)state;
    for (size_t w = 0; w < sizeof(ways) / sizeof(*ways); w++) {
        struct examination *examination = scan_process(live.process, &ways[w], &why);

        if (examination == NULL)
            fail_msg("%s", why.text);
        for (size_t i = 0; i < sizeof(hidden) / sizeof(*hidden); i++)
            scan_expect(examination, hidden[i].needle, hidden[i].kind, hidden[i].words);
        expect_registers(examination);
        assert_false(examination->copied_whole);
        assert_true(examination->snapshot > 0 && examination->snapshot <= ways[w].snapshot);
        scan_complete(examination);
        assert_non_null(strstr(examination->remark, "had no room in the snapshot"));
        examination_free(examination);
        live_check(&live);
    }
    live_end(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_searched),
        cmocka_unit_test(small_snapshot),
    };

    return cmocka_run_group_tests(tests, scan_setup, scan_teardown);
}
