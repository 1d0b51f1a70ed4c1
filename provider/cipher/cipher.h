/*
 * AES-256 ciphers: what EVP calls.  A context is keyed by reference, and then its data go to the
 * HSM through the state machine; or by a raw key, and then everything goes to the dispatch
 * functions of the default provider, at its speed.
 */
#ifndef HSMZKE_CIPHER_CIPHER_H
#define HSMZKE_CIPHER_CIPHER_H

#include <openssl/core_dispatch.h>

#include "cipher/machine.h"
#include "skey/skey.h"

/** The default provider's functions for one cipher. */
struct cipher_software {
    OSSL_FUNC_cipher_newctx_fn *newctx;
    OSSL_FUNC_cipher_freectx_fn *freectx;
    OSSL_FUNC_cipher_dupctx_fn *dupctx;
    OSSL_FUNC_cipher_encrypt_init_fn *encrypt_init;
    OSSL_FUNC_cipher_decrypt_init_fn *decrypt_init;
    OSSL_FUNC_cipher_update_fn *update;
    OSSL_FUNC_cipher_final_fn *final;
    OSSL_FUNC_cipher_cipher_fn *cipher;
    OSSL_FUNC_cipher_get_params_fn *get_params;
    OSSL_FUNC_cipher_gettable_params_fn *gettable_params;
    OSSL_FUNC_cipher_get_ctx_params_fn *get_ctx_params;
    OSSL_FUNC_cipher_set_ctx_params_fn *set_ctx_params;
    OSSL_FUNC_cipher_gettable_ctx_params_fn *gettable_ctx_params;
    OSSL_FUNC_cipher_settable_ctx_params_fn *settable_ctx_params;
};

/** Which of AES's two functions a mode asks of the HSM, and so what its key must be allowed. */
enum cipher_function {
    CIPHER_FORWARD,    /* the one that the program asks for */
    CIPHER_INVERSE,    /* the other one */
    CIPHER_ENCRYPTING, /* encryption, for both directions of the mode */
};

/** One cipher: a file a mode defines it (ecb.c, cbc.c, ctr.c, ...). */
struct cipher_mode {
    const char *name; /* its first name in the default provider's table */
    enum machine_kind kind;
    enum cipher_function function;
    size_t iv_size;
    enum hsm_mode native; /* what the HSM may do as a whole */
    /* As in struct machine_engine, with the key as argument; one of the two. */
    bool (*blocks)(struct hsm_key *key, bool encrypt, unsigned char chain[HSM_BLOCK],
                   const struct hsm_data *data, struct failure *why);
    bool (*stream)(struct hsm_key *key, bool encrypt, unsigned char counter[HSM_BLOCK],
                   unsigned char stream[HSM_BLOCK], const unsigned char *in, unsigned char *out,
                   size_t size, struct failure *why);
    struct cipher_software *software; /* filled in once */
    const OSSL_DISPATCH *dispatch;    /* what we offer */
    const OSSL_DISPATCH *inner;       /* the same to the private library context */
};

/**
 * Our implementation of the cipher whose first name `names` (an OSSL_ALGORITHM's) begins with, over
 * the default provider's `software`; `inner`: for the private library context, where raw keys
 * always go to software.  Called with lock_take() held.
 * @return NULL if that cipher is none of ours
 */
const OSSL_DISPATCH *cipher_dispatch(const char *names, const OSSL_DISPATCH *software, bool inner);

/* The frame's functions, for the modes whose state is struct machine. */
void *cipher_newctx(const struct cipher_mode *mode, void *provctx, bool inner);
OSSL_FUNC_cipher_freectx_fn cipher_freectx;
OSSL_FUNC_cipher_dupctx_fn cipher_dupctx;
OSSL_FUNC_cipher_encrypt_init_fn cipher_encrypt_init;
OSSL_FUNC_cipher_decrypt_init_fn cipher_decrypt_init;
skey_cipher_init_fn cipher_encrypt_skey_init, cipher_decrypt_skey_init;
OSSL_FUNC_cipher_update_fn cipher_update;
OSSL_FUNC_cipher_final_fn cipher_final;
OSSL_FUNC_cipher_cipher_fn cipher_cipher;
OSSL_FUNC_cipher_get_ctx_params_fn cipher_get_ctx_params;
OSSL_FUNC_cipher_set_ctx_params_fn cipher_set_ctx_params;

/** hsm_ecb() as a mode's `blocks`. */
bool cipher_ecb_blocks(struct hsm_key *key, bool encrypt, unsigned char chain[HSM_BLOCK],
                       const struct hsm_data *data, struct failure *why);

extern const struct cipher_mode cipher_ecb, cipher_cbc, cipher_cts, cipher_ctr, cipher_gcm;
extern const struct cipher_mode cipher_cfb, cipher_cfb8, cipher_cfb1, cipher_ofb;
extern const struct cipher_mode cipher_wrap, cipher_wrap_pad, cipher_wrap_inv, cipher_wrap_pad_inv;

