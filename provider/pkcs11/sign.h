/*
 * A MAC in a session that somebody has borrowed, without recovery: for MACs (mac.c) and for a key's
 * identity.  Each returns the module's answer.
 */
#ifndef HSMZKE_PKCS11_SIGN_H
#define HSMZKE_PKCS11_SIGN_H

#include "pkcs11/key.h"

enum {
    SIGN_ONE_CALL =
        16 * 1024, /* what C_Sign takes; HSMs have limits for it, not for C_SignUpdate */
};

/** Begins a MAC with the key of `facts`, logging in for it if it asks for that. */
CK_RV sign_begin(struct session *session, struct token *token, const struct key_facts *facts,
                 enum hsm_mac kind, struct failure *why);

/** More data. */
CK_RV sign_update(const struct session *session, const struct token *token,
                  const unsigned char *data, size_t size);

/** The whole MAC to `mac`, which is wiped unless the answer is CKR_OK. */
CK_RV sign_finish(const struct session *session, const struct token *token, enum hsm_mac kind,
                  unsigned char *mac);

/** The same for all data at once, up to SIGN_ONE_CALL. */
CK_RV sign_at_once(const struct session *session, const struct token *token, enum hsm_mac kind,
                   const unsigned char *data, size_t size, unsigned char *mac);

/** sign_begin() and sign_at_once(), for a key that does not ask for a login of its own. */
CK_RV sign_in_session(struct session *session, struct token *token, const struct key_facts *facts,
                      enum hsm_mac kind, const unsigned char *data, size_t size,
                      unsigned char *mac);

#endif
