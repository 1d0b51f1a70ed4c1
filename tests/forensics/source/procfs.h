/*
 * What /proc says of processes and threads, as text and lists.
 */
#ifndef MEMSCAN_PROCFS_H
#define MEMSCAN_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/** A list of process or thread numbers, each once, in the order in which they came. */
struct ids {
    pid_t *items;
    size_t count, room;
    pid_t *table; /**< the same, hashed */
    size_t slots;
};

/** @return true if it was not in there before (and is now) */
bool ids_add(struct ids *ids, pid_t id);
void ids_free(struct ids *ids);

/**
 * Reads all of /proc/PID/NAME.
 * @return NULL, with errno; else to be freed, with a NUL after `size` bytes
 */
char *proc_read(pid_t process, const char *name, size_t *size);

/** A number of /proc/PID/status: "TracerPid", "PPid"; -1 if there is none. */
long proc_status(pid_t process, const char *field);

/** The state's letter and the flags (PF_*) of a process or thread; false if it is gone. */
bool proc_state(pid_t process, char *state, unsigned long *flags);

/** The short name of a process or thread, made printable; "?" if it is gone. */
void proc_name(pid_t process, char name[20]);

/** Adds the threads of a process. @return false if it is gone */
bool proc_threads(pid_t process, struct ids *threads);

/** Adds the children of a process. */
void proc_children(pid_t process, struct ids *children);

#endif
