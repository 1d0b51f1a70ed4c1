/*
 * Why something failed, in words: filled in where the cause is known, raised on OpenSSL's error
 * queue (error.h) where OpenSSL called us.  Pure; every room may use it.
 */
#ifndef HSMZKE_FAILURE_H
#define HSMZKE_FAILURE_H

#include <stdbool.h>

/** The provider's own reason codes, as ERR_GET_REASON() shows them; error.c has their names. */
enum failure_reason {
    FAILURE_CONFIGURATION = 1,
    FAILURE_REFERENCE,
    FAILURE_RAW_KEY,
    FAILURE_MODULE,
    FAILURE_TOKEN,
    FAILURE_PIN,
    FAILURE_KEY_NOT_FOUND,
    FAILURE_KEY_AMBIGUOUS,
    FAILURE_KEY_UNSUITABLE,
    FAILURE_IDENTITY,
    FAILURE_SESSIONS,
    FAILURE_OPERATION,
    FAILURE_IV_MISSING,
    FAILURE_MEMORY,
    FAILURE_EXITING,
    FAILURE_NOT_OFFERED,
    FAILURE_AUDIT,
    FAILURE_POLICY,
};

/** A cause with its cure.  Not initialised before use: it is read only after a failure. */
struct failure {
    unsigned int reason; /**< enum failure_reason */
    char text[480];      /**< one sentence or two, without any secret or control character */
};

/** Records a cause; a later call replaces it.  @return false always, for `return failure_set()`. */
bool failure_set(struct failure *why, enum failure_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** Puts "PREFIX: " before the text. */
void failure_prefix(struct failure *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Out of memory, in words. @return false */
bool failure_memory(struct failure *why);

#endif
