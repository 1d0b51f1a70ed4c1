/*
 * bench: what EVP through hsmzke costs beside a bare PKCS#11 program, side by side in one run.
 *
 *     bench MODULE TOKEN PIN-FILE KEY-LABEL KEY-HEX CONFIG [ROUNDS [SECONDS]]
 *
 * CONFIG is an openssl.cnf with hsmzke in it.  The key must be the one of that label on the token:
 * its bytes are for comparing with software.  tests/bench/run.sh makes all of it and calls this.
 * One thread; in each round every kind of work is done bare and through EVP, one after the other,
 * SECONDS each; what is shown is the median of the rounds.  Nothing here fails for being slow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/crypto.h>
#include "bare.h"
#include "crowd.h"
#include "evp.h"

#define ROUNDS_MAX 99
#define CROWD 10000

/* A line of the table: EVP's work, the bare work that it is measured by, and the goal. */
struct line {
    const char *title, *against;
    struct work evp, bare;
    double goal; /* bare time / EVP time, at least */
};

#define MESSAGE(mode, size)                                                                        \
    {                                                                                              \
        mode, SHAPE_MESSAGES, size                                                                 \
    }
#define UPDATE(mode, size)                                                                         \
    {                                                                                              \
        mode, SHAPE_UPDATES, size                                                                  \
    }
#define STREAM(mode, size)                                                                         \
    {                                                                                              \
        mode, SHAPE_STREAMS, size                                                                  \
    }

static const struct line lines[] = {
    { "16 B ECB", "Init + Encrypt", MESSAGE(MODE_ECB, 16), MESSAGE(MODE_ECB, 16), 10 },
    { "16 B CTR", "Init + Encrypt", MESSAGE(MODE_CTR, 16), MESSAGE(MODE_CTR, 16), 10 },
    { "16 B CBC, unpadded", "Init + Encrypt", MESSAGE(MODE_CBC, 16), MESSAGE(MODE_CBC, 16), 10 },
    { "4 KiB ECB", "Init + Encrypt", MESSAGE(MODE_ECB, 4096), MESSAGE(MODE_ECB, 4096), 4 },
    { "4 KiB CTR", "Init + Encrypt", MESSAGE(MODE_CTR, 4096), MESSAGE(MODE_CTR, 4096), 4 },
    { "4 KiB CBC, unpadded", "Init + Encrypt", MESSAGE(MODE_CBC, 4096), MESSAGE(MODE_CBC, 4096),
      3.5 },
    { "16 B CBC, padded", "Init + Encrypt, CBC_PAD", MESSAGE(MODE_PADDED, 16),
      MESSAGE(MODE_PADDED, 16), 6 },
    { "64 KiB updates, CBC", "EncryptUpdate, CBC", UPDATE(MODE_CBC, 65536), UPDATE(MODE_CBC, 65536),
      0.95 },
    { "64 KiB updates, CTR", "EncryptUpdate, ECB", UPDATE(MODE_CTR, 65536), UPDATE(MODE_ECB, 65536),
      0.65 },
    { "1 KiB GCM", "Init + Encrypt", MESSAGE(MODE_GCM, 1024), MESSAGE(MODE_GCM, 1024), 0.95 },
    { "64 KiB updates, GCM", "EncryptUpdate, GCM", STREAM(MODE_GCM, 65536), STREAM(MODE_GCM, 65536),
      0.65 },
};
#define LINES (sizeof(lines) / sizeof(lines[0]))

/* Microseconds for a call, by line and round. */
static double bare_times[LINES][ROUNDS_MAX], evp_times[LINES][ROUNDS_MAX];

