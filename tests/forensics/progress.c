/* A progress bar: see progress.h. */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "report/words.h"

enum { BAR = 40 };

static const double patience = 0.5; /* seconds before anything is shown */
static const double lines = 5;      /* seconds between lines where no terminal is */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

bool progress_begin(struct progress *progress, bool asked)
{
    *progress = (struct progress){ .terminal = isatty(STDERR_FILENO) == 1, .begun = now() };
    return progress->terminal || asked;
}

static void put(const struct progress *progress, uint64_t done, uint64_t all)
{
    struct words words = { 0 };
    unsigned int full = 0;

    if (all > 0 && done <= all) {
        full = (unsigned int)((double)done / (double)all * BAR);
        words_add(&words, "%3.0f %%, ", 100.0 * (double)done / (double)all);
    }
    words_size(&words, done);
    if (!progress->terminal) {
        fprintf(stderr, "hsmzke-memscan: %s searched\n", words.text);
        return;
    }
    fprintf(stderr, "\r\033[K[%.*s%*s] %s", (int)full, "########################################",
            (int)(BAR - full), "", words.text);
}

void progress_show(void *argument, uint64_t done, uint64_t all)
{
    struct progress *progress = argument;
    const double time = now();

    if (time - progress->begun < patience ||
        (!progress->terminal && progress->drawn && time - progress->shown < lines))
        return;
    progress->shown = time;
    progress->drawn = true;
    put(progress, done, all);
}

void progress_end(struct progress *progress)
{
    if (progress->drawn && progress->terminal)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
