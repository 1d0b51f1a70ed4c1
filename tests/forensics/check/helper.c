/*
 * A helper process that holds a key where keys hide, searched as a target is searched: what shows
 * that threads are stopped, registers read and pages without permissions reached.
 */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../provider/secret.h"

enum { KEY = 32 };

/* Where the helper has the key: addresses that are its parent's too, for it is a fork. */
struct hiding {
    unsigned char *heap, *hidden; /* the second in a page of its own */
    unsigned char *source;        /* where the helper reads it, and then wipes it */
    size_t page;
};

struct place_check {
    const char *name;
    bool (*is_it)(const struct place *place, const struct finding *finding,
                  const struct hiding *hiding);
};

static bool is_heap(const struct place *place, const struct finding *finding,
                    const struct hiding *hiding)
{
    (void)place;
    return finding->address == (uint64_t)(uintptr_t)hiding->heap;
}

static bool is_hidden(const struct place *place, const struct finding *finding,
                      const struct hiding *hiding)
{
    (void)place;
    return finding->address == (uint64_t)(uintptr_t)hiding->hidden;
}

static bool is_stack(const struct place *place, const struct finding *finding,
                     const struct hiding *hiding)
{
    (void)finding, (void)hiding;
    return strstr(place->name, "stack") != NULL;
}

static bool is_register(const struct place *place, const struct finding *finding,
                        const struct hiding *hiding)
{
    (void)finding, (void)hiding;
    return place->kind == PLACE_REGISTERS;
}

static const struct place_check places[] = {
    { "key on the heap of a helper process", is_heap },
    { "key on its stack", is_stack },
    { "key in a page without permissions", is_hidden },
#if defined(__x86_64__)
    { "key in its XMM registers", is_register },
#endif
};

/* Sleeps with the key in two vector registers, until it is killed. */
static void wait_with(const unsigned char *key)
{
#if defined(__x86_64__)
    __asm__ volatile("movdqu (%0), %%xmm6\n"
                     "movdqu 16(%0), %%xmm7\n"
                     "1: mov %1, %%eax\n"
                     "syscall\n"
                     "jmp 1b"
                     :
                     : "r"(key), "i"(SYS_pause)
                     : "rax", "rcx", "r11", "xmm6", "xmm7", "memory");
#else
    (void)key;
    for (;;)
        pause();
#endif
}

static void helper_main(const struct hiding *hiding, int ready) __attribute__((noreturn));
static void helper_main(const struct hiding *hiding, int ready)
{
    unsigned char on_stack[KEY];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    memcpy(on_stack, hiding->source, KEY);
    memcpy(hiding->heap, on_stack, KEY);
    if (write(ready, "", 1) != 1)
        _exit(1);
    wait_with(on_stack);
    _exit(1);
}

static bool found_at(const struct place_check *check, const struct examination *examination,
                     const struct hiding *hiding)
{
    for (size_t i = 0; i < findings_count(examination->findings); i++) {
        const struct finding *finding = findings_at(examination->findings, i);

        if (finding->kind == FINDING_KNOWN_KEY && finding->matched >= KEY / 2 &&
            finding->place < examination->ledger.count &&
            check->is_it(&examination->ledger.places[finding->place], finding, hiding))
            return true;
    }
    return false;
}

static bool search(pid_t helper, const struct scanner_settings *settings,
                   const struct hiding *hiding, struct report *report, struct source_trouble *why)
{
    const struct sought sought = { .role = SOUGHT_CANARY, .name = "helper", .key = hiding->source };
    const struct scanner_settings own = {
        .detectors = DETECT_KNOWN_KEY, .path = settings->path, .sought = &sought, .sought_count = 1
    };
    struct scanner *scanner = scanner_new(&own);
    const struct source_settings source = { .scanner = scanner,
                                            .workers = 1,
                                            .snapshot = UINT64_C(64) << 20 };
    struct examination *examination = examination_new();
    bool done = scanner != NULL && examination != NULL &&
                source_processes(&helper, 1, &source, examination, why);

    for (size_t i = 0; i < sizeof(places) / sizeof(*places) && done; i++)
        done = check_add(report, places[i].name, found_at(&places[i], examination, hiding));
    examination_free(examination);
    scanner_free(scanner);
    return done;
}

/* @return 0 if it could not be made */
static pid_t start(const struct hiding *hiding)
{
    int ready[2];
    char byte;
    pid_t helper;

    if (pipe2(ready, O_CLOEXEC) != 0)
        return 0;
    helper = fork();
    if (helper == 0)
        helper_main(hiding, ready[1]);
    close(ready[1]);
    if (helper > 0 && read(ready[0], &byte, 1) != 1) {
        kill(helper, SIGKILL);
        waitpid(helper, NULL, 0);
        helper = 0;
    }
    close(ready[0]);
    return helper > 0 ? helper : 0;
}

static bool hide(struct hiding *hiding)
{
    hiding->page = (size_t)sysconf(_SC_PAGESIZE);
    hiding->heap = calloc(1, KEY);
    hiding->source = calloc(1, KEY);
    hiding->hidden =
        mmap(NULL, hiding->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (hiding->hidden == MAP_FAILED)
        hiding->hidden = NULL;
    if (hiding->heap == NULL || hiding->source == NULL || hiding->hidden == NULL ||
        getrandom(hiding->source, KEY, 0) != KEY)
        return false;
    memcpy(hiding->hidden, hiding->source, KEY);
    return mprotect(hiding->hidden, hiding->page, PROT_NONE) == 0;
}

static void unhide(struct hiding *hiding)
{
    if (hiding->hidden != NULL)
        munmap(hiding->hidden, hiding->page);
    if (hiding->source != NULL)
        secret_wipe(hiding->source, KEY);
    free(hiding->heap);
    free(hiding->source);
}

bool check_helper(const struct scanner_settings *settings, struct report *report,
                  struct source_trouble *why)
{
    struct hiding hiding = { 0 };
    pid_t helper = hide(&hiding) ? start(&hiding) : 0;
    bool done = false;

    if (helper != 0) {
        done = search(helper, settings, &hiding, report, why);
        kill(helper, SIGKILL);
        while (waitpid(helper, NULL, 0) < 0 && errno == EINTR)
            ;
    } else {
        snprintf(why->text, sizeof(why->text),
                 "no helper process for the self-test could be made: %s", strerror(errno));
    }
    unhide(&hiding);
    return done;
}
