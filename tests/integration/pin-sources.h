/* The sources that a PIN can come from, each as pin-child's configuration and surroundings. */
#ifndef HSMZKE_TESTS_PIN_SOURCES_H
#define HSMZKE_TESTS_PIN_SOURCES_H

#include <stdbool.h>

#include "pin-running.h"

struct pin_source {
    const char *name; /**< as in the table that the test prints */
    bool visible;     /**< by its nature: whoever looks into the process sees the PIN */
    bool once;        /**< it gives the PIN to one login */
    /** What hsmzke's section says of it, with `token` the token's URI; fills in `start`. */
    const char *(*prepare)(struct pin_start *start, const char *token, const char *pin);
};

/** In the order of the documentation; the last has no name. */
extern const struct pin_source pin_sources[];

/** The one of that name. */
const struct pin_source *pin_source_named(const char *name);

#endif
