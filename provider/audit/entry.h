/*
 * The lines of an audit log: what each event becomes.  Pure; docs/audit.md has the fields.
 */
#ifndef HSMZKE_AUDIT_ENTRY_H
#define HSMZKE_AUDIT_ENTRY_H

#include "audit/chain.h"
#include "pkcs11/event.h"

/** Who writes the log: the fields of a chain's first line. */
struct entry_process {
    const char *program; /* its path */
    const char *host;
    uint64_t user, parent;
};

/** The chain's first line.  @return false if it is too long, as those below */
bool entry_begin(struct chain *chain, const struct timespec *now,
                 const struct entry_process *process, struct json *json);

/** The settings in force. */
bool entry_configuration(struct chain *chain, const struct timespec *now, const char *in_force,
                         struct json *json);

/** What the HSM's side reports. */
bool entry_event(struct chain *chain, const struct timespec *now, const struct hsm_event *event,
                 struct json *json);

/** The chain's last line. */
bool entry_end(struct chain *chain, const struct timespec *now, struct json *json);

#endif
