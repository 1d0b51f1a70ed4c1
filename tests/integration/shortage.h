/*
 * Memory that runs short, for a test that has the provider linked in: the linker puts these
 * functions in the place of what the provider gets memory by (shortage_wraps in meson.build).
 */
#ifndef HSMZKE_TESTS_SHORTAGE_H
#define HSMZKE_TESTS_SHORTAGE_H

#include <stdbool.h>

enum shortage {
    SHORTAGE_ONCE, /* one call gets no memory, the next ones do */
    SHORTAGE_FROM, /* nor does any after it */
};

/** From now on the provider's calls count; the `nth` gets nothing (0: all get what they want). */
void shortage_begin(unsigned long nth, enum shortage how);
/** No more do. @return whether the `nth` was reached */
bool shortage_end(void);
/** How much of what the provider got between begin and end it still has. */
long shortage_held(void);

#endif
