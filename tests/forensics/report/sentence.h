/*
 * The verdict in a sentence, with where, and what to try next.  Pure.
 */
#ifndef MEMSCAN_SENTENCE_H
#define MEMSCAN_SENTENCE_H

#include "sightings.h"
#include "words.h"

/** report->sentence */
void sentence_write(struct report *report, const struct sightings *sightings);
/** report->next */
void sentence_next(struct report *report);
/** "The key hsmzke:gold", or what else was asked for; begins with a small letter if `inside`. */
void sentence_subject(struct words *words, const struct report *report, bool inside);

#endif
