/*
 * What this room tells an audit log: events, and the hook that takes them.  The room reports what
 * happened and knows nothing of files and formats (provider/audit/ does).  Names no CK_ type.
 */
#ifndef HSMZKE_PKCS11_EVENT_H
#define HSMZKE_PKCS11_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

enum hsm_event_kind {
    HSM_EVENT_CONNECTED,   /**< a token was found in a module, and a session opened */
    HSM_EVENT_LOGIN,       /**< C_Login was called */
    HSM_EVENT_KEY_FOUND,   /**< also found again, in a new connection */
    HSM_EVENT_KEY_REFUSED, /**< it was not found, or may not be used so */
    HSM_EVENT_LISTED,      /**< the keys of a token were listed */
    HSM_EVENT_OPERATION,   /**< the HSM was asked to do something */
};

/** One event; never data, an IV, a tag or a PIN.  NULL and 0 where it does not apply. */
struct hsm_event {
    enum hsm_event_kind kind;
    const char *module; /**< CONNECTED: the PKCS#11 module's path */
    const char *token;  /**< its label */
    const char *serial; /**< CONNECTED, LOGIN: the token's serial number */
    const char *user;   /**< LOGIN: "user" or "context-specific" */
    const char *key;    /**< as the program named it, without the prefix of references; LISTED: a
                             pkcs11: URI */
    size_t count;       /**< LISTED: of keys */
    const char *label;  /**< KEY_FOUND: CKA_LABEL */
    const char *identity;
    const unsigned char *id; /**< CKA_ID */
    size_t id_size;
    const char *mechanism; /**< OPERATION: "CKM_AES_CBC", or "C_GenerateRandom" */
    const char *direction; /**< "encrypt", "decrypt", "sign", "generate" */
    const char *part;      /**< of a message that is done in several: "begin", "update", "final" */
    size_t bytes;          /**< of data that went in, or of random bytes */
    size_t aad;            /**< bytes of data that are authenticated only */
    unsigned int tries;    /**< how often it was tried, on how many sessions */
    uint64_t microseconds; /**< how long it took */
    const char *result;    /**< "CKR_OK", another CKR_, or a word of ours in small letters */
    const char *why;       /**< the error in words */
};

/** What takes events; one object for each log, which lives until the process ends. */
struct hsm_audit {
    /**
     * Writes `event` down.  May be called from any thread, without life_lock().
     * @return false, with the reason in `why`, if it could not be written: what is reported must
     * not be given to the program then
     */
    bool (*report)(struct hsm_audit *audit, const struct hsm_event *event, struct failure *why);
};

#endif
