/*
 * Life and death around the PKCS#11 module: the room's one lock, the gate that every call into a
 * module passes, the depth guard, forked children, and the end of the process.
 */
#ifndef HSMZKE_PKCS11_LIFE_H
#define HSMZKE_PKCS11_LIFE_H

#include <stdbool.h>
#include <time.h>

/**
 * Sets the room up; to be called before anything else of it, any number of times.
 * @return false when fork handlers cannot be registered
 */
bool life_start(void);

/**
 * From now on fork() waits until no other thread is inside a module, for a while.  To be called
 * after all other fork handlers are registered, so that it comes before them: a thread that is to
 * come out may need the locks that they take.  Any number of times.
 * @return false when it cannot be registered
 */
bool life_wait_at_fork(void);

/**
 * The lock of everything that this room keeps: modules, tokens, sessions, keys.  Never held across
 * a call into a module (it may call us back), nor across a prompt.  fork() takes it, so that a
 * child finds all of it in order.
 */
void life_lock(void);
void life_unlock(void);

/** Sleeps until life_wake() or `deadline` (CLOCK_MONOTONIC; NULL: none).  With the lock held.
 * @return false when the deadline has passed */
bool life_wait(const struct timespec *deadline);

/** Wakes all sleepers.  With the lock held. */
void life_wake(void);

/** Changes in a forked child; what was made under another generation is not ours to use. */
unsigned long life_generation(void);

/** Before a call into a module. @return false: the gate is closed, do not call */
bool life_enter(void);

/** After a call into a module. @return `rv` */
unsigned long life_leave(unsigned long rv);

/**
 * A module that can write to somebody who may be gone is there (`more`), or it is known not to be
 * one: while there is one, SIGPIPE is kept from the program in all calls.
 */
void life_connects(bool more);

/** Registers what closes the modules at exit: to be called after each C_Initialize. */
bool life_at_exit(void (*finalize)(void));

/** Seconds of a coarse monotonic clock. */
time_t life_now(void);

#endif
