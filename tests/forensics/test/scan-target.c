/* What the tests of sources share: see scan-target.h. */
#include "scan-target.h"

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../source/describe.h"
#include "fake-scanner.h"

static char folder[300];

static int remove_one(const char *path, const struct stat *what, int kind, struct FTW *walk)
{
    (void)what;
    (void)kind;
    (void)walk;
    return remove(path);
}

int scan_setup(void **state)
{
    const char *base = getenv("MEMSCAN_TEST_FOLDER");

    (void)state;
    snprintf(folder, sizeof(folder), "%s/source-XXXXXX", base != NULL ? base : ".");
    return mkdtemp(folder) == NULL;
}

int scan_teardown(void **state)
{
    (void)state;
    return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *scan_folder(void)
{
    return folder;
}

/* Starts a program; its first six letters. */
static struct live start(const char *program, const char *argument, char word[7])
{
    int in[2], out[2];
    struct live live;
    char path[400];

    snprintf(path, sizeof(path), "%s/%s", getenv("MEMSCAN_TEST_PROGRAMS"), program);
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    live.process = fork();
    assert_true(live.process >= 0);
    if (live.process == 0) {
        /* A shell without job control has its background jobs ignore it. */
        signal(SIGQUIT, SIG_DFL);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        closefrom(3);
        execl(path, path, argument, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    live.in = in[1];
    live.out = out[0];
    for (size_t got = 0; got < 6; got++)
        assert_int_equal(read(live.out, word + got, 1), 1);
    word[6] = '\0';
    return live;
}

struct live live_start(const char *program, const char *argument)
{
    char word[7];
    const struct live live = start(program, argument, word);

    assert_string_equal(word, "ready\n");
    return live;
}

bool live_try(struct live *live, const char *program, const char *argument, char why[100])
{
    char word[7];
    ssize_t size;

    *live = start(program, argument, word);
    if (strcmp(word, "ready\n") == 0)
        return true;
    assert_string_equal(word, "cannot");
    size = read(live->out, why, 99);
    assert_true(size > 0);
    why[size] = '\0';
    why[strcspn(why, "\n")] = '\0';
    live_end(live);
    return false;
}

void live_check(const struct live *live)
{
    struct pollfd answer = { .fd = live->out, .events = POLLIN };
    char byte = 'x';

    assert_int_equal(write(live->in, &byte, 1), 1);
    assert_int_equal(poll(&answer, 1, 20000), 1);
    if (read(live->out, &byte, 1) != 1) {
        int status = -1;

        waitpid(live->process, &status, 0);
        fail_msg("process %d has ended: wait status %x", (int)live->process, (unsigned int)status);
    }
    assert_int_equal(byte, 'x');
}

void live_clean(const struct live *live)
{
    FILE *list = fopen("/proc/sysvipc/shm", "re");
    char line[512];
    int id, maker;

    while (list != NULL && fgets(line, sizeof(line), list) != NULL)
        if (sscanf(line, "%*d %d %*o %*u %d", &id, &maker) == 2 && maker == live->process)
            shmctl(id, IPC_RMID, NULL);
    if (list != NULL)
        fclose(list);
}

void live_end(struct live *live)
{
    int status;

    close(live->in);
    assert_int_equal(waitpid(live->process, &status, 0), live->process);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(live->out);
}

static struct scanner *make_scanner(bool oracle)
{
    struct fake_needle needles[NEEDLE_COUNT];
    struct scanner *scanner;

    for (unsigned int i = 0; i < NEEDLE_COUNT; i++)
        needle_make(i, needles[i].bytes);
    scanner = fake_scanner_new(needles, NEEDLE_COUNT, oracle);
    explicit_bzero(needles, sizeof(needles));
    assert_non_null(scanner);
    return scanner;
}

static struct examination *finish(struct examination *examination, struct scanner *scanner,
                                  bool good, const struct source_trouble *why)
{
    scanner_free(scanner);
    if (good)
        return examination;
    assert_true(why->text[0] != '\0');
    examination_free(examination);
    return NULL;
}

struct examination *scan_process(pid_t process, const struct scan_way *way,
                                 struct source_trouble *why)
{
    struct scanner *scanner = make_scanner(way->oracle);
    const struct source_settings settings = { .scanner = scanner,
                                              .workers = way->workers,
                                              .snapshot = way->snapshot,
                                              .children = way->children };
    struct examination *examination = examination_new();

    why->text[0] = '\0';
    return finish(examination, scanner, source_processes(&process, 1, &settings, examination, why),
                  why);
}

struct examination *scan_core(const char *path, struct source_trouble *why)
{
    struct scanner *scanner = make_scanner(false);
    const struct source_settings settings = { .scanner = scanner, .workers = 2 };
    struct examination *examination = examination_new();

    why->text[0] = '\0';
    return finish(examination, scanner, source_core(path, &settings, examination, why), why);
}

struct examination *scan_image(const char *path, struct source_trouble *why)
{
    struct scanner *scanner = make_scanner(false);
    const struct source_settings settings = { .scanner = scanner, .workers = 2 };
    struct examination *examination = examination_new();

    why->text[0] = '\0';
    return finish(examination, scanner, source_image(path, &settings, examination, why), why);
}

unsigned int scan_found(const struct examination *examination, enum needle needle,
                        enum place_kind kind, char text[400])
{
    unsigned int count = 0;

    for (size_t i = 0; i < findings_count(examination->findings); i++) {
        const struct finding *finding = findings_at(examination->findings, i);

        assert_true(finding->place < examination->ledger.count);
        if (finding->sought != (int)needle ||
            examination->ledger.places[finding->place].kind != kind)
            continue;
        count++;
        place_describe(examination, finding, text, 400);
    }
    return count;
}

/* `words` may be two texts with a bar between them. */
static bool has_either(const char *text, const char *words)
{
    const char *bar = strchr(words, '|');
    char first[64];

    if (bar == NULL)
        return strstr(text, words) != NULL;
    snprintf(first, sizeof(first), "%.*s", (int)(bar - words), words);
    return strstr(text, first) != NULL || strstr(text, bar + 1) != NULL;
}

void scan_expect(const struct examination *examination, enum needle needle, enum place_kind kind,
                 const char *words)
{
    char text[400] = "";
    bool found = false;

    for (size_t i = 0; i < findings_count(examination->findings) && !found; i++) {
        const struct finding *finding = findings_at(examination->findings, i);

        if (finding->sought != (int)needle ||
            examination->ledger.places[finding->place].kind != kind)
            continue;
        /* As a report has it; of an image there is nothing to say but the offset. */
        if (kind != PLACE_FILE)
            assert_non_null(finding->where);
        snprintf(text, sizeof(text), "%s", kind != PLACE_FILE ? finding->where : "");
        found = has_either(text, words);
    }
    if (!found)
        fail_msg("needle %d is not in \"%s\" of kind %d; last: \"%s\"; trouble: \"%s\"",
                 (int)needle, words, (int)kind, text, examination->trouble);
}

void scan_complete(const struct examination *examination)
{
    const struct place_sums sums = ledger_sums(&examination->ledger);

    assert_string_equal(examination->trouble, "");
    assert_true(ledger_balances(&examination->ledger));
    assert_int_equal(sums.unreadable, 0);
    assert_int_equal(examination->threads_missed, 0);
    assert_false(examination->ledger.changed);
    assert_true(sums.read > 0 && examination->threads > 0 && examination->processes > 0);
}
