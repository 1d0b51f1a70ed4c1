/*
 * The threads and processes that are traced: a table of them, kept by what wait() tells; all of
 * them stopped, and each let go on.  One thread calls these, the tracer's: ptrace() knows no other.
 */
#ifndef MEMSCAN_TRACEES_H
#define MEMSCAN_TRACEES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** A process: what its memory has in it. */
struct traced {
    pid_t pid;
    bool executed;        /**< it runs a program; before that it is a copy of this one */
    bool tapped;          /**< its PKCS#11 module is the tap */
    bool ended;           /**< its end was seen to */
    bool fresh;           /**< it has executed a program since it was made */
    unsigned int planted; /**< canaries, bits by enum canary */
    pid_t keeper;         /**< the thread that we added; 0: none */
};

/** A thread. */
struct tracee {
    pid_t tid;
    struct traced *process;
    bool stopped;
    bool pending;       /**< `status` was not acted upon */
    int status;         /**< as wait() gave it */
    bool leaving;       /**< runs no more of the program */
    pid_t vforked;      /**< the child that it waits for, and is kept stopped meanwhile; 0: none */
    unsigned int depth; /**< PKCS#11 calls that it is in */
    char call[64];      /**< the outermost of them */
    bool in_syscall;
};

struct tracees {
    struct tracee **threads; /**< each at an address that stays */
    size_t count, room;
    struct traced **processes;
    size_t process_count, process_room;
    bool syscalls;   /**< stop at system calls inside PKCS#11 calls */
    bool overflowed; /**< there was no memory for one */
    pid_t root;      /**< the command itself */
    bool root_ended;
    int root_status; /**< as wait() gave it */
};

/** Begins with a process that is stopped and seized by the caller. @return NULL without memory */
struct tracee *tracees_add(struct tracees *tracees, pid_t tid, pid_t process);

void tracees_free(struct tracees *tracees);

struct tracee *tracees_find(struct tracees *tracees, pid_t tid);

/**
 * Waits for the next event, or takes one that was put off; brings the table up to date.
 * @return whose it is, stopped, `status` to be acted upon; NULL: nothing to be acted upon, or a
 * signal for this process came
 */
struct tracee *tracees_next(struct tracees *tracees);

/** Lets a thread go on, with a signal or 0; one in a group stop stays there. */
void tracees_resume(struct tracees *tracees, struct tracee *tracee, int signal);

/**
 * Stops all threads.  What they stopped for is put off; tracees_release() or the next rounds of
 * tracees_next() see to it.
 * @return how many did not stop in time
 */
unsigned int tracees_freeze(struct tracees *tracees);

/** Lets those go on that tracees_freeze() stopped for no other reason. */
void tracees_release(struct tracees *tracees);

/** Threads of a process that still run its program. */
size_t tracees_alive(const struct tracees *tracees, const struct traced *process);

/** The process executed another program: its other threads are gone. */
void tracees_executed(struct tracees *tracees, struct tracee *tracee);

/** The child `pid` has a memory of its own now, or none: whoever waits for it by vfork() may go on.
 */
void tracees_vfork_done(struct tracees *tracees, pid_t pid);

/** Kills all processes. */
void tracees_kill(const struct tracees *tracees);

#endif
