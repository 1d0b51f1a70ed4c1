/*
 * One algorithm on the module under test: done beside software, and by which mechanism the HSM did
 * it; or refused.  For module-matrix.c.
 */
#ifndef HSMZKE_MATRIX_CELLS_H
#define HSMZKE_MATRIX_CELLS_H

#include "testing.h"

enum { CELL_ROOM = 24 };

/** The algorithms, in the order of the table; NULL after the last. */
const char *cell_algorithm(size_t i);

/** A standard token with the keys of cell_fill(), and a context that logs what it asks of it. */
void cells_begin(void);
/** What stands in the table: "yes", "over ECB", "refused".  Wrong bytes are a failed test. */
void cell_fill(size_t i, char cell[CELL_ROOM]);
void cells_end(void);

#endif
