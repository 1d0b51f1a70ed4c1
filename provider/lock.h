/*
 * The lock of the OpenSSL-facing rooms: instances, keyrings, tables, slots.  Short, and never held
 * across the look-up of a key, a call into a PKCS#11 module or OpenSSL's EVP.
 */
#ifndef HSMZKE_LOCK_H
#define HSMZKE_LOCK_H

#include <stdbool.h>

/**
 * To be called once pkcs11/ was started (hsm_get()), any number of times: fork() then takes this
 * lock before that room's, the order in which keyring.c takes both.
 * @return false when fork handlers cannot be registered
 */
bool lock_start(void);

void lock_take(void);
void lock_release(void);

#endif
