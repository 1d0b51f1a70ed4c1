/*
 * What the scanner saw of one key in one holder: its findings, summed up.
 */
#ifndef MEMSCAN_LIVE_SEEN_H
#define MEMSCAN_LIVE_SEEN_H

#include <sys/types.h>

#include "../model/examination.h"
#include "../scan/scanner.h"
#include "rows.h"

enum { SEEN_MAX = 64 };

/** Findings of one detector that knows what it looks for. */
struct sightings {
    unsigned int count;
    struct sighting {
        uint64_t address;
        uint32_t matched, of; /**< bytes */
        const char *encoding;
    } at[SEEN_MAX];
};

struct seen {
    unsigned int forms;        /**< of whole schedules with the key, enum live_form */
    unsigned int disowned;     /**< schedules with the key that were not taken for what is sought */
    unsigned int in_registers; /**< schedules with the key */
    unsigned int in_memory;
    unsigned int selftest;  /**< keys of self-tests */
    unsigned int strangers; /**< keys of nobody known */
    unsigned int nameless;  /**< of these, keys whose user does not show either */
    unsigned int mistaken;  /**< other keys that were taken for what is sought */
    const char *owner;      /**< of one self-test key */
    struct sightings known, oracle;
};

/**
 * Lets a scanner search a process that waits, and sums up.  `key` is the holder's (NULL: it has
 * none).  Prints what is not the key's.
 * @return false, with the reason printed, if the process could not be read
 */
bool seen_look(struct seen *seen, const struct scanner *scanner, pid_t process,
               const unsigned char *key);

/** @return the encoding of which most was seen; NULL if nothing was */
const char *sightings_best(const struct sightings *sightings);

/** @return whether the key was seen whole in that encoding */
bool sightings_have(const struct sightings *sightings, const char *encoding);

/** @return true if the oracle search saw the key in one piece wherever the known-key search did;
    else prints where not */
bool seen_agree(const struct seen *by_bytes, const struct seen *by_oracle);

#endif