/*
 * Defines the functions that OpenSSL calls without a context, and the dispatch table
 * (MODE_dispatch), of the mode in the variable `mode`.  Parameters that do not depend on the key
 * are the default provider's word for word.
 */
#define CIPHER_MODE(mode, prefix) CIPHER_MODE_TABLE(mode, prefix, OSSL_FUNC_CIPHER_CIPHER)

/* For modes in which EVP_Cipher() is update and final: the table ends a row earlier. */
#define CIPHER_MODE_UPDATE_ONLY(mode, prefix) CIPHER_MODE_TABLE(mode, prefix, 0)

#define CIPHER_MODE_TABLE(mode, prefix, cipher_id)                                                 \
    static struct cipher_software mode##_software;                                                 \
    static OSSL_FUNC_cipher_newctx_fn mode##_newctx, mode##_newctx_inner;                          \
    static OSSL_FUNC_cipher_get_params_fn mode##_get_params;                                       \
    static OSSL_FUNC_cipher_gettable_params_fn mode##_gettable_params;                             \
    static OSSL_FUNC_cipher_gettable_ctx_params_fn mode##_gettable_ctx_params;                     \
    static OSSL_FUNC_cipher_settable_ctx_params_fn mode##_settable_ctx_params;                     \
    static void *mode##_newctx(void *provctx)                                                      \
    {                                                                                              \
        return prefix##_newctx(&(mode), provctx, false);                                           \
    }                                                                                              \
    static void *mode##_newctx_inner(void *provctx)                                                \
    {                                                                                              \
        return prefix##_newctx(&(mode), provctx, true);                                            \
    }                                                                                              \
    static int mode##_get_params(OSSL_PARAM params[])                                              \
    {                                                                                              \
        return mode##_software.get_params(params);                                                 \
    }                                                                                              \
    static const OSSL_PARAM *mode##_gettable_params(void *provctx)                                 \
    {                                                                                              \
        return mode##_software.gettable_params(provctx);                                           \
    }                                                                                              \
    static const OSSL_PARAM *mode##_gettable_ctx_params(void *context, void *provctx)              \
    {                                                                                              \
        (void)context; /* ours, which the default provider does not know */                        \
        return mode##_software.gettable_ctx_params(NULL, provctx);                                 \
    }                                                                                              \
    static const OSSL_PARAM *mode##_settable_ctx_params(void *context, void *provctx)              \
    {                                                                                              \
        (void)context;                                                                             \
        return mode##_software.settable_ctx_params(NULL, provctx);                                 \
    }                                                                                              \
    static const OSSL_DISPATCH mode##_dispatch[] =                                                 \
        CIPHER_MODE_ROWS(mode, prefix, mode##_newctx, cipher_id);                                  \
    static const OSSL_DISPATCH mode##_inner[] =                                                    \
        CIPHER_MODE_ROWS(mode, prefix, mode##_newctx_inner, cipher_id)

#define CIPHER_MODE_ROWS(mode, prefix, newctx, cipher_id)                                          \
    {                                                                                              \
        { OSSL_FUNC_CIPHER_NEWCTX, (void (*)(void))newctx },                                       \
            { OSSL_FUNC_CIPHER_FREECTX, (void (*)(void))prefix##_freectx },                        \
            { OSSL_FUNC_CIPHER_DUPCTX, (void (*)(void))prefix##_dupctx },                          \
            { OSSL_FUNC_CIPHER_ENCRYPT_INIT, (void (*)(void))prefix##_encrypt_init },              \
            { OSSL_FUNC_CIPHER_DECRYPT_INIT, (void (*)(void))prefix##_decrypt_init },              \
            { SKEY_CIPHER_ENCRYPT_INIT, (void (*)(void))prefix##_encrypt_skey_init },              \
            { SKEY_CIPHER_DECRYPT_INIT, (void (*)(void))prefix##_decrypt_skey_init },              \
            { OSSL_FUNC_CIPHER_UPDATE, (void (*)(void))prefix##_update },                          \
            { OSSL_FUNC_CIPHER_FINAL, (void (*)(void))prefix##_final },                            \
            { OSSL_FUNC_CIPHER_GET_PARAMS, (void (*)(void))mode##_get_params },                    \
            { OSSL_FUNC_CIPHER_GETTABLE_PARAMS, (void (*)(void))mode##_gettable_params },          \
            { OSSL_FUNC_CIPHER_GET_CTX_PARAMS, (void (*)(void))prefix##_get_ctx_params },          \
            { OSSL_FUNC_CIPHER_SET_CTX_PARAMS, (void (*)(void))prefix##_set_ctx_params },          \
            { OSSL_FUNC_CIPHER_GETTABLE_CTX_PARAMS, (void (*)(void))mode##_gettable_ctx_params },  \
            { OSSL_FUNC_CIPHER_SETTABLE_CTX_PARAMS, (void (*)(void))mode##_settable_ctx_params },  \
            { cipher_id, (void (*)(void))prefix##_cipher }, { 0, NULL },                           \
    }

#endif
