/* SIGPIPE, kept from the program: see pipe-signal.h. */
#include "pipe-signal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

static sigset_t pipe_signal(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    return set;
}

/* The kernel sends it to the thread that writes.  Where it is not blocked none is pending there. */
void pipe_signal_hold(struct pipe_signal *before)
{
    const sigset_t set = pipe_signal();
    sigset_t mask, pending;

    *before = (struct pipe_signal){ .blocked = true, .pending = true }; /* then nothing is done */
    if (pthread_sigmask(SIG_BLOCK, &set, &mask) != 0)
        return;
    before->blocked = sigismember(&mask, SIGPIPE) == 1;
    before->pending =
        before->blocked && sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void pipe_signal_release(const struct pipe_signal *before)
{
    const struct timespec at_once = { 0 };
    const sigset_t set = pipe_signal();
    const int saved = errno;

    if (!before->pending) {
        while (sigtimedwait(&set, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    }
    if (!before->blocked)
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    errno = saved;
}
