/*
 * Processes that stand still: what the parts that read them share.
 */
#ifndef MEMSCAN_TARGET_H
#define MEMSCAN_TARGET_H

#include "feed.h"
#include "freeze.h"
#include "maps.h"
#include "memory.h"

/** One address space. */
struct target_process {
    pid_t process, thread; /**< a thread of it that has its memory */
    bool has_memory;       /**< `memory` is open */
    struct memory memory;
    struct maps maps;
};

/** Files, pipes and segments that were entered, by device and number: each is read once. */
struct seen {
    struct seen_file {
        uint64_t device, number;
    } * files;
    size_t count, slots;
};

struct target {
    struct tasks tasks;
    struct target_process *processes;
    size_t count;
    struct snapshot snapshot;
    struct seen seen;
    double stopped_at; /**< feed_clock() */
    bool resumed;
    char note[240]; /**< what is to be said of stopping it; empty if nothing */
};

/** Reads /proc/PID/maps. @return false if the process is gone */
bool target_read_maps(const struct target_process *process, struct maps *maps);

/** Enters all mappings of a process, and what is in them (mappings.c). */
void target_mappings(struct target *target, struct target_process *process, struct feed *feed,
                     struct examination *examination);

/** @return true the first time for this file */
bool target_first(struct target *target, uint64_t device, uint64_t number);

/** Whether it was entered before. */
bool target_knows(const struct target *target, uint64_t device, uint64_t number);

/** Enters environment and command line, and all that follows (elsewhere.c). */
void target_elsewhere(struct target *target, struct target_process *process, struct feed *feed,
                      struct examination *examination);

/**
 * Enters memfds, unlinked files, POSIX shared memory, pipes and sockets among the open files of a
 * process's threads; such a file that this program got out of a socket; and such files of which a
 * part is mapped (open-files.c).
 */
void target_open_files(struct target *target, struct target_process *process, struct feed *feed,
                       struct examination *examination);

void target_sent_file(struct target *target, struct target_process *process, struct feed *feed,
                      int fd, struct examination *examination);
void target_mapped_files(struct target *target, struct target_process *process, struct feed *feed,
                         struct examination *examination);

/** Enters what waits in a pipe, or in a socket, without taking it out (queues.c). */
void target_pipe(struct feed *feed, struct place *place, int fd, struct examination *examination);
void target_socket(struct target *target, struct target_process *process, struct feed *feed,
                   struct place *place, int fd, struct examination *examination);

/** Enters the System V segments that nobody but the processes has to do with (segments.c). */
void target_segments(struct target *target, struct target_process *process, struct feed *feed,
                     struct examination *examination);

#endif
