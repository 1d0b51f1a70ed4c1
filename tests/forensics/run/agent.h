/*
 * What the tap and the software module have in common: they stop for the tracer, and offer it
 * places for canaries.  Compiled for general registers only, so that what a PKCS#11 module leaves
 * in vector registers is still there when the tracer looks.
 */
#ifndef MEMSCAN_AGENT_H
#define MEMSCAN_AGENT_H

#include <stdbool.h>

#include "stop.h"

/** A system call that touches neither errno nor vector registers. @return as the kernel does */
long agent_call(long number, long a, long b, long c, long d);

/** Whether this process is traced at all: without a tracer a breakpoint would end it. */
bool agent_traced(void);

/** Hands over; comes back when the tracer lets this thread go on. Keeps errno and signal mask. */
void agent_stop(struct stop *stop);

/** Makes places for canaries, once in a process, and offers them to the tracer. */
void agent_plant(void);

#endif
