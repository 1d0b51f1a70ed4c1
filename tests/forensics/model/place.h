/*
 * Where memory was read, and the ledger of it in bytes: mapped = read + never populated +
 * unreadable.  Pure.
 */
#ifndef MEMSCAN_PLACE_H
#define MEMSCAN_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum place_kind {
    PLACE_MAPPING,      /**< of an address space */
    PLACE_REGISTERS,    /**< of a thread: general purpose, x87/SSE/AVX/AVX-512, put together */
    PLACE_MEMFD,        /**< a file that only exists in memory and is not mapped */
    PLACE_UNLINKED,     /**< an open file that has no name any more */
    PLACE_SHARED,       /**< a System V segment that is not attached */
    PLACE_PIPE,         /**< what waits in a pipe or socket */
    PLACE_ENVIRONMENT,  /**< /proc/PID/environ */
    PLACE_COMMAND_LINE, /**< /proc/PID/cmdline */
    PLACE_FILE,         /**< an image, or a part of a core file without address */
};

struct place {
    enum place_kind kind;
    int process, thread; /**< 0 where there is none */
    uint64_t start, end; /**< addresses, or offsets from 0 */
    char permissions[5]; /**< of a mapping, as in /proc/PID/maps */
    bool guarded;        /**< a secret area that nobody can read from outside (memfd_secret) */
    uint64_t file_offset;
    uint64_t stack_pointer; /**< of the thread whose stack it is; 0: it is nobody's */
    char name[256]; /**< the mapping's path, "[heap]", "fd 7: memfd:x", "registers of thread 12
                       (worker)" */
    struct {
        uint64_t mapped, read, never_populated, unreadable, swapped;
    } bytes;
};

struct ledger {
    struct place *places;
    size_t count, room;
    bool changed;   /**< the map was not the same after the scan as before it */
    bool truncated; /**< no memory for more places */
};

/** Adds a copy; @return its index, (unsigned int)-1 without memory (and `truncated` is set) */
unsigned int ledger_add(struct ledger *ledger, const struct place *place);

/** The sums over all places. */
struct place_sums {
    uint64_t mapped, read, never_populated, unreadable, swapped;
    size_t places;
} ledger_sums(const struct ledger *ledger);

/** mapped = read + never populated + unreadable holds for each place. */
bool ledger_balances(const struct ledger *ledger);

void ledger_free(struct ledger *ledger);

#endif
