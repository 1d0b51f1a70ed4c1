/*
 * Looks for a PIN in other processes and in core files, with hsmzke-memscan's sources and search:
 * memory, registers, environment, command line, pipes and what else they have.
 */
#ifndef HSMZKE_TESTS_PIN_SEARCH_H
#define HSMZKE_TESTS_PIN_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    PIN_SIZE = 24,
    PIN_LONG = 64,
    PIN_PIECE = 8, /* of which both are made: a register of 16 bytes holds one of them whole */
};

/** Random letters and digits, no eight of which are in memory by chance; the process keeps them. */
const char *pin_make(size_t size);

/** What was seen. */
struct pin_seen {
    size_t places;     /**< where the whole PIN or a piece of it is, in any form */
    const char *where; /**< the first of them, in words; "" if there is none */
    uint64_t address;  /**< and its address */
    uint64_t bytes;    /**< that were read */
};

/** Stops processes, and looks for the PIN; all their memory must be readable. */
void pin_search(const pid_t *processes, size_t count, const char *pin, struct pin_seen *seen);

/** Prints a line of the table of what was seen, which tests/run.sh shows. */
void pin_print(const char *source, const char *module, unsigned scans, const struct pin_seen *seen);

/** Looks for a text in a core file, as it stands and in other forms. */
bool pin_in_core(const char *path, const char *wanted);

#endif
