/*
 * The six conditions for a negative verdict, each decided from what the report has.  Pure.
 */
#ifndef MEMSCAN_CONDITIONS_H
#define MEMSCAN_CONDITIONS_H

#include "sightings.h"

/** Fills in all conditions but those that were set to fail before. */
void conditions_decide(struct report *report, const struct sightings *sightings);

/** No condition fails. */
bool conditions_hold(const struct report *report);

/** The first that fails; CONDITION_COUNT if none does. */
enum condition conditions_first_failing(const struct report *report);

#endif
