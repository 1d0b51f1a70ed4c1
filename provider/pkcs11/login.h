/*
 * C_Login to a token: which PIN source is its own, and when a PIN must not be tried.
 */
#ifndef HSMZKE_PKCS11_LOGIN_H
#define HSMZKE_PKCS11_LOGIN_H

#include "pkcs11/token.h"

/**
 * Logs in to `token` through its anchor session, if that is needed.  `info` is the token's
 * CK_TOKEN_INFO of now; `only`: it is the only token there is.
 * @return CKR_OK; else a module's error or CKR_HSMZKE_TOLD, with the reason in `why`
 */
CK_RV login(struct token *token, const CK_TOKEN_INFO *info, bool only, struct failure *why);

/**
 * Whether `session` of a token that needs a login has none (any more): another part of the program
 * can log out, and private keys are out of sight then.
 */
bool login_lost(const struct token *token, CK_SESSION_HANDLE session);

/** C_Login as CKU_CONTEXT_SPECIFIC in `session`, for a key with CKA_ALWAYS_AUTHENTICATE. */
bool login_for_key(struct token *token, CK_SESSION_HANDLE session, struct failure *why);

#endif
