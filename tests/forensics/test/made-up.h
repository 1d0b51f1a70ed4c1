/*
 * Reports that nobody scanned for: the judge and the writers are tested with them.
 */
#ifndef MEMSCAN_MADE_UP_H
#define MEMSCAN_MADE_UP_H

#include "../model/report.h"

/** Places of each made-up examination, by their index in its ledger. */
enum made_up_place {
    MADE_UP_CODE, /**< libfoo.so, r-xp */
    MADE_UP_DATA, /**< libfoo.so, rw-p */
    MADE_UP_HEAP,
    MADE_UP_ANONYMOUS,
    MADE_UP_STACK,
    MADE_UP_REGISTERS,
    MADE_UP_ENVIRONMENT,
    MADE_UP_COMMAND_LINE,
    MADE_UP_MEMFD,
};

/**
 * A report in which every condition holds, as far as this kind can have them, and nothing was
 * found: of a run with `scans` scans (entries and returns, and the end), else with one.
 * Asked for by reference; to be cleared by report_clear().
 */
void made_up_report(struct report *report, enum target_kind kind, size_t scans);

/** Makes it a report without a question. */
void made_up_ask_nothing(struct report *report);

/** An encrypt schedule in scan `scan` (from 0 on); `sought` as in struct finding. */
struct finding *made_up_schedule(struct report *report, size_t scan, enum made_up_place place,
                                 unsigned char first_byte, int sought);

/** Raw bytes of the key that was asked for (sought 0), or of the PIN. */
struct finding *made_up_bytes(struct report *report, size_t scan, enum made_up_place place,
                              enum finding_kind kind, const char *encoding);

/** Another control. */
void made_up_control(struct report *report, const char *name, bool found, bool helper);

struct place *made_up_place(struct report *report, size_t scan, enum made_up_place place);

#endif
