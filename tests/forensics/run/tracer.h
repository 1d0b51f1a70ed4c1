/*
 * The tracer: starts the command, follows its threads, children and execs, and has their memory
 * searched where they stop.
 */
#ifndef MEMSCAN_TRACER_H
#define MEMSCAN_TRACER_H

#include "environment.h"
#include "searches.h"

struct tracer {
    struct tracees tracees;
    struct searches searches;
    const struct environment *environment;
    const unsigned char *key;   /**< 32 bytes for the software module; NULL: none */
    bool control;               /**< the command's output is not wanted */
    bool tapped;                /**< the tap was loaded at least once */
    unsigned int asked_to_stop; /**< how often the user did */
    char trouble[480];          /**< what kept the tap from its work; empty: nothing */
};

/**
 * Runs the command to its end.
 * @return false, with the reason, if it could not be started or followed
 */
bool tracer_run(struct tracer *tracer, struct source_trouble *why);

#endif
