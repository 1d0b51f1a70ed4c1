/* SoftHSM in another process, behind p11-kit's server (tests/hsm/p11-kit.sh). */
#ifndef HSMZKE_TESTS_REMOTE_H
#define HSMZKE_TESTS_REMOTE_H

#include <stdbool.h>

/**
 * Starts it, with an empty store; token.c and context.c use it from now on.
 * @return false if there is no p11-kit that can do it, which it prints: the test is to be skipped
 */
bool remote_start(void);

/** Teardown for cmocka: ends it, if it was started, and goes back to the usual module. */
int remote_stop(void **state);

/** The directory of p11-kit.sh; NULL if none was started. */
const char *remote_directory(void);

#endif
