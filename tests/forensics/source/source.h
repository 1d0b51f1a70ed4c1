/*
 * The face of the sources: bring the memory of something, piece by piece, before a scanner, and
 * keep the ledger. Knows the operating system; knows nothing of AES.
 */
#ifndef MEMSCAN_SOURCE_H
#define MEMSCAN_SOURCE_H

#include <stdbool.h>
#include <sys/types.h>

#include "../model/examination.h"
#include "../scan/scanner.h"

/** Why a source could not be read, in words with the cure (docs and exit status 2). */
struct source_trouble {
    char text[480];
};

struct source_settings {
    const struct scanner *scanner;
    unsigned int workers; /**< threads that search; 0: one for each processor */
    uint64_t snapshot;    /**< bytes that may be copied to let the target go on early */
    bool children;        /**< follow child processes too */
    /** Called now and then with the bytes that are done and those that there are; or NULL. */
    void (*progress)(void *argument, uint64_t done, uint64_t all);
    void *argument;
};

/** A process (and its children) that stands still, all threads of it. */
struct target;

/**
 * Stops processes: all threads, all children, until no new one appears.
 * @return NULL, with the reason, if one cannot be stopped (no permission, is gone)
 */
struct target *target_stop(const pid_t *processes, size_t count, bool children,
                           struct source_trouble *why);

/**
 * For threads that a tracer of ours has stopped already (run/): takes them as they stand.  The
 * tracer keeps them; target_resume() then does not let them go.
 */
struct target *target_take(const pid_t *processes, size_t count, struct source_trouble *why);

/**
 * Reads all memory of a stopped target, or copies it.  What was copied is searched by
 * target_search() later; what was not (the snapshot was too small) is searched here.  Fills ledger,
 * threads, trouble.
 * @return false if nothing can be said of the target at all
 */
bool target_read(struct target *target, const struct source_settings *settings,
                 struct examination *examination, struct source_trouble *why);

/** Reads the maps once more (`ledger.changed`) and lets the target run on. */
void target_resume(struct target *target, struct examination *examination);

/** Searches what was copied, then wipes and frees the copies and the target; concludes the
 * findings. */
void target_search(struct target *target, const struct source_settings *settings,
                   struct examination *examination);

/** All four steps. */
bool source_processes(const pid_t *processes, size_t count, const struct source_settings *settings,
                      struct examination *examination, struct source_trouble *why);

/** A core file: segments by their addresses, registers of its notes. */
bool source_core(const char *path, const struct source_settings *settings,
                 struct examination *examination, struct source_trouble *why);

/** A raw image of any size; "-" is standard input. */
bool source_image(const char *path, const struct source_settings *settings,
                  struct examination *examination, struct source_trouble *why);

#endif
