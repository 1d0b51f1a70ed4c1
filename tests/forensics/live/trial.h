/*
 * One holder, started and looked at: what the tests of live programs share.
 */
#ifndef MEMSCAN_LIVE_TRIAL_H
#define MEMSCAN_LIVE_TRIAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "process.h"
#include "rows.h"
#include "seen.h"

struct trial {
    const struct live_row *row;
    const char *mode;
    unsigned int forms; /**< that must be found, enum live_form */
    char name[96];      /**< of the test */
};

/** What the scanner has of the key. */
enum knowledge {
    KNOWS_KEY,
    KNOWS_PAIR, /**< only what the key makes of a random block */
};

/** What is looked for, and with what. */
struct look {
    const unsigned char *key; /**< NULL: only structure */
    enum knowledge knowledge;
    unsigned int detectors; /**< enum detector_set */
    unsigned int forms_off; /**< as in scanner_settings */
};

/** Starts the trial's holder, or skips the test with the reason. */
struct live_process trial_begin(const struct trial *trial, const unsigned char *key);

/** Scans a process once; fails the test if not all of it could be read. */
struct seen trial_look(pid_t process, const struct look *look);

/** Ends the process and fails the test unless it is unharmed and had the right key. */
void trial_end(const struct trial *trial, struct live_process *process, const unsigned char *key);

#endif
