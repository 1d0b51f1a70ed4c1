/*
 * Needles where a scanner may well not look: across borders, in what is mapped in part or not at
 * all, on their way, in what only one thread has.  Each is found there.
 */
#include "scan-target.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* @return false if this machine cannot have it */
static bool look(const char *where, enum place_kind kind, const char *words)
{
    const bool late = strcmp(where, "child-that-comes-late") == 0;
    const struct scan_way way = { .workers = 2, .snapshot = 64 << 20, .children = late };
    struct examination *examination;
    struct source_trouble why;
    struct live live;
    char reason[100];

    if (!live_try(&live, "live-odd", where, reason)) {
        print_message("not tested: %s: this machine cannot%s\n", where, reason);
        return false;
    }
    for (int i = 0; i < (late ? 1 : 2); i++) { /* the first leaves all where it was */
        examination = scan_process(live.process, &way, &why);
        if (examination == NULL)
            fail_msg("%s: %s", where, why.text);
        scan_expect(examination, NEEDLE_FREED, kind, words);
        if (!late) /* one of its children cannot be stopped */
            scan_complete(examination);
        examination_free(examination);
        live_check(&live);
    }
    live_end(&live);
    return true;
}

static void across_borders(void **state)
{
    (void)state;
    look("before-no-access", PLACE_MAPPING, "anonymous memory");
    look("behind-no-access", PLACE_MAPPING, "PROT_NONE");
    look("within-no-access", PLACE_MAPPING, "PROT_NONE");
}

/* Only root can open a file by a mapping of it; what others are told is in test-source-life.c. */
static bool look_as_root(const char *where, enum place_kind kind, const char *words)
{
    if (geteuid() == 0)
        return look(where, kind, words);
    print_message("not tested: %s: only root sees it\n", where);
    return false;
}

static void mapped_in_part(void **state)
{
    (void)state;
    look("segment-in-part", PLACE_SHARED, "not attached as a whole");
    look("segment-of-the-same-number", PLACE_SHARED, "attached to nobody");
    look_as_root("memfd-in-part", PLACE_MEMFD, "mapped: /memfd:part");
    look_as_root("memfd-behind-a-copy", PLACE_MEMFD, "mapped: /memfd:copied");
    look("behind-the-end", PLACE_MEMFD, "/memfd:short");
    look("named-memory", PLACE_SHARED, "/dev/shm/hsmzke-odd-");
}

static void huge_pages(void **state)
{
    (void)state;
    if (!look("huge-file", PLACE_MEMFD, "/memfd:huge") ||
        !look_as_root("huge-mapping", PLACE_MEMFD, "mapped: /memfd:huge"))
        skip();
}

static void what_waits(void **state)
{
    (void)state;
    look("behind-an-empty-datagram", PLACE_PIPE, "socket:[");
    look("behind-many-datagrams", PLACE_PIPE, "socket:[");
}

static void what_is_on_its_way(void **state)
{
    (void)state;
    look("sent-file", PLACE_MEMFD, "on its way in a socket: /memfd:sent");
    look("sent-file-without-a-byte", PLACE_MEMFD, "on its way in a socket: /memfd:sent");
    look("sent-in-a-sent-socket", PLACE_PIPE, "on its way in a socket: socket:[");
    look("sent-pipe", PLACE_PIPE, "on its way in a socket: pipe:[");
}

static void threads_and_children(void **state)
{
    (void)state;
    look("files-of-a-thread", PLACE_MEMFD, "/memfd:sent");
    look("child-that-comes-late", PLACE_MAPPING, "anonymous memory");
#if defined(__x86_64__)
    look("general-registers", PLACE_REGISTERS, "r11, registers of thread ");
    look("mmx-registers", PLACE_REGISTERS, "mm2, registers of thread ");
#endif
}

/* A scanner that touches such a page waits for ever, and its target with it. */
static void nobody_fills_pages(void **state)
{
    (void)state;
    if (!look("beside-pages-that-nobody-fills", PLACE_MAPPING, "anonymous memory"))
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(across_borders),     cmocka_unit_test(mapped_in_part),
        cmocka_unit_test(huge_pages),         cmocka_unit_test(what_waits),
        cmocka_unit_test(what_is_on_its_way), cmocka_unit_test(threads_and_children),
        cmocka_unit_test(nobody_fills_pages),
    };

    return cmocka_run_group_tests(tests, scan_setup, scan_teardown);
}
