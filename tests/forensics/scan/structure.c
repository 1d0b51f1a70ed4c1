/*
 * The detector of schedules by their structure: goes from window to window, and where one may be of
 * a schedule has it looked at closely.  Bitsliced ones are looked for in the same pass, which costs
 * next to nothing.
 */
#include "structure.h"

#include <stdlib.h>

enum {
    LINE = 64,
    /** Where the window lies in its line: it never crosses a cache line. */
    WINDOW_IN_LINE = 16,
};

/* The first window may begin LINE - 1 - WINDOW_IN_LINE bytes before a piece, the last one end
   WINDOW_IN_LINE - 1 + WINDOW_SIZE after it. */
_Static_assert(LINE - 1 - WINDOW_IN_LINE + WINDOW_REACH <= (int)PIECE_MARGIN, "the margin is read");
_Static_assert(WINDOW_IN_LINE - 1 + WINDOW_SIZE + WINDOW_REACH <= (int)PIECE_MARGIN,
               "the margin is read");

struct structure_detector {
    struct detector base;
    windows_next_fn *next;
    size_t step;
    unsigned int kinds, forms_off;
};

void structure_verify(struct search *search, const struct candidate *candidate)
{
    struct finding finding;

    if (!candidate_verify(candidate, search->forms_off, &finding))
        return;
    findings_add(search->findings, &finding);
    if (finding.matched < finding.of)
        return;
    search->whole_from = (ptrdiff_t)(finding.address - search->piece->address);
    search->whole_to = search->whole_from + (ptrdiff_t)finding.size;
}

/* Windows lie on a grid of addresses, so that all pieces of a place see the same ones. */
static void structure_search(const struct detector *self, const struct piece *piece,
                             struct findings *findings)
{
    const struct structure_detector *detector = (const struct structure_detector *)self;
    struct search search = { piece, detector->forms_off, findings, 0, 0 };
    const uint64_t into_line = (piece->address + piece->from) % LINE;
    const unsigned char *window = piece->bytes + piece->from - into_line + WINDOW_IN_LINE;
    const unsigned char *end = piece->bytes + piece->to + WINDOW_IN_LINE;
    unsigned int seen;

    while ((window = detector->next(window, end, detector->step, detector->kinds, &seen)) != NULL) {
        const ptrdiff_t at = window - piece->bytes;

        if ((seen & WINDOW_SCHEDULE) != 0)
            schedule_look_around(&search, at);
        if ((seen & WINDOW_BITSLICED) != 0)
            bitsliced_look_around(&search, at);
        window += detector->step;
    }
}

static void structure_free(struct detector *self)
{
    free(self);
}

static struct detector *structure_detector_new(const struct scanner_settings *settings,
                                               const char *name, unsigned int kinds)
{
    struct structure_detector *detector = calloc(1, sizeof(*detector));

    if (detector == NULL)
        return NULL;
    *detector = (struct structure_detector){
        .base = { name, structure_search, structure_free },
        .next = windows_next(settings->path),
        .step = settings->thorough ? WINDOW_SIZE : LINE,
        .kinds = kinds,
        .forms_off = settings->forms_off,
    };
    return &detector->base;
}

struct detector *schedule_detector_new(const struct scanner_settings *settings)
{
    const bool bitsliced = (settings->detectors & DETECT_BITSLICED) != 0;

    return structure_detector_new(settings, "schedules",
                                  WINDOW_SCHEDULE | (bitsliced ? WINDOW_BITSLICED : 0u));
}

struct detector *bitsliced_detector_new(const struct scanner_settings *settings)
{
    return structure_detector_new(settings, "bitsliced", WINDOW_BITSLICED);
}
