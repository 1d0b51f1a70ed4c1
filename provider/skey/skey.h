/*
 * Opaque symmetric keys: EVP_SKEY, of OpenSSL 3.5 and later.  The one of a key of the HSM holds a
 * handle and no key, and is never exported; one of raw bytes is the default provider's own.  The
 * constants are OpenSSL's ABI, and stand here because the headers of 3.0 lack them.
 */
#ifndef HSMZKE_SKEY_SKEY_H
#define HSMZKE_SKEY_SKEY_H

#include <openssl/core_dispatch.h>

#include "instance.h"

/* Of OpenSSL 3.5. */
#define SKEY_OP_SKEYMGMT 15
#define SKEY_CIPHER_ENCRYPT_INIT 19
#define SKEY_CIPHER_DECRYPT_INIT 20
#define SKEY_MAC_INIT 13
/* Of OpenSSL 3.6. */
#define SKEY_KDF_SET 12
#define SKEY_KDF_DERIVE 13
#define SKEY_KEYEXCH_DERIVE 11
/* Of OpenSSL 4.0. */
#define SKEY_STORE_INFO 7
#define SKEY_OBJECT 5

#define SKEY_PARAM_RAW_BYTES "raw-bytes"

enum {
    SKEY_ID_MOST = 512, /* bytes of a key id, with NUL */
};

typedef int skey_cipher_init_fn(void *context, void *keydata, const unsigned char *iv,
                                size_t iv_size, const OSSL_PARAM params[]);
typedef int skey_mac_init_fn(void *context, void *keydata, const OSSL_PARAM params[]);
typedef int skey_kdf_set_fn(void *context, void *keydata, const char *name);
typedef void *skey_import_fn(void *provctx, int selection, const OSSL_PARAM params[]);
typedef void *skey_derive_fn(void *context, const char *type, void *provctx, skey_import_fn *import,
                             size_t size, const OSSL_PARAM params[]);

/**
 * Our management of EVP_SKEYs of the type whose first name `names` (an OSSL_ALGORITHM's) begins
 * with, over the default provider's `software`.  Called with lock_take() held.
 * @return NULL if that type is none of ours
 */
const OSSL_DISPATCH *skey_dispatch(const char *names, const OSSL_DISPATCH *software);

/** Types named as our ciphers are, so that `openssl enc -skeyopt` does without -skeymgmt. */
extern const OSSL_ALGORITHM skey_algorithms[];

/**
 * The key of the HSM that is behind an EVP_SKEY's `keydata`, and its family in `*family`, which may
 * be NULL.  It lives as long as the EVP_SKEY.
 * @return NULL: there are raw bytes behind it
 */
struct hsm_key *skey_key(const void *keydata, enum hsm_family *family);

/**
 * The raw bytes behind `keydata`, which is no key of the HSM; they live as long as the EVP_SKEY.
 * @return false: the default provider does not give them
 */
bool skey_bytes(void *keydata, const unsigned char **bytes, size_t *size);

/*
 * For skey.c (name.c).  The parameter that names a key of the HSM; NULL: none.  Bytes that begin as
 * a reference does are one here as everywhere: a program that holds a reference for its key passes
 * it as raw bytes.  `*twice`: there are more than one, or raw bytes as well.
 */
const OSSL_PARAM *skey_name(const OSSL_PARAM params[], bool *twice);

/*
 * The key of `family` that `param` names; `found_by` gets the name without a PIN.
 * @return NULL, with the reason in `why`; else a key to be given to hsm_key_free()
 */
struct hsm_key *skey_find(struct instance *instance, enum hsm_family family,
                          const OSSL_PARAM *param, char found_by[SKEY_ID_MOST],
                          struct failure *why);

#endif
