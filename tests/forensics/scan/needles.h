/*
 * A search for many byte strings at once, and for pieces of them: the machinery under the known key
 * and the PIN.  The strings are kept masked, so that whoever searches the searcher finds none.
 */
#ifndef MEMSCAN_NEEDLES_H
#define MEMSCAN_NEEDLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "detector.h"
#include "piece.h"

struct needles;

/** One string, and how much of it counts. */
struct needle {
    size_t size;
    size_t least; /**< a run of fewer bytes is nothing */
    int sought;
    const char *encoding; /**< static text */
    /**
     * Static texts for the 16-byte blocks that the string is made of, for runs within one block; or
     * NULL.
     */
    const char *const *blocks;
};

/** A run of bytes that is part of a string, as long as can be. */
struct needle_run {
    size_t at;     /**< offset in the piece */
    size_t offset; /**< ... in the string */
    size_t size;
    const struct needle *needle;
};

/**
 * @param least the smallest `least` of all strings that will be added: 3 to 8; what is shorter may
 * be passed over
 * @return NULL without memory
 */
struct needles *needles_new(unsigned int least);
void needles_free(struct needles *needles);

/** The code that searches, if the processor has it; without this, plain C. */
void needles_use(struct needles *needles, enum code_path path);

/** Adds a string; the bytes are masked and need not be kept. @return false without memory */
bool needles_add(struct needles *needles, const struct needle *needle, const unsigned char *bytes);

/** To be called once after the last string, before any search. @return false without memory */
bool needles_seal(struct needles *needles);

/**
 * Calls `found` for the runs that begin in [from, to).  Of strings that agree over the same bytes
 * it is the one that agrees longest, and of these the one that was added first.
 */
void needles_search(const struct needles *needles, const struct piece *piece,
                    void (*found)(void *argument, const struct needle_run *run), void *argument);

#endif
