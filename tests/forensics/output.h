/*
 * Files that are written whole or not at all: under another name first, readable by their owner
 * only, then renamed.
 */
#ifndef MEMSCAN_OUTPUT_H
#define MEMSCAN_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "../../provider/failure.h"

enum { OUTPUT_PATH_MAX = 4096 };

struct output {
    FILE *file;
    const char *path;
    char temporary[OUTPUT_PATH_MAX]; /**< empty: what is there is no file, and is written to */
};

/** Opens; what has the name now stays as it is until output_commit(). */
bool output_open(struct output *output, const char *path, struct failure *why);

/** Everything was written: gives it its name. */
bool output_commit(struct output *output, struct failure *why);

/** Takes back what was not committed; fine for one that was, or was never opened. */
void output_drop(struct output *output);

#endif
