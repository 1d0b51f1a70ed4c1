/*
 * The keys of a token as the rest of the provider sees them: listed, and new ones generated.  Part
 * of the face of this room (hsm.h).
 */
#ifndef HSMZKE_PKCS11_INVENTORY_H
#define HSMZKE_PKCS11_INVENTORY_H

#include "pkcs11/hsm.h"

/**
 * What a generated key is for: docs/keys.md.  None may wrap, unwrap or derive keys.  All but the
 * last are for AES keys.
 */
enum hsm_usage {
    HSM_USE_CIPHER,   /**< ECB, CBC, CTR */
    HSM_USE_GCM,      /**< GCM, and CTR for messages of several updates */
    HSM_USE_GCM_ONLY, /**< GCM */
    HSM_USE_WRAP,     /**< EVP's key wrap */
    HSM_USE_MAC,      /**< CMAC */
    HSM_USE_ANY,      /**< encryption and decryption by every mechanism */
    HSM_USE_HMAC,     /**< HMAC; a generic secret */
    HSM_USAGES,
};

/** The usage of keys of `family` that `name` ("gcm-only") means. @return HSM_USAGES: none */
enum hsm_usage hsm_usage_from(enum hsm_family family, const char *name);

/** What a key is generated as. */
struct hsm_template {
    const char *label; /**< 1 to 24 bytes, not yet on the token */
    enum hsm_usage usage;
    size_t size;       /**< in bytes; of AES keys 32 */
    const char *token; /**< a pkcs11: URI, or a token's label; NULL: the configured one */
};

enum {
    HSM_LABEL_MOST = 24, /**< the longest label that a reference can name */
    HSM_LEFT_OUT = 160,  /**< the names of all attributes that may be left out, with NUL */
};

/**
 * Generates a key in the HSM, with 18 random bytes of CKA_ID: sensitive, private, not
 * extractable, not modifiable, not copyable, limited to the mechanisms of its usage.  What the
 * module does not take of the last three is left out, and named in `left_out` ("" if nothing is).
 * @return NULL, with the reason in `why`; else a key to be given to hsm_key_free()
 */
struct hsm_key *hsm_key_generate(struct hsm *hsm, const struct hsm_template *template,
                                 char left_out[HSM_LEFT_OUT], struct failure *why);

/** The keys of all families that a look through a token found. */
struct hsm_list;

/**
 * Looks for all AES-256 keys, generic secrets and HMAC keys that `uri` means; NULL: all on the
 * configured token.  A `uri` about objects of another class is an error (FAILURE_NOT_OFFERED).
 * @return NULL, with the reason in `why`; else to be given to hsm_list_free()
 */
struct hsm_list *hsm_list(struct hsm *hsm, const char *uri, struct failure *why);

/** How many keys there are. */
size_t hsm_list_size(const struct hsm_list *list);

/**
 * Key number `index`, found by its label and id.
 * @return NULL, with the reason in `why`: another one has both, or it is gone
 */
struct hsm_key *hsm_list_key(const struct hsm_list *list, size_t index, struct failure *why);

/** Frees the list; NULL is fine. */
void hsm_list_free(struct hsm_list *list);

#endif
