/* Signals: see signals.h. */
#include "signals.h"

#include <errno.h>
#include <signal.h>

enum { TAKEN = 4 };

static const int taken[TAKEN] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
static struct sigaction before[TAKEN];
static volatile sig_atomic_t asked;
static volatile sig_atomic_t command;

static void handle(int signal, siginfo_t *info, void *context)
{
    const int saved = errno;

    (void)context;
    asked = asked + 1;
    if (command > 0 && asked > 1)
        (void)kill((pid_t)command, SIGKILL);
    else if (command > 0 && info->si_code != SI_KERNEL)
        (void)kill((pid_t)command, signal);
    errno = saved;
}

/* Without SA_RESTART: wait() comes back. */
void signals_take(void)
{
    struct sigaction action = { .sa_flags = SA_SIGINFO };

    asked = 0;
    command = 0;
    action.sa_sigaction = handle;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < TAKEN; i++)
        sigaction(taken[i], &action, &before[i]);
}

void signals_forward_to(pid_t pid)
{
    command = pid;
}

void signals_restore(void)
{
    for (int i = 0; i < TAKEN; i++)
        sigaction(taken[i], &before[i], NULL);
}

unsigned int signals_asked(void)
{
    return (unsigned int)asked;
}
