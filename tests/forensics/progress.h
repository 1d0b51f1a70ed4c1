/*
 * A progress bar on standard error, for work that takes longer than a moment.
 */
#ifndef MEMSCAN_PROGRESS_H
#define MEMSCAN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool terminal; /**< a bar is drawn over itself; else a line now and then */
    double begun, shown;
    bool drawn;
};

/** @return false if none is wanted: no terminal, and not asked for */
bool progress_begin(struct progress *progress, bool asked);

/** source_settings.progress; `argument` is a struct progress. */
void progress_show(void *argument, uint64_t done, uint64_t all);

/** Takes the bar away. */
void progress_end(struct progress *progress);

#endif
