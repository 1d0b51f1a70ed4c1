/*
 * A run has many examinations, each with a ledger of every mapping: too much to be kept whole of
 * all.
 */
#ifndef MEMSCAN_LEDGERS_H
#define MEMSCAN_LEDGERS_H

#include "../model/examination.h"

/**
 * Keeps the whole ledger of the first LEDGERS_WHOLE examinations, and of later ones the places in
 * which something was found or that do not balance; all others become one place for each process,
 * with their sums.
 */
void ledger_shorten(struct examination *examination, size_t index);

enum { LEDGERS_WHOLE = 16 };

#endif
