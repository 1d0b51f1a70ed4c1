/*
 * The survival table: for each event and algorithm how many operations came to what software makes
 * of them.  It is in a file that all processes of the test have mapped.
 */
#include "survival.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/err.h>

static const char *const columns[COLUMNS] = {
    "ECB", "CBC", "CTR", "GCM-stream", "GCM", "KW", "CMAC"
};
static const char *const events[EVENTS] = {
    [EVENT_SESSION] = "session lost",
    [EVENT_TOKEN] = "token gone for a second",
    [EVENT_RESTART] = "server killed, restarted",
    [EVENT_DOWN] = "server down for a while",
    [EVENT_FORK_PARENT] = "fork: the parent",
    [EVENT_FORK_CHILD] = "fork: the child",
    [EVENT_FORK_THREADS] = "fork beside threads",
    [EVENT_CROWD] = "64 threads, 8 sessions",
    [EVENT_EXEC] = "exec",
    [EVENT_UNLOAD] = "unload, free, dlclose",
    [EVENT_CLEANUP] = "OPENSSL_cleanup()",
};

static struct table {
    atomic_uint right[EVENTS][COLUMNS], errors[EVENTS][COLUMNS];
    atomic_uint wrong, failed, crashed;
    char skipped[EVENTS][200];
} * table;
static char path[4096];

void table_setup(const char *path_)
{
    int fd;

    snprintf(path, sizeof(path), "%s", path_ != NULL ? path_ : text("%s/table", work_dir()));
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && ftruncate(fd, sizeof(*table)) == 0);
    table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(table != MAP_FAILED);
    close(fd);
}

const char *table_path(void)
{
    return path;
}

void table_count(enum event event, enum column column, enum verdict verdict)
{
    if (verdict == RIGHT) {
        atomic_fetch_add(&table->right[event][column], 1);
        return;
    }
    atomic_fetch_add(verdict == WRONG ? &table->wrong : &table->failed, 1);
    fprintf(stderr, "%s: %s: %s\n", events[event], columns[column],
            verdict == WRONG ? "wrong bytes" : "failed:");
    ERR_print_errors_fp(stderr);
}

void table_error(enum event event, enum column column)
{
    atomic_fetch_add(&table->errors[event][column], 1);
}

bool table_child(enum event event, int status)
{
    if (status == 0)
        return true;
    atomic_fetch_add(status > 128 ? &table->crashed : &table->failed, 1);
    fprintf(stderr, "%s: a process ended with status %d\n", events[event], status);
    return false;
}

void table_skipped(enum event event, const char *reason)
{
    snprintf(table->skipped[event], sizeof(table->skipped[event]), "%s", reason);
}

void journey_count(struct journey *journey, enum event event)
{
    const enum verdict verdict = journey_end(journey);

    if (verdict != RIGHT)
        fprintf(stderr, "%s, %s, size %d, key %zu, %s:\n", journey->encrypt ? "encrypt" : "decrypt",
                journey->in_place ? "in place" : "not in place", (int)journey->size, journey->key,
                journey->late ? "late" : "early");
    table_count(event, journey->column, verdict);
    journey_free(journey);
}

static void print_row(enum event event, unsigned *right, unsigned *errors)
{
    printf("table: %-25s", events[event]);
    if (table->skipped[event][0] != '\0') {
        printf(" skipped: %s\n", table->skipped[event]);
        return;
    }
    for (size_t i = 0; i < COLUMNS; i++) {
        const unsigned n = table->right[event][i], e = table->errors[event][i];
        const char *cell = e > 0 ? text("%u+%ue", n, e) : text("%u", n);

        printf(" %*s", i == COLUMN_GCM_STREAM ? 10 : 8, cell);
        *right += n;
        *errors += e;
    }
    printf("\n");
}

bool table_print(void)
{
    unsigned right = 0, errors = 0;

    printf("table: %-25s", "operations right after");
    for (size_t i = 0; i < COLUMNS; i++)
        printf(" %*s", i == COLUMN_GCM_STREAM ? 10 : 8, columns[i]);
    printf("\n");
    for (size_t i = 0; i < EVENTS; i++)
        print_row((enum event)i, &right, &errors);
    printf("table: survival: %u operations, %u wrong, %u failed, %u crashed; %u errors (e) where "
           "docs/limits.md says so\n",
           right, table->wrong, table->failed, table->crashed, errors);
    return table->wrong + table->failed + table->crashed == 0;
}
