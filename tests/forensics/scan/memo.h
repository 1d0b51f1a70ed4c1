/*
 * What was searched before and had nothing in it: parts of memory that are the same at the next
 * search need no search.  Pure; may be used from several threads.
 */
#ifndef MEMSCAN_MEMO_H
#define MEMSCAN_MEMO_H

#include <stdbool.h>
#include <stdint.h>

#include "piece.h"

struct memo;

/** What stands for a part: two numbers, each random to whoever does not know the memo's own. */
struct memo_mark {
    uint64_t a, b;
};

/** @return NULL without memory or random numbers */
struct memo *memo_new(void);
void memo_free(struct memo *memo);

/** The mark of all that a detector may look at when it searches `part`. */
struct memo_mark memo_mark(const struct memo *memo, const struct piece *part);

/** Whether a part with this mark was searched and had nothing in it. */
bool memo_knows(struct memo *memo, struct memo_mark mark);

/** It was. */
void memo_add(struct memo *memo, struct memo_mark mark);

#endif
