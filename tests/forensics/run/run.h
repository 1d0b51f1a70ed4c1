/*
 * The face of this room: a command is started and its memory searched at every call into its
 * PKCS#11 module, at exec and at exit; once with the HSM, and once with a key in software, which
 * must be found.
 */
#ifndef MEMSCAN_RUN_H
#define MEMSCAN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "../model/report.h"
#include "../source/source.h"

/** What computes while the command runs. */
enum run_mode {
    RUN_BOTH,     /**< the control first, then the HSM */
    RUN_HSM,      /**< the command once; a verdict KEY_NOT_IN_MEMORY then lacks a control */
    RUN_SOFTWARE, /**< --software: the control alone; the report is about it */
};

/** What is planted in the target to be found again; bits for run_settings.left_out. */
enum canary {
    CANARY_HEAP,
    CANARY_STACK,
    CANARY_REGISTERS,
    CANARY_PROTECTED, /**< a page without any permission */
    CANARY_VPAES,     /**< a schedule of vector-permutation AES */
    CANARY_DECRYPT,   /**< a schedule for decryption: reversed, InvMixColumns */
    CANARY_COUNT,
};

struct run_settings {
    char *const *command; /**< as for execvp() */
    /**
     * What is looked for: keys that are wanted, and what else the user chose.  Canaries are added
     * here, behind them (at most SOUGHT_MAX - CANARY_COUNT are wanted).
     */
    const struct scanner_settings *scan;
    enum run_mode mode;
    unsigned int workers;  /**< as in source_settings */
    uint64_t snapshot;     /**< as in source_settings */
    bool syscalls;         /**< search at system calls inside PKCS#11 calls too */
    unsigned int every;    /**< search at each so many-th call only; 0 and 1: at every one */
    double budget;         /**< seconds of searching, then no more; 0: no limit */
    unsigned int left_out; /**< canaries that are not planted: for tests of the tests */
};

/** How the command ended. */
struct run_end {
    int status;       /**< as wait() gives it */
    bool interrupted; /**< it was killed because the user asked twice to stop */
    char text[120];   /**< "it ended with exit status 1" */
};

/**
 * Runs the command and fills examinations, controls, calls, dropped, longest_unscanned, target,
 * kind, question.canaries and duration of `report`, and sets to fail what it knows to (conditions
 * of moments and controls).
 * Writes nothing to standard output; the command has all three streams to itself.
 * @return false, with the reason, if the command could not be started or followed
 */
bool run_command(const struct run_settings *settings, struct report *report, struct run_end *end,
                 struct source_trouble *why);

#endif
