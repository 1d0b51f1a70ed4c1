/*
 * The registers of stopped threads, each a place of its own.
 */
#ifndef MEMSCAN_REGISTERS_H
#define MEMSCAN_REGISTERS_H

#include "feed.h"
#include "freeze.h"
#include "xstate.h"

/** The stack pointer among general registers as a regset has them; 0 if nobody knows. */
uint64_t registers_stack_pointer(const void *general, size_t size);

/** Enters the registers of one thread, from regsets. */
void registers_feed(struct feed *feed, pid_t process, pid_t thread, const char *name,
                    const unsigned char *image, size_t size);

/** Reads the registers of all threads; counts those that were missed. */
void registers_read(struct tasks *tasks, struct feed *feed, struct examination *examination);

#endif
