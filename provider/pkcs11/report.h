/*
 * What happens is reported to the audit log that the settings name, if any (event.h).  An event
 * that cannot be written down is a failure: the caller gives nothing out then.  Without
 * life_lock().
 */
#ifndef HSMZKE_PKCS11_REPORT_H
#define HSMZKE_PKCS11_REPORT_H

#include "pkcs11/key.h"

/** What the HSM was asked to do. */
struct performance {
    const char *name; /* of the key, if there is none yet */
    const char *mechanism, *direction;
    const char *part; /* NULL: all of a message */
    size_t bytes, aad;
    unsigned int tries;
    uint64_t begun; /* report_now() before it */
};

/** Microseconds of a clock that is never set; 0 if `token` has no audit log. */
uint64_t report_now(const struct token *token);

/** The token was found, and a session opened. @return false, with the reason in `why`, as below */
bool report_connected(const struct token *token, struct failure *why);

/** C_Login was called. */
bool report_login(const struct token *token, CK_USER_TYPE user, CK_RV rv, struct failure *why);

/** A key was found. */
bool report_found(const struct hsm_key *key, struct failure *why);

/** `key` is not to be had, for the reason in `why`, which stays. */
void report_refused(const struct hsm_key *key, const struct failure *why);

/**
 * The token's keys were listed, as far as `uri` (NULL: all) means them, `count` of them; or that
 * failed by `rv`, with the reason in `why`.
 * @return `rv`; CKR_HSMZKE_TOLD if all went well and cannot be written down
 */
CK_RV report_listed(const struct token *token, const char *uri, size_t count, CK_RV rv,
                    struct failure *why);

/**
 * The HSM was asked to do something, with `key` or (NULL) without one, and answered `rv`, with the
 * reason in `why` if that is an error.
 * @return `rv`; CKR_HSMZKE_TOLD if all went well and cannot be written down
 */
CK_RV report_performance(const struct token *token, const struct hsm_key *key,
                         const struct performance *performance, CK_RV rv, struct failure *why);

#endif