double work_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const double *values, int count)
{
    double sorted[ROUNDS_MAX];

    memcpy(sorted, values, (size_t)count * sizeof(*values));
    qsort(sorted, (size_t)count, sizeof(*sorted), compare_doubles);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

static int measure(const struct bare *bare, const struct evp_side *hsm,
                   const struct evp_side *software, int rounds, double seconds)
{
    int round;
    size_t i;

    for (i = 0; i < LINES; i++)
        if (!evp_sides_agree(hsm, software, &lines[i].evp))
            return 0;
    for (round = -1; round < rounds; round++) { /* round -1 is to warm up */
        int kept = round < 0 ? 0 : round;

        for (i = 0; i < LINES; i++) {
            bare_times[i][kept] = bare_measure(bare, &lines[i].bare, seconds);
            evp_times[i][kept] = evp_side_measure(hsm, &lines[i].evp, seconds);
            if (bare_times[i][kept] < 0 || evp_times[i][kept] < 0)
                return 0;
        }
    }
    return 1;
}

static void print_line(const struct line *line, const double *bare, const double *evp, int rounds)
{
    double ratios[ROUNDS_MAX], ratio;
    int round;

    for (round = 0; round < rounds; round++)
        ratios[round] = bare[round] / evp[round];
    ratio = median(ratios, rounds);
    qsort(ratios, (size_t)rounds, sizeof(*ratios), compare_doubles);
    printf("%-20s %-24s %9.2f %9.2f %7.2f  %6.2f ..%6.2f %6.2f  %s\n", line->title, line->against,
           median(bare, rounds), median(evp, rounds), ratio, ratios[0], ratios[rounds - 1],
           line->goal, ratio >= line->goal ? "reached" : "NOT reached");
}

static void print_table(int rounds, double seconds)
{
    size_t i;

    printf(
        "Microseconds a call, and bare / EVP of the same round: medians of %d rounds of %g s each; "
        "lowest\nand highest: of single rounds. One thread.\n\n"
        "%-20s %-24s %9s %9s %7s  %-14s %6s\n",
        rounds, seconds, "EVP through hsmzke", "bare PKCS#11", "bare", "EVP", "ratio",
        "lowest,highest", "goal");
    for (i = 0; i < LINES; i++)
        print_line(&lines[i], bare_times[i], evp_times[i], rounds);
}

/* The first line of the file. */
static int read_pin(const char *name, char *pin, size_t capacity)
{
    FILE *file = fopen(name, "r");
    int ok = file != NULL && fgets(pin, (int)capacity, file) != NULL;

    if (file != NULL)
        fclose(file);
    if (!ok)
        fprintf(stderr, "bench: there is no PIN in %s\n", name);
    else
        pin[strcspn(pin, "\n")] = '\0';
    return ok;
}

/* Both EVP sides, the table, the crowd. */
static int run(const struct bare *bare, const char *config, const unsigned char *reference,
               const unsigned char *key, int rounds, double seconds)
{
    struct evp_side hsm, software;
    size_t right = 0;
    int ok;

    memset(&software, 0, sizeof(software));
    ok = evp_side_open(&hsm, config, reference) && evp_side_open(&software, NULL, key) &&
         measure(bare, &hsm, &software, rounds, seconds);
    if (ok) {
        print_table(rounds, seconds);
        right = crowd_run(&hsm, &software, CROWD);
        printf("\n%d contexts open at once in mid-stream: %zu right, goal: all, %s\n", CROWD, right,
               right == CROWD ? "reached" : "NOT reached");
        ok = right == CROWD;
    }
    evp_side_close(&software);
    evp_side_close(&hsm);
    return ok;
}

int main(int argc, char **argv)
{
    char pin[256];
    struct bare_target target;
    struct bare bare = { 0, -1, -1 };
    unsigned char reference[33] = { 0 }, key[32];
    int rounds = argc > 7 ? atoi(argv[7]) : 7, ok;
    double seconds = argc > 8 ? atof(argv[8]) : 0.3;
    size_t length = 0;

    if (argc < 7 || argc > 9 || rounds < 1 || rounds > ROUNDS_MAX || seconds <= 0) {
        fprintf(stderr, "usage: bench MODULE TOKEN PIN-FILE KEY-LABEL KEY-HEX CONFIG [ROUNDS "
                        "[SECONDS]]\n");
        return 2;
    }
    if (!read_pin(argv[3], pin, sizeof(pin)))
        return 1;
    target = (struct bare_target){ argv[1], argv[2], pin, argv[4] };
    if (!bare_start(&bare, &target)) /* forks: before anything else */
        return 1;
    snprintf((char *)reference, sizeof(reference), "hsmzke:%s", argv[4]);
    if (!OPENSSL_hexstr2buf_ex(key, sizeof(key), &length, argv[5], '\0') || length != sizeof(key)) {
        fprintf(stderr, "bench: the key must be 64 hexadecimal digits\n");
        ok = 0;
    } else {
        ok = run(&bare, argv[6], reference, key, rounds, seconds);
    }
    bare_stop(&bare);
    return ok ? 0 : 1;
}
