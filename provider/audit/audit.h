/*
 * The audit log: what the HSM's side reports, written down line by line, or the operation fails.
 * docs/audit.md is the manual.
 */
#ifndef HSMZKE_AUDIT_AUDIT_H
#define HSMZKE_AUDIT_AUDIT_H

#include <stdbool.h>

#include "failure.h"
#include "pkcs11/event.h"

/** Whether `setting` is a value of `audit` that can be served: off, stderr, syslog, file:PATH. */
bool audit_is_setting(const char *setting);

/**
 * The log that `setting` names: the same one for the same value, until the process ends.  Opens
 * nothing: that is left to the first event.  `in_force`, the settings of one who uses it, is
 * written down before the next event, and again in each forked child.
 * @return NULL with `setting` "off", and, with the reason in `why`, when out of memory
 */
struct hsm_audit *audit_get(const char *setting, const char *in_force, struct failure *why);

#endif
