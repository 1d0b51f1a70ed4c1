/*
 * What the tests of `run` share: a token with the key gold, run-target in one of its ways, and
 * questions about the report.
 */
#ifndef MEMSCAN_TEST_RUNNING_H
#define MEMSCAN_TEST_RUNNING_H

#include "testing.h"

#include "../run/run.h"

struct running {
    struct report report;
    struct run_end end;
    struct source_trouble why;
    bool done;
    size_t wanted; /* how many searches found the key */
};

/** OPENSSL_CONF for programs that get hsmzke from it, with the standard token or `settings`. */
void running_configure(const char *settings);

/** run-target in a way, "once"; `change` (or NULL) sets what is not usual. */
void run_target(struct running *running, const char *way,
                void (*change)(struct run_settings *settings));
/** Any command. */
void run_arguments(struct running *running, char *const *command,
                   void (*change)(struct run_settings *settings));
void running_clear(struct running *running);

/** Whether an examination found the key that was asked for. */
bool examination_found(const struct running *running, const struct examination *examination);
/** The first examination at a moment of a call. */
const struct examination *first_at(const struct running *running, enum moment moment,
                                   const char *call);
const struct control *control_named(const struct running *running, const char *name);
/** Fails unless all canaries were found in all searches in which they were there. */
void check_canaries(const struct running *running);

#endif
