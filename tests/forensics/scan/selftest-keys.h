/*
 * Keys that everybody has: published test vectors, which libraries run through their self-tests and
 * leave behind.  Known by value.
 */
#ifndef MEMSCAN_SELFTEST_KEYS_H
#define MEMSCAN_SELFTEST_KEYS_H

#include <stddef.h>

/** @return whose key of `size` bytes it is, static text; NULL: nobody's that is known */
const char *selftest_owner(const unsigned char *key, size_t size);

#endif
