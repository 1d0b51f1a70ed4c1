/*
 * The parts of the HTML report, and what they share.  All of it is also well-formed XML: every
 * element is closed, every attribute quoted, and what the target chose is escaped.
 */
#ifndef MEMSCAN_HTML_PARTS_H
#define MEMSCAN_HTML_PARTS_H

#include "sightings.h"
#include "words.h"
#include "writers.h"

struct html {
    FILE *out;
    const struct report *report;
    const struct writer_settings *settings;
    struct sightings sightings;
    const struct examination *shown; /**< whose map and ledger are shown in full; or NULL */
    size_t shown_index;
};

/** The style sheet (html-style.c). */
extern const char html_style[];

/** Escaped text. */
void html_text(const struct html *html, const char *text);
/** The same, kept apart from the direction of the text around it: names that the target chose. */
void html_name(const struct html *html, const char *name);
/** The class of what is marked: "wanted", "pin", "other", "selftest", "canary". */
const char *html_role_class(enum role role);

/** Findings, controls, the ledger, the scans (html-tables.c). */
void html_findings(const struct html *html);
void html_controls(const struct html *html);
void html_ledger(const struct html *html);
void html_scans(const struct html *html);

/** The address space of each process (html-map.c). */
void html_map(const struct html *html);

/** Scans against PKCS#11 calls (html-timeline.c). */
void html_timeline(const struct html *html);

#endif
