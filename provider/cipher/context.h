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

/**
 * Takes the key that EVP gave: a reference, which is looked up, or a raw key, if it may be used.
 * What was there before is gone, whatever comes of it.  @return false, said why
 */
bool cipher_take_key(struct cipher_context *context, const unsigned char *key, size_t size);

/**
 * After a failure: wipes the `output` bytes that a success would have put to `out`, where that is
 * not the input.  A program that does not look at what a call returned goes on with that buffer,
 * and may have had plaintext in it before.  @return 0
 */
int cipher_nothing_given(unsigned char *out, size_t output, const unsigned char *in, size_t size);

/** The key is not used any more. */
void cipher_drop_key(struct cipher_context *context);

/** Init of the default provider's context; `key` and `iv` may be NULL. */
int cipher_software_init(struct cipher_context *context, bool encrypt, const unsigned char *key,
                         size_t key_size, const unsigned char *iv, size_t iv_size);

#endif
