/*
 * A request for AES in the HSM: whichever session serves it, in one piece or several, and once more
 * on a fresh session when one fails.
 */
#ifndef HSMZKE_PKCS11_REQUEST_H
#define HSMZKE_PKCS11_REQUEST_H

#include "pkcs11/key.h"
#include "pkcs11/operation.h"

/**
 * The caller keeps all state here, nothing of it in a session: so a piece that failed can be done
 * again elsewhere.  Embedded at the start of a mode's own request.
 */
struct request {
    struct hsm_key *key;
    struct hsm_key *member; /* the one that serves it now: `key` itself, or of its HA group */
    struct operation operation;
    bool at_once; /* never over a running operation */
    bool keep;    /* the session is not returned when all went well, but left in `kept` */
    struct session *kept;
    const unsigned char
        *chain;        /* CBC: the chain value of now, for the choice of a session; or NULL */
    size_t left;       /* bytes to come; request_run() is done when it is 0 */
    size_t bytes, aad; /* for the audit log: how many there are in all */
    /**
     * Does the next piece in `session` and brings the request forward; `running`: by
     * operation_update(), else by operation_once().
     */
    CK_RV(*piece)
    (struct request *request, struct session *session, const struct key_facts *facts, bool running,
     struct failure *why);
    /** NULL, or: sets `operation` and `at_once` for the member that is to serve now. */
    void (*prepare)(struct request *request);
    /** NULL, or: told of an error of the member that served. */
    void (*learn)(const struct request *request, CK_RV rv);
};

/**
 * Runs `request` to its end, and reports it.
 * @return its last CK_RV, with words in `why` unless CKR_OK; CKR_HSMZKE_TOLD with `left` 0 if it
 * was done and cannot be written down: then the caller takes back what it gave out
 */
CK_RV request_run(struct request *request, struct failure *why);

#endif
