/*
 * The writers: a report as text for people, as JSON for machines, as one HTML file for an auditor;
 * and what makes a verdict of what was seen.
 */
#ifndef MEMSCAN_WRITERS_H
#define MEMSCAN_WRITERS_H

#include <stdio.h>

#include "../model/report.h"

struct writer_settings {
    bool reveal;     /**< print keys */
    bool colour;     /**< a terminal reads it */
    bool everything; /**< the whole ledger, not its sums */
};

/**
 * Fills in conditions (but for those that whoever ran it already set to fail), verdict, sentence
 * and next from what the report has.
 */
void report_judge(struct report *report);

/** Each @return false if `out` could not be written */
bool report_text(const struct report *report, const struct writer_settings *settings, FILE *out);
bool report_json(const struct report *report, const struct writer_settings *settings, FILE *out);
bool report_html(const struct report *report, const struct writer_settings *settings, FILE *out);

/** The exit status of a verdict: 0, 1 or 2. */
int report_status(const struct report *report);

#endif
