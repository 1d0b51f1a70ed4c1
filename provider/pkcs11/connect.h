/*
 * Connecting to a token: found by its URI, logged in to, and connected again after it was lost.
 */
#ifndef HSMZKE_PKCS11_CONNECT_H
#define HSMZKE_PKCS11_CONNECT_H

#include "pkcs11/token.h"

/**
 * Gets the token up, unless it is: module, slot, anchor session, login.  Waits while another thread
 * does.  @return false, with the reason in `why`
 */
bool token_connect(struct token *token, struct failure *why);

#endif
