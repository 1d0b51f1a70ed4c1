/*
 * Threads are stopped and let go: PTRACE_SEIZE and PTRACE_INTERRUPT, of all threads that /proc
 * lists, until all stand still and no new one is listed.  All by one thread: the kernel knows the
 * tracer by thread.
 */
#ifndef MEMSCAN_FREEZE_H
#define MEMSCAN_FREEZE_H

#include "procfs.h"
#include "source.h"

enum task_state {
    TASK_AWAITED, /**< was told to stop */
    TASK_STOPPED,
    TASK_STUCK, /**< inside the kernel, where it cannot be stopped (a vfork, a hanging file system)
                 */
    TASK_GONE,
};

struct task {
    pid_t process, thread;
    enum task_state state;
    int signal;             /**< on its way to the thread when it was stopped */
    uint64_t stack_pointer; /**< once its registers were read */
};

struct tasks {
    struct task *items;
    size_t count, room;
    struct ids threads;
    bool taken; /**< a tracer of ours holds them: only looked at, never let go */
};

/**
 * Stops all threads of a process.  Threads that end meanwhile are no error; that none is left is.
 */
bool tasks_stop(struct tasks *tasks, pid_t process, struct source_trouble *why);

/** Enters the threads of a process that the calling thread traces and has stopped already. */
bool tasks_take(struct tasks *tasks, pid_t process, struct source_trouble *why);

/** A thread through which the memory of a process can be reached (a leader that ended has none);
 * 0 if there is none any more. */
pid_t tasks_alive(const struct tasks *tasks, pid_t process);

/** Lets all go that were stopped, each with the signal that was on its way. */
void tasks_go(struct tasks *tasks);
void tasks_free(struct tasks *tasks);

#endif
