/* A MAC in a session that somebody else has borrowed: for a key's identity. */
#ifndef HSMZKE_PKCS11_MAC_H
#define HSMZKE_PKCS11_MAC_H

#include "pkcs11/key.h"

/**
 * The MAC of a few bytes, without recovery.  The key must not ask for a login of its own.
 * @return the module's answer; `mac` is wiped unless it is CKR_OK
 */
CK_RV mac_in_session(struct session *session, struct token *token, const struct key_facts *facts,
                     enum hsm_mac kind, const unsigned char *data, size_t size, unsigned char *mac);

#endif
