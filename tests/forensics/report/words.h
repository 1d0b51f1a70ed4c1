/*
 * What the model's names are in words: for people in text and HTML, for machines in JSON.  Pure.
 */
#ifndef MEMSCAN_WORDS_H
#define MEMSCAN_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "../model/report.h"

/** A text that grows; what finds no room is cut off and ends in "...". */
struct words {
    char text[480];
    size_t size;
};

/** Adds formatted text to the end. */
void words_add(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** "KEY_FOUND" */
const char *verdict_name(enum verdict verdict);
/** "ledger": in JSON and in sentences */
const char *condition_name(enum condition condition);
/** "Every byte is accounted for": over its reason */
const char *condition_title(enum condition condition);
/** "holds", "fails", "not applicable" */
const char *condition_state_name(enum condition_state state);
/** "entry", "return", ... */
const char *moment_name(enum moment moment);
/** "the return of C_EncryptInit" */
void words_moment(struct words *words, const struct examination *examination);
/** "process", "run", "core file", "image" */
const char *target_kind_name(enum target_kind kind);
/** "mapping", "registers", ... */
const char *place_kind_name(enum place_kind kind);
/** "schedule", "known key", "oracle", "PIN": which detector saw it */
const char *finding_kind_name(enum finding_kind kind);
const char *schedule_order_name(enum schedule_order order);
const char *schedule_transform_name(enum schedule_transform transform);
const char *schedule_bytes_name(enum schedule_bytes bytes);

/** What was found, without where: "encrypt schedule (vpaes)", "raw key bytes". */
void words_form(struct words *words, const struct finding *finding);
/** The same without which bytes of it: "encrypt schedule"; for counts. */
void words_matched(struct words *words, const struct finding *finding);
/** What kind of place it is: "the heap", "libfoo.so's data", "registers of thread 12". */
void words_place(struct words *words, const struct place *place);
/** The same of one finding, as exactly as it is known: "xmm3, registers of thread 12 (worker)". */
void words_where(struct words *words, const struct finding *finding, const struct place *place);
/** "7.4 MiB" */
void words_size(struct words *words, uint64_t bytes);
/** "0.4 ms", "12 s" */
void words_time(struct words *words, double milliseconds);

#endif
