/*
 * OpenSSL's functions for EVP_SKEYs, which are of 3.5: looked up by name, as the headers that the
 * tests are built with may be older.
 */
#ifndef HSMZKE_SKEYS_H
#define HSMZKE_SKEYS_H

#include "testing.h"

enum { SKEY_SECRET = 2, SKEY_ALL = 3 };

typedef struct evp_skey_st SKEY;

/** NULL where this OpenSSL lacks one. */
extern struct skey_functions {
    SKEY *(*import)(OSSL_LIB_CTX *, const char *type, const char *properties, int selection,
                    const OSSL_PARAM *);
    SKEY *(*import_raw_key)(OSSL_LIB_CTX *, const char *type, unsigned char *key, size_t,
                            const char *properties);
    SKEY *(*generate)(OSSL_LIB_CTX *, const char *type, const char *properties, const OSSL_PARAM *);
    int (*get0_raw_key)(const SKEY *, const unsigned char **, size_t *);
    const char *(*get0_key_id)(const SKEY *);
    const char *(*get0_provider_name)(const SKEY *);
    int (*export)(const SKEY *, int selection, OSSL_CALLBACK *, void *);
    SKEY *(*to_provider)(SKEY *, OSSL_LIB_CTX *, OSSL_PROVIDER *, const char *properties);
    void (*free)(SKEY *);
    int (*cipher_init)(EVP_CIPHER_CTX *, const EVP_CIPHER *, SKEY *, const unsigned char *iv,
                       size_t, int encrypt, const OSSL_PARAM *);
    int (*mac_init)(EVP_MAC_CTX *, SKEY *, const OSSL_PARAM *);
    int (*kdf_set)(EVP_KDF_CTX *, SKEY *, const char *); /* of 3.6 */
} skeys;

/** Fills `skeys`; without EVP_SKEYs in this OpenSSL, skips the test. */
void skeys_or_skip(void);

/** EVP_SKEY_import() with one parameter of text. */
SKEY *skey_named(OSSL_LIB_CTX *context, const char *type, const char *parameter, const char *value);
/** It must fail: the words on the queue. */
const char *skey_not_named(OSSL_LIB_CTX *context, const char *type, const char *parameter,
                           const char *value);
/** EVP_SKEY_import_raw_key(), of hexadecimal digits. */
SKEY *skey_raw(OSSL_LIB_CTX *context, const char *type, const char *digits);

/**
 * 1 when `cipher` does the same with `key` as the default provider with the key `digits`, both
 * ways; 0: init failed.
 */
int skey_works(OSSL_LIB_CTX *context, const char *cipher, SKEY *key, const char *digits);
/** Init, with which `key` must be refused: the words on the queue. */
const char *skey_refused(OSSL_LIB_CTX *context, const char *cipher, SKEY *key);
/** The same for a MAC. */
const char *skey_mac_refused(OSSL_LIB_CTX *context, const char *mac, const char *algorithm,
                             SKEY *key);

#endif
