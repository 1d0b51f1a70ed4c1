/*
 * What the tests of sources share: targets that say when they are ready and that they are unharmed,
 * one scan of one, and what was found of a needle.
 */
#ifndef MEMSCAN_SCAN_TARGET_H
#define MEMSCAN_SCAN_TARGET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../source/source.h"
#include "needles.h"

/** A program that runs. */
struct live {
    pid_t process;
    int in, out; /**< its standard input and output */
};

/** Starts a program of the build and waits for its "ready". */
struct live live_start(const char *program, const char *argument);

/**
 * The same for a program that may say "cannot" and why.
 * @return false, with its reason, if it did
 */
bool live_try(struct live *live, const char *program, const char *argument, char why[100]);

/** Sends a byte and waits for the answer; fails the test if there is none within 20 seconds. */
void live_check(const struct live *live);

/** Closes its standard input and waits until it has ended. */
void live_end(struct live *live);

/** Takes away the System V segments that a process has made: they outlive it. */
void live_clean(const struct live *live);

/** A private folder of the test, taken away at its end. */
const char *scan_folder(void);
int scan_setup(void **state);
int scan_teardown(void **state);

/** How one scan is to be done. */
struct scan_way {
    uint64_t snapshot;
    bool children, oracle;
    unsigned int workers;
};

/** Looks for all needles; NULL, with the reason, if it was refused. */
struct examination *scan_process(pid_t process, const struct scan_way *way,
                                 struct source_trouble *why);
struct examination *scan_core(const char *path, struct source_trouble *why);
struct examination *scan_image(const char *path, struct source_trouble *why);

/** How often a needle was found in places of a kind; `text`: the description of the last one. */
unsigned int scan_found(const struct examination *examination, enum needle needle,
                        enum place_kind kind, char text[400]);

/** Fails unless a needle was found in a place of that kind, described with `words`. */
void scan_expect(const struct examination *examination, enum needle needle, enum place_kind kind,
                 const char *words);

/** Fails unless the ledger balances and nothing at all is missing. */
void scan_complete(const struct examination *examination);

#endif
