/*
 * MACs: what EVP calls.  A context is keyed by reference, and then the HSM computes the MAC; or by
 * other bytes, and then everything goes to the dispatch functions of the default provider.
 */
#ifndef HSMZKE_MAC_MAC_H
#define HSMZKE_MAC_MAC_H

#include <openssl/core_dispatch.h>

#include "instance.h"
#include "mac/data.h"
#include "skey/skey.h"

/** The default provider's functions for one MAC. */
struct mac_software {
    OSSL_FUNC_mac_newctx_fn *newctx;
    OSSL_FUNC_mac_dupctx_fn *dupctx;
    OSSL_FUNC_mac_freectx_fn *freectx;
    OSSL_FUNC_mac_init_fn *init;
    OSSL_FUNC_mac_update_fn *update;
    OSSL_FUNC_mac_final_fn *final;
    OSSL_FUNC_mac_get_ctx_params_fn *get_ctx_params; /* NULL: GMAC */
    OSSL_FUNC_mac_set_ctx_params_fn *set_ctx_params;
    OSSL_FUNC_mac_gettable_ctx_params_fn *gettable_ctx_params; /* NULL: GMAC */
    OSSL_FUNC_mac_settable_ctx_params_fn *settable_ctx_params;
};

/** One MAC over many digests or ciphers: cmac.c, gmac.c, hmac.c. */
struct mac_type {
    const char *name;      /* its first name in the default provider's table */
    const char *algorithm; /* the parameter that names its digest or cipher */
    enum hsm_family family;
    const struct mac_work *work;
    bool own_block_size; /* it has one that its digest tells */
    /**
     * The default provider's is a thin skin over a cipher's context: a cipher that is named drops
     * key and IV, EVP_MAC_init() without a key leaves all as it is, no data need no key.
     */
    bool as_cipher;
    int missing; /* PROV_R_...: a key came before that parameter */
    /** Which MAC of the HSM `algorithm` makes of it.  @return false: none */
    bool (*choose)(const struct instance *instance, const char *algorithm, enum hsm_mac *kind);
    const char *served;            /* which do, for messages */
    struct mac_software *software; /* filled in once */
    const OSSL_DISPATCH *own;      /* what we can offer */
    OSSL_DISPATCH *dispatch;       /* what we offer of it: MAC_ROWS, filled in once */
};

enum {
    MAC_ROWS = 20, /* more than there are functions */
};

/**
 * Our implementation of the MAC whose first name `names` (an OSSL_ALGORITHM's) begins with, over
 * the default provider's `software`.  Called with lock_take() held.
 * @return NULL if that MAC is none of ours
 */
const OSSL_DISPATCH *mac_dispatch(const char *names, const OSSL_DISPATCH *software);

/** Whether `algorithm` is another name of `cipher` for the default provider. */
bool mac_cipher_is(const struct instance *instance, const char *algorithm, const char *cipher);

/* For the MACs' own files: what MAC_TYPE() below puts together. */
void *mac_new(const struct mac_type *type, void *provctx);
OSSL_FUNC_mac_freectx_fn mac_free;
OSSL_FUNC_mac_dupctx_fn mac_dup;
OSSL_FUNC_mac_init_fn mac_init;
OSSL_FUNC_mac_update_fn mac_update;
OSSL_FUNC_mac_final_fn mac_final;
OSSL_FUNC_mac_get_ctx_params_fn mac_get_ctx_params;
OSSL_FUNC_mac_set_ctx_params_fn mac_set_ctx_params;
extern skey_mac_init_fn mac_init_skey;
extern const struct mac_type mac_cmac, mac_gmac, mac_hmac;

/* Defines what OpenSSL calls without a context, and the dispatch tables, of `variable`. */
#define MAC_TYPE(variable)                                                                         \
    static struct mac_software software;                                                           \
    static OSSL_FUNC_mac_newctx_fn type_newctx;                                                    \
    static OSSL_FUNC_mac_gettable_ctx_params_fn type_gettable_ctx_params;                          \
    static OSSL_FUNC_mac_settable_ctx_params_fn type_settable_ctx_params;                          \
    static void *type_newctx(void *provctx)                                                        \
    {                                                                                              \
        return mac_new(&(variable), provctx);                                                      \
    }                                                                                              \
    static const OSSL_PARAM *type_gettable_ctx_params(void *context, void *provctx)                \
    {                                                                                              \
        (void)context; /* ours, which the default provider does not know */                        \
        return software.gettable_ctx_params(NULL, provctx);                                        \
    }                                                                                              \
    static const OSSL_PARAM *type_settable_ctx_params(void *context, void *provctx)                \
    {                                                                                              \
        (void)context;                                                                             \
        return software.settable_ctx_params(NULL, provctx);                                        \
    }                                                                                              \
    static OSSL_DISPATCH dispatch[MAC_ROWS];                                                       \
    static const OSSL_DISPATCH own[] = {                                                           \
        { OSSL_FUNC_MAC_NEWCTX, (void (*)(void))type_newctx },                                     \
        { OSSL_FUNC_MAC_DUPCTX, (void (*)(void))mac_dup },                                         \
        { OSSL_FUNC_MAC_FREECTX, (void (*)(void))mac_free },                                       \
        { OSSL_FUNC_MAC_INIT, (void (*)(void))mac_init },                                          \
        { OSSL_FUNC_MAC_UPDATE, (void (*)(void))mac_update },                                      \
        { OSSL_FUNC_MAC_FINAL, (void (*)(void))mac_final },                                        \
        { OSSL_FUNC_MAC_GET_CTX_PARAMS, (void (*)(void))mac_get_ctx_params },                      \
        { OSSL_FUNC_MAC_SET_CTX_PARAMS, (void (*)(void))mac_set_ctx_params },                      \
        { OSSL_FUNC_MAC_GETTABLE_CTX_PARAMS, (void (*)(void))type_gettable_ctx_params },           \
        { OSSL_FUNC_MAC_SETTABLE_CTX_PARAMS, (void (*)(void))type_settable_ctx_params },           \
        { SKEY_MAC_INIT, (void (*)(void))mac_init_skey },                                          \
        { 0, NULL },                                                                               \
    }

#endif
