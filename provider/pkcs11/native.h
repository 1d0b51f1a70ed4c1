/* Mechanisms that do a whole mode: what native.c shares with those who call them. */
#ifndef HSMZKE_PKCS11_NATIVE_H
#define HSMZKE_PKCS11_NATIVE_H

#include "pkcs11/request.h"

/**
 * What `rv`, a call's with `native`, means; learns from it that the key does not take the
 * mechanism.
 */
enum hsm_native_answer native_answer(const struct hsm_native *native, CK_RV rv);

#endif
