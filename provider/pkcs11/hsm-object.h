/*
 * What hsm.c and tokens.c share: the HSM of one set of settings.
 */
#ifndef HSMZKE_PKCS11_HSM_OBJECT_H
#define HSMZKE_PKCS11_HSM_OBJECT_H

#include "pkcs11/token.h"

/** Guarded by life_lock(). */
struct hsm {
    struct hsm *next;
    struct hsm_settings settings; /**< constant */
    struct token *tokens;
};

#endif
