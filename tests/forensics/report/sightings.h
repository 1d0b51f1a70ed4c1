/*
 * The findings of all examinations, put together: what lies at the same place in the same form is
 * one sighting, however often it was seen.  Sorted by what it is to the verdict.  Pure.
 */
#ifndef MEMSCAN_SIGHTINGS_H
#define MEMSCAN_SIGHTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "../model/report.h"

/** What a finding is to the verdict. */
enum role {
    ROLE_WANTED,    /**< the key that was asked for */
    ROLE_PIN,       /**< the PIN that was asked for */
    ROLE_OTHER,     /**< an AES key of something else */
    ROLE_SELF_TEST, /**< a library's own self-test key, known by its value */
    ROLE_CANARY,    /**< planted by us */
    ROLE_COUNT,
};

struct sighting {
    enum role role;
    const struct finding *finding; /**< of the first examination that saw it */
    const struct place *place;
    size_t first, last; /**< examinations, from 0 on */
    size_t times;       /**< in how many of them */
    unsigned int key;   /**< one number for each key of its role, from 1 on */
};

struct sightings {
    struct sighting *items;
    size_t count;
    size_t of_role[ROLE_COUNT];       /**< sightings */
    unsigned int keys_of[ROLE_COUNT]; /**< different keys */
    bool failed;                      /**< no memory: nothing may be built on it */
};

/** Collects; the report must outlive the sightings. */
void sightings_collect(struct sightings *sightings, const struct report *report);
void sightings_free(struct sightings *sightings);

/** Whether one examination has the wanted key. */
bool sightings_wanted_in(const struct report *report, size_t examination);

/** "wanted key", "PIN", "other AES key", "self-test key", "canary" */
const char *role_name(enum role role);

#endif
