/*
 * The measure: a C program that calls the PKCS#11 module itself, without OpenSSL.  It runs in a
 * process of its own, so that neither side sees the other's sessions or login.
 */
#ifndef HSMZKE_BENCH_BARE_H
#define HSMZKE_BENCH_BARE_H

#include <sys/types.h>
#include "work.h"

/** Where the key is. */
struct bare_target {
    const char *module;    /* path of the PKCS#11 module */
    const char *token;     /* the token's label */
    const char *pin;       /* the user's PIN */
    const char *key_label; /* CKA_LABEL of the key */
};

/** The other process; all zero before bare_start. */
struct bare {
    pid_t pid;
    int requests, answers; /* pipes */
};

/**
 * Starts the process.  Before any use of OpenSSL or the module in this one, as it forks.
 *
 * \return 1, or 0 after a message on stderr
 */
int bare_start(struct bare *bare, const struct bare_target *target);

/**
 * Has the work done for that many seconds.
 *
 * \return microseconds for a call, or a negative number after a message on stderr
 */
double bare_measure(const struct bare *bare, const struct work *work, double seconds);

/** Ends the process. */
void bare_stop(struct bare *bare);

#endif
