/*
 * SIGPIPE, kept from the program: what we write, or have written, may have no reader any more, and
 * that is an error of ours and not the program's end.  Pure; used in pairs, by one thread.
 */
#ifndef HSMZKE_PIPE_SIGNAL_H
#define HSMZKE_PIPE_SIGNAL_H

#include <stdbool.h>

/** How this thread was before. */
struct pipe_signal {
    bool blocked, pending;
};

/** From here on a SIGPIPE of this thread waits. */
void pipe_signal_hold(struct pipe_signal *before);

/** Takes off the one that came meanwhile, if any, and puts the thread's mask back; keeps errno. */
void pipe_signal_release(const struct pipe_signal *before);

#endif
