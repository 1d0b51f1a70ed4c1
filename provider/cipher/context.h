/* A cipher context of ours, for the files of this room. */
#ifndef HSMZKE_CIPHER_CONTEXT_H
#define HSMZKE_CIPHER_CONTEXT_H

#include "cipher/cipher.h"
#include "instance.h"

struct cipher_context {
    const struct cipher_mode *mode;
    bool inner;                /* in the private library context */
    struct instance *instance; /* owned, unless `inner`: it owns that library context */
    void *software;            /* the default provider's context, owned; used for raw keys */
    enum {
        KEYED_NOT,          /* both contexts are kept in step until the key says which it is */
        KEYED_BY_REFERENCE, /* `key` is used, `machine` has the state */
        KEYED_RAW,          /* `software` has everything */
    } keyed;
    struct hsm_key *key;    /* owned; NULL unless KEYED_BY_REFERENCE */
    struct machine machine; /* of the modes that have no state of their own */
    bool tls;               /* TLS records were asked for: only for raw keys */
};

/** Fills in a zeroed context. @return false: nothing is left to be closed */
bool cipher_open(struct cipher_context *context, const struct cipher_mode *mode, void *provctx,
                 bool inner);

/** Gives back what a context owns, and wipes its state. */
void cipher_close(struct cipher_context *context);

/** Makes `copy` an exact copy. @return false: nothing is left to be closed */
bool cipher_copy(struct cipher_context *copy, const struct cipher_context *context);

/** Whether the context, which has no raw key, can take data for the HSM; else says why not. */
bool cipher_is_ready(const struct cipher_context *context);

/** The key that EVP gives at an init: bytes, an EVP_SKEY's key of the HSM, or none (both NULL). */
struct cipher_given {
    const unsigned char *bytes; /* a reference or a raw key */
    size_t size;
    struct hsm_key *key;
};

/** What an EVP_SKEY's `keydata` gives; NULL: no key.  @return false, said why */
bool cipher_given_skey(const struct cipher_context *context, void *keydata,
                       struct cipher_given *given);

/** Whether there is a key in it. */
bool cipher_is_given(const struct cipher_given *given);

/**
 * Takes the key that EVP gave: a reference, which is looked up, or a raw key, if it may be used; or
 * an EVP_SKEY's.  What was there before is gone, whatever comes of it.  @return false, said why
 */
bool cipher_take_key(struct cipher_context *context, const struct cipher_given *given);

/**
 * After a failure: wipes the `output` bytes that a success would have put to `out`, where that is
 * not the input.  A program that does not look at what a call returned goes on with that buffer,
 * and may have had plaintext in it before.  @return 0
 */
int cipher_nothing_given(unsigned char *out, size_t output, const unsigned char *in, size_t size);

/** The key is not used any more. */
void cipher_drop_key(struct cipher_context *context);

/** Init of the default provider's context; `iv` may be NULL. */
int cipher_software_init(struct cipher_context *context, bool encrypt,
                         const struct cipher_given *given, const unsigned char *iv, size_t iv_size);

#endif
