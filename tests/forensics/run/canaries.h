/*
 * Canaries: keys of this run that the tracer writes into the target, and that every search must
 * find again.
 */
#ifndef MEMSCAN_CANARIES_H
#define MEMSCAN_CANARIES_H

#include <stdbool.h>

#include "../model/report.h"
#include "../scan/scanner.h"
#include "run.h"
#include "stop.h"
#include "tracees.h"

struct canaries;

/** @return NULL, with the reason, without locked memory or random numbers */
struct canaries *canaries_new(unsigned int left_out, struct source_trouble *why);
void canaries_free(struct canaries *canaries);

/** Appends CANARY_COUNT keys to what is sought. */
void canaries_seek(const struct canaries *canaries, struct sought *sought, size_t *count);

/** Writes them to the places that the target offers in `stop`; marks its process. */
void canaries_plant(struct canaries *canaries, struct tracee *tracee, const struct stop *stop);

/**
 * Counts which of them an examination has found in each process that had them when it was taken.
 * `first` is the index of the first among what was sought.
 */
void canaries_check(struct canaries *canaries, const struct examination *examination,
                    const struct traced *processes, size_t count, int first);

/** The controls that they make. @return CANARY_COUNT of them */
const struct control *canaries_controls(const struct canaries *canaries);

/** Writes into the memory of a stopped thread's process, whatever its permissions. */
bool target_write(pid_t thread, uint64_t address, const void *bytes, size_t size);

#endif
