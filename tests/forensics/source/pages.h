/*
 * Memory for what was read of others: locked as it is touched (as far as the limit allows), left
 * out of core dumps, not copied to forked children, wiped.  Unlike secret.h's it costs nothing
 * before it is used: a target stands still meanwhile.
 */
#ifndef MEMSCAN_PAGES_H
#define MEMSCAN_PAGES_H

#include <stddef.h>

/** Zeros; NULL without memory. */
void *pages_map(size_t size);

/** Wipes the first `used` bytes and unmaps all; NULL is fine. */
void pages_unmap(void *memory, size_t size, size_t used);

#endif
