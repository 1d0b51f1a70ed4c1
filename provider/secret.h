/*
 * Memory for secrets: PINs, and plaintext or key stream on its way.  Locked in RAM, left out of
 * core dumps, not copied to forked children, and wiped when it is given back.
 * (OPENSSL_secure_malloc() is plain heap in programs that did not set it up.)
 */
#ifndef HSMZKE_SECRET_H
#define HSMZKE_SECRET_H

#include <stddef.h>

#include "failure.h"

/**
 * Gets at least `size` bytes of zeros in pages of their own.
 * @return NULL, with the reason in `why` (RLIMIT_MEMLOCK, mostly); else to be given to
 * secret_free()
 */
void *secret_alloc(size_t size, struct failure *why);

/**
 * The same for data that are too large to be locked: where the limit does not allow it, they can be
 * swapped; all else holds.
 */
void *secret_alloc_large(size_t size, struct failure *why);

/** Wipes and unmaps what secret_alloc() gave for the same `size`; NULL is fine. */
void secret_free(void *memory, size_t size);

/** Wipes `size` bytes, in a way that the compiler does not remove. */
void secret_wipe(void *memory, size_t size);

#endif
