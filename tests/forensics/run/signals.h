/*
 * Signals that this process gets while the command runs: those meant for the command are handed on
 * to it.
 */
#ifndef MEMSCAN_SIGNALS_H
#define MEMSCAN_SIGNALS_H

#include <sys/types.h>

/** From now on SIGINT, SIGQUIT, SIGTERM and SIGHUP do not end this process. */
void signals_take(void);

/**
 * To whom they are handed on; what a terminal sends reaches the command by itself.  The second one
 * kills it.
 */
void signals_forward_to(pid_t command);

/** As it was before signals_take(); also in the child. */
void signals_restore(void);

/** How often one of them came. */
unsigned int signals_asked(void);

#endif
