/*
 * Keys of the HSM as EVP_PKEYs, of the types HSMZKE-AES and HSMZKE-HMAC: a handle with a reference,
 * never with a key.  For the files of this room, store/, skey/ and gateway/.
 */
#ifndef HSMZKE_PKEY_PKEY_H
#define HSMZKE_PKEY_PKEY_H

#include <openssl/core_dispatch.h>

#include "hsmzke/hsmzke.h"
#include "instance.h"
#include "pkcs11/inventory.h"
#include "pkey/file.h"

/* The types' names: their object identifiers are those of reference files. */
#define PKEY_AES_NAMES HSMZKE_PKEY_TYPE ":" FILE_AES_OID
#define PKEY_HMAC_NAMES HSMZKE_PKEY_HMAC_TYPE ":" FILE_HMAC_OID

/** What is behind an EVP_PKEY. */
struct pkey {
    struct instance *instance; /* owned */
    enum hsm_family family;    /* constant once there is a reference or a key; not HSM_ANY then */
    /* Owned; NULL: none, or it was not looked for yet.  Set once, with lock_take() held. */
    struct hsm_key *key;
    /* What finds the key again, as text; "" if nothing does: it is not on the configured token. */
    char reference[HSMZKE_REFERENCE_SIZE + 1];
    char identity[HSM_IDENTITY_TEXT]; /* what a reference file says that it must be; "": anything */
    char left_out[HSM_LEFT_OUT]; /* attributes that the HSM did not take when it made the key */
    bool damaged;                /* the reference file cannot be read, */
    struct failure damage;       /* for this reason */
};

/** The type of EVP_PKEYs for keys of `family`, AES or secrets. */
const char *pkey_type(enum hsm_family family);

/**
 * A pkey without a key, for one of `family`; HSM_ANY: for the one that it will get.
 * @return NULL when out of memory
 */
struct pkey *pkey_new(struct instance *instance, enum hsm_family family);

/** Gives back all that it has; NULL is fine. */
void pkey_free(void *pkey);

/** Takes the key that `reference` (text) means. @return false, with the reason in `why` */
bool pkey_set_reference(struct pkey *pkey, const char *reference, struct failure *why);

/** The same for what a reference file says; the key is looked for at its first use. */
void pkey_set_file(struct pkey *pkey, const struct file *file);

/** The file cannot be read, for the reason in `why`, which each use of `pkey` gives. */
void pkey_set_damaged(struct pkey *pkey, const struct failure *why);

/** Whether there is a key, found or yet to be found. */
bool pkey_has_key(const struct pkey *pkey);

/**
 * The key, found if it was not yet; it lives as long as `pkey`.
 * @return NULL, with the reason in `why`
 */
struct hsm_key *pkey_key(const struct pkey *pkey, struct failure *why);

/** The same, to be used: `key-policy` accepts it. */
struct hsm_key *pkey_key_to_use(const struct pkey *pkey, struct failure *why);

/** The identity that the configuration pins for the key of `pkey`; NULL: none. */
const char *pkey_pin(const struct pkey *pkey, const struct hsm_key *key);

/** Takes `key` over, which was listed or generated, if it may be used. */
bool pkey_set_key(struct pkey *pkey, struct hsm_key *key, struct failure *why);

/** The reference as an application passes it. @return false: there is none, with words in `why` */
bool pkey_bytes(const struct pkey *pkey, unsigned char bytes[HSMZKE_REFERENCE_SIZE],
                struct failure *why);

/** Whether the configuration may be used at all; else raises why not. */
bool pkey_usable(const struct instance *instance);

/** Generation, for keymgmt.c and skey/ (generate.c): begins it for a key of `family`. */
void *pkey_gen_new(void *provctx, enum hsm_family family, const OSSL_PARAM params[]);
extern OSSL_FUNC_keymgmt_gen_set_params_fn pkey_gen_set_params;
extern OSSL_FUNC_keymgmt_gen_fn pkey_gen;
extern OSSL_FUNC_keymgmt_gen_cleanup_fn pkey_gen_cleanup;

/** An encoder's or decoder's context is the instance (text.c). */
extern OSSL_FUNC_encoder_newctx_fn pkey_coder_newctx;
extern OSSL_FUNC_encoder_freectx_fn pkey_coder_freectx;
extern OSSL_FUNC_encoder_does_selection_fn pkey_coder_does_selection;

/** The encoder to text (text.c). */
extern OSSL_FUNC_encoder_encode_fn pkey_encode_text;

/** What we offer for OSSL_OP_KEYMGMT and so on. */
extern const OSSL_ALGORITHM pkey_keymgmt_algorithms[];
extern const OSSL_ALGORITHM pkey_encoder_algorithms[];
extern const OSSL_ALGORITHM pkey_decoder_algorithms[];
extern const OSSL_ALGORITHM pkey_asym_cipher_algorithms[];
extern const OSSL_ALGORITHM pkey_signature_algorithms[];

#endif
