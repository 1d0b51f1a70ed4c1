/*
 * What the tests of the audit log share: the log's lines and their fields, and the check that
 * docs/audit.md has.
 */
#ifndef HSMZKE_AUDIT_LOG_H
#define HSMZKE_AUDIT_LOG_H

#include "testing.h"

/** A path for a log, in a directory of its own that is there. */
const char *log_path(void);

/** A context with the standard settings and `audit = file:PATH`. */
OSSL_LIB_CTX *context_logged(const char *path);

/** The log's lines, NULL-terminated; each must be JSON by python's opinion, fields in order. */
const char **log_lines(const char *path);

/** How many lines have that event. */
unsigned log_count(const char *path, const char *event);

/** The n-th line (from 0) with that event; fails the test if there is none. */
const char *log_line(const char *path, const char *event, unsigned n);

/** The value of a line's field, a string without its quotes; "" if there is none. */
const char *log_field(const char *line, const char *name);

/** The exit status of the documented check over the files that `paths` names, and its words. */
int log_check(const char *paths, const char **words);

/** Encrypts up to 96 bytes of AES-256-ECB in a context of its own; in any thread. */
int log_work(OSSL_LIB_CTX *context, size_t size);

#endif
