/*
 * The searches of a run: when the target stands still its memory is taken, it goes on, and what
 * was copied is searched in a thread beside it.
 */
#ifndef MEMSCAN_SEARCHES_H
#define MEMSCAN_SEARCHES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "canaries.h"
#include "tracees.h"

struct searches {
    const struct run_settings *settings;
    const struct scanner *scanner;
    struct canaries *canaries;
    int first_canary; /**< its index among what is sought */
    struct report *report;
    struct tracees *tracees;
    uint64_t begun;        /**< when the run began: searches_now() */
    uint64_t last;         /**< when the target went on after the last search; 0: there was none */
    uint64_t calls;        /**< PKCS#11 calls whose entry was seen */
    uint64_t lost;         /**< searches that came to nothing */
    char trouble[480];     /**< why the first of these */
    double spent;          /**< seconds */
    pthread_t thread;      /**< searches what was copied */
    bool busy;             /**< there is such a thread */
    struct target *target; /**< the thread's */
    struct examination *examination; /**< the thread's */
    struct traced *there;            /**< the processes as they were when it was taken */
    size_t there_count;
};

/** Nanoseconds of a clock that only goes forward. */
uint64_t searches_now(void);

/** Whether a call is to be looked at at all (`every`, `budget`). */
bool searches_wanted(const struct searches *searches, enum moment moment);

/**
 * Stops all, takes their memory, and lets all go on but for `tracee`, whose stop it is.  The search
 * itself goes on after the return.
 */
void searches_take(struct searches *searches, enum moment moment, const char *call);

/** Waits for the search that is going on, if one is; enters it into the report. */
void searches_wait(struct searches *searches);

#endif
