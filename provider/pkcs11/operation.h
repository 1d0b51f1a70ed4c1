/*
 * One operation in a borrowed session: begun and kept running, or done at once.
 *
 * C_EncryptInit is what costs, so an operation is begun once for a key, a mechanism and a direction
 * and then fed by C_EncryptUpdate for message after message; it is never finished.  ECB has no
 * state; CBC is spliced by the caller (blocks.c) through session->chain.
 */
#ifndef HSMZKE_PKCS11_OPERATION_H
#define HSMZKE_PKCS11_OPERATION_H

#include "pkcs11/key.h"
#include "pkcs11/session.h"

/** The mechanism's name as PKCS#11 writes it, "CKM_AES_CBC". */
const char *mechanism_name(enum mechanism mechanism);

/** Its number; of ECB, CBC, CTR and those of native.c. */
CK_MECHANISM_TYPE mechanism_type(enum mechanism mechanism);

/** What `operation` does, for messages: "encryption", "decryption", "a MAC". */
const char *operation_name(const struct operation *operation);

/**
 * Begins `operation` in `session` with `iv` (CBC, CFB, OFB: IV; CTR: counter block; ECB: NULL),
 * after ending what runs there.
 */
CK_RV operation_begin(struct session *session, const struct token *token,
                      const struct key_facts *facts, const struct operation *operation,
                      const unsigned char *iv);

/**
 * Feeds `size` bytes, a multiple of HSM_BLOCK, to the running operation and takes as many.
 * @return CKR_HSMZKE_BUFFERED if the module gave another number of bytes
 */
CK_RV operation_update(struct session *session, const struct token *token, const unsigned char *in,
                       unsigned char *out, size_t size);

/**
 * Init with a mechanism of the caller's, after ending what runs in `session`, and the login that
 * the key asks for at each use.  The operation is the caller's to end.
 */
CK_RV operation_init(struct session *session, struct token *token, const struct key_facts *facts,
                     bool encrypt, CK_MECHANISM *mechanism, struct failure *why);

/** The same data as one message of its own: Init, and C_Encrypt or C_Decrypt. */
CK_RV operation_once(struct session *session, struct token *token, const struct key_facts *facts,
                     const struct operation *operation, const unsigned char *iv,
                     const unsigned char *in, unsigned char *out, size_t size, struct failure *why);

/** Ends what runs in `session`, so that it can look for objects or begin another operation. */
CK_RV operation_end(struct session *session, const struct token *token);

#endif
