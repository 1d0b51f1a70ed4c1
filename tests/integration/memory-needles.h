/* What must not be in memory: a key and all that is derived from it, in the forms that code keeps.
 */
#ifndef HSMZKE_TESTS_MEMORY_NEEDLES_H
#define HSMZKE_TESTS_MEMORY_NEEDLES_H

#include "memory-scan.h"

enum { NEEDLES_MOST = 32 };

/**
 * Fills needles for an AES-256 key and an HMAC secret, of 32 bytes each.
 *
 * \return how many
 */
size_t needles_of(struct needle needles[NEEDLES_MOST], const unsigned char key[32],
                  const unsigned char secret[32]);

/** \return the needle of that name */
struct needle *needle_named(struct needle *needles, size_t count, const char *name);

#endif
