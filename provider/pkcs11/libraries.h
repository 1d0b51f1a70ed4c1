/*
 * The libraries that a module brought into the process, and whether it can write to somebody who
 * may be gone: then its calls can raise SIGPIPE (life.h).
 */
#ifndef HSMZKE_PKCS11_LIBRARIES_H
#define HSMZKE_PKCS11_LIBRARIES_H

#include <stdbool.h>

struct libraries;

/** Those that are in the process now. @return NULL without memory */
struct libraries *libraries_now(void);

/**
 * Whether the library with `address` in it, or one that was not there `before`, imports what makes
 * a socket or a pipe.  Also true where that cannot be told: without a list, and when the library
 * itself was there before, with nobody knows what.
 */
bool libraries_connect(const struct libraries *before, const void *address);

void libraries_free(struct libraries *libraries);

#endif
