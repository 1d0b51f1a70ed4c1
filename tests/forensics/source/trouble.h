/*
 * Words for what went wrong: why a source cannot be read at all, and what an examination left out.
 */
#ifndef MEMSCAN_TROUBLE_H
#define MEMSCAN_TROUBLE_H

#include "source.h"

/** Sets the reason; `why` may be NULL. @return false, for `return trouble_set(...)` */
bool trouble_set(struct source_trouble *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Adds a sentence to examination.trouble, once; what has no room is left out. */
void trouble_note(struct examination *examination, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The same for examination.remark: nothing was left out. */
void trouble_remark(struct examination *examination, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
