/*
 * bench-audit: what the audit log costs an operation, beside none.
 *
 *     bench-audit CONFIG CONFIG-WITH-LOG KEY-LABEL [ROUNDS [SECONDS]]
 *
 * The two configurations differ in `audit` only.  In each round every kind of work is done without
 * and with the log, one after the other; shown are medians.  tests/bench/run.sh calls this.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "evp.h"

#define ROUNDS_MAX 99
#define GOAL 3.0

static const struct {
    const char *title;
    struct work work;
} lines[] = {
    { "16 B ECB", { MODE_ECB, SHAPE_MESSAGES, 16 } },
    { "16 B CBC, unpadded", { MODE_CBC, SHAPE_MESSAGES, 16 } },
    { "4 KiB CBC, unpadded", { MODE_CBC, SHAPE_MESSAGES, 4096 } },
    { "1 KiB GCM", { MODE_GCM, SHAPE_MESSAGES, 1024 } },
};
#define LINES (sizeof(lines) / sizeof(lines[0]))

double work_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* who else is at work does not count */
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare_doubles);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static int measure_line(const struct evp_side *without, const struct evp_side *with, size_t line,
                        int rounds, double seconds)
{
    double before[ROUNDS_MAX], after[ROUNDS_MAX], more[ROUNDS_MAX];
    double cost;
    int round;

    for (round = -1; round < rounds; round++) { /* round -1 is to warm up */
        int kept = round < 0 ? 0 : round;

        before[kept] = evp_side_measure(without, &lines[line].work, seconds);
        after[kept] = evp_side_measure(with, &lines[line].work, seconds);
        if (before[kept] < 0 || after[kept] < 0)
            return 0;
        more[kept] = after[kept] - before[kept];
    }
    cost = median(more, rounds);
    printf("%-20s %9.2f %9.2f %7.2f %6.2f  %s\n", lines[line].title, median(before, rounds),
           median(after, rounds), cost, GOAL, cost <= GOAL ? "reached" : "NOT reached");
    return 1;
}

int main(int argc, char **argv)
{
    struct evp_side without, with;
    unsigned char reference[33] = { 0 };
    int rounds = argc > 4 ? atoi(argv[4]) : 7, ok;
    double seconds = argc > 5 ? atof(argv[5]) : 0.3;
    size_t line;

    if (argc < 4 || argc > 6 || rounds < 1 || rounds > ROUNDS_MAX || seconds <= 0) {
        fprintf(stderr, "usage: bench-audit CONFIG CONFIG-WITH-LOG KEY-LABEL [ROUNDS [SECONDS]]\n");
        return 2;
    }
    snprintf((char *)reference, sizeof(reference), "hsmzke:%s", argv[3]);
    memset(&with, 0, sizeof(with));
    ok = evp_side_open(&without, argv[1], reference) && evp_side_open(&with, argv[2], reference);
    printf("Microseconds of processor time for a call without and with an audit log in a file.\n\n"
           "%-20s %9s %9s %7s %6s\n",
           "EVP through hsmzke", "without", "with", "more", "goal");
    for (line = 0; ok && line < LINES; line++)
        ok = measure_line(&without, &with, line, rounds, seconds);
    evp_side_close(&with);
    evp_side_close(&without);
    return ok ? 0 : 1;
}
