/*
 * Schedules by their structure, from within: what structure.c asks of schedule.c and bitsliced.c
 * where a window may be of one.
 */
#ifndef MEMSCAN_STRUCTURE_H
#define MEMSCAN_STRUCTURE_H

#include "detectors.h"
#include "verify.h"
#include "windows.h"

/** What is being searched. */
struct search {
    const struct piece *piece;
    unsigned int forms_off;
    struct findings *findings;
    ptrdiff_t whole_from, whole_to; /**< bytes of a whole schedule: nothing else is in them */
};

/** Verifies a candidate, and adds what it is. */
void structure_verify(struct search *search, const struct candidate *candidate);

/** Whether a window has been explained. */
static inline bool structure_is_known(const struct search *search, ptrdiff_t window)
{
    return window >= search->whole_from && window + WINDOW_SIZE <= search->whole_to;
}

/** Looks for byte-wise schedules of which the window at offset `window` may be a part. */
void schedule_look_around(struct search *search, ptrdiff_t window);

/** The same for bitsliced ones. */
void bitsliced_look_around(struct search *search, ptrdiff_t window);

#endif
