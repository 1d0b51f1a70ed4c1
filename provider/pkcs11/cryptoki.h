/*
 * Cryptoki inside this room: the header of PKCS#11 2.40 and how to call a module.  Every call of a
 * C_ function goes through CALL(): it passes the gate that closes at exit, raises the depth guard
 * and keeps what the module leaves on OpenSSL's error queue off it (life.h).
 */
#ifndef HSMZKE_PKCS11_CRYPTOKI_H
#define HSMZKE_PKCS11_CRYPTOKI_H

#include <p11-kit/pkcs11.h>

#include "failure.h"
#include "pkcs11/life.h"

/* Answers of our own, beside a module's; in the vendors' range, never handed to a module. */
#define CKR_HSMZKE_EXITING (CKR_VENDOR_DEFINED | 0x68736d01UL)  /* the gate is closed */
#define CKR_HSMZKE_BUFFERED (CKR_VENDOR_DEFINED | 0x68736d02UL) /* less or more out than in */
#define CKR_HSMZKE_TOLD (CKR_VENDOR_DEFINED | 0x68736d03UL)     /* `why` has it already */
#define CKR_HSMZKE_WRONG_TAG                                                                       \
    (CKR_VENDOR_DEFINED | 0x68736d04UL) /* the message is not authentic                            \
                                         */
#define CKR_HSMZKE_SUSPECT                                                                         \
    (CKR_VENDOR_DEFINED | 0x68736d05UL)                   /* it may be; once more will tell        \
                                                           */
#define CKR_HSMZKE_IV (CKR_VENDOR_DEFINED | 0x68736d06UL) /* the module changed the IV */
#define CKR_HSMZKE_NOT_COMPUTED                                                                    \
    (CKR_VENDOR_DEFINED | 0x68736d07UL) /* CKR_OK, but out is what went in, or nothing */

/** Calls C_ function `call` of `functions`: CALL(f, C_CloseSession(handle)). @return its CK_RV */
#define CALL(functions, call)                                                                      \
    (life_enter() ? life_leave((functions)->call) : (CK_RV)CKR_HSMZKE_EXITING)

/** The name of `rv` as PKCS#11 writes it, "CKR_PIN_INCORRECT"; never NULL. */
const char *ckr_name(CK_RV rv);

/** What `rv` means to a person who runs a program; never NULL. */
const char *ckr_words(CK_RV rv);

/**
 * Records "WHERE: words (CKR_NAME)", WHERE from `format`.
 * @return false always
 */
bool ckr_failure(struct failure *why, enum failure_reason reason, CK_RV rv, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/**
 * Whether `rv` says that session, login, token or module are lost, and all of them are to be
 * built up again before another try.
 */
bool ckr_connection_lost(CK_RV rv);

/** Whether `rv` says that the key's handle names no key (any more). */
bool ckr_key_gone(CK_RV rv);

/** Whether `rv` says "never": the same call with the same key would fail again. */
bool ckr_refusal(CK_RV rv);

#endif
