/*
 * OSSL_STORE loaders: `hsmzke:NAME` and `hsmzke:ID` are one key, `hsmzke:` alone and pkcs11: URIs
 * are all the AES-256 keys, generic secrets and HMAC keys that they mean.  Objects of other classes
 * are not ours: a URI that names one is declined.
 */
#include "store/store.h"

#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkey/pkey.h"
#include "skey/skey.h"

struct store {
    struct instance *instance; /* owned */
    struct pkey *one;          /* by reference, not handed out yet; owned */
    struct hsm_list *list;     /* else these; owned */
    size_t next, count;
    bool skeys; /* EVP_SKEYs were asked for (OpenSSL 4.0) */
};

static OSSL_FUNC_store_open_fn open_reference;
static OSSL_FUNC_store_open_fn open_uri;
static OSSL_FUNC_store_settable_ctx_params_fn settable_ctx_params;
static OSSL_FUNC_store_set_ctx_params_fn set_ctx_params;
static OSSL_FUNC_store_load_fn load;
static OSSL_FUNC_store_eof_fn eof;
static OSSL_FUNC_store_close_fn close_store;

static int close_store(void *store_)
{
    struct store *store = store_;

    if (store == NULL)
        return 1;
    pkey_free(store->one);
    hsm_list_free(store->list);
    instance_free(store->instance);
    free(store);
    return 1;
}

/* A store in which there is nothing yet; NULL, said why, when the configuration is wrong. */
static struct store *new_store(void *provctx)
{
    struct store *store = calloc(1, sizeof(*store));

    if (store == NULL)
        return instance_raise_memory();
    store->instance = instance_find(provctx);
    if (store->instance != NULL && pkey_usable(store->instance))
        return store;
    close_store(store);
    return NULL;
}

static bool open_one(struct store *store, const char *reference, struct failure *why)
{
    store->one = pkey_new(store->instance, HSM_ANY);
    if (store->one == NULL)
        return failure_memory(why);
    store->count = 1;
    return pkey_set_reference(store->one, reference, why);
}

static bool open_list(struct store *store, const char *uri, struct failure *why)
{
    store->list = hsm_list(store->instance->keyring.hsm, uri, why);
    if (store->list == NULL)
        return false;
    store->count = hsm_list_size(store->list);
    return true;
}

static void *opened(struct store *store, bool good, const struct failure *why)
{
    if (good)
        return store;
    error_raise(&store->instance->errors, why);
    close_store(store);
    return NULL;
}

static void *open_reference(void *provctx, const char *uri)
{
    struct store *store = new_store(provctx);
    struct failure why;
    bool good;

    if (store == NULL)
        return NULL;
    good = strcmp(uri, HSMZKE_REFERENCE_PREFIX) == 0 ? open_list(store, NULL, &why)
                                                     : open_one(store, uri, &why);
    return opened(store, good, &why);
}

static void *open_uri(void *provctx, const char *uri)
{
    struct store *store = new_store(provctx);
    struct failure why;
    bool good;

    if (store == NULL)
        return NULL;
    good = open_list(store, uri, &why);
    if (!good && why.reason == FAILURE_NOT_OFFERED)
        failure_set(
            &why, FAILURE_NOT_OFFERED,
            "hsmzke has secret keys only (type=secret-key); to load other objects by another "
            "provider, set " HSMZKE_PARAM_PKCS11_URIS " = no in the section of hsmzke");
    return opened(store, good, &why);
}

static const OSSL_PARAM *settable_ctx_params(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return params;
}

/* Who expects a certificate gets nothing, and no error. */
static int set_ctx_params(void *store_, const OSSL_PARAM params[])
{
    const OSSL_PARAM *param =
        params != NULL ? OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT) : NULL;
    struct store *store = store_;
    int expected = 0;

    if (param == NULL)
        return 1;
    if (!OSSL_PARAM_get_int(param, &expected))
        return 0;
    store->skeys = expected == SKEY_STORE_INFO;
    if (expected != 0 && expected != OSSL_STORE_INFO_PKEY && !store->skeys)
        store->count = 0;
    return 1;
}

/* The next key, to be freed. */
static struct pkey *take(struct store *store, struct failure *why)
{
    struct pkey *pkey = store->one;
    struct hsm_key *key;

    store->one = NULL;
    if (pkey != NULL)
        return pkey;
    key = hsm_list_key(store->list, store->next - 1, why);
    if (key == NULL)
        return NULL;
    pkey = pkey_new(store->instance, HSM_ANY);
    if (pkey == NULL) {
        hsm_key_free(key);
        failure_memory(why);
        return NULL;
    }
    if (pkey_set_key(pkey, key, why))
        return pkey;
    pkey_free(pkey);
    return NULL;
}

/* Hands an object on: its type for OSSL_STORE, what manages it, and what that finds it by. */
static int hand_on(int object, const char *type, void *reference, size_t size,
                   OSSL_CALLBACK *callback, void *argument)
{
    char manager[32];
    OSSL_PARAM params[4];

    snprintf(manager, sizeof(manager), "%s", type);
    params[0] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &object);
    params[1] = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, manager, 0);
    params[2] = OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, reference, size);
    params[3] = OSSL_PARAM_construct_end();
    return callback(params, argument);
}

/* An EVP_SKEY is imported by its key's reference. */
static int load_skey(const struct store *store, const struct pkey *pkey, OSSL_CALLBACK *callback,
                     void *argument)
{
    unsigned char bytes[HSMZKE_REFERENCE_SIZE];
    struct failure why;

    if (!pkey_bytes(pkey, bytes, &why))
        return error_raise(&store->instance->errors, &why);
    return hand_on(SKEY_OBJECT, pkey->family == HSM_AES ? "AES" : "GENERIC-SECRET", bytes,
                   sizeof(bytes), callback, argument);
}

static int load(void *store_, OSSL_CALLBACK *callback, void *argument,
                OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)
{
    struct store *store = store_;
    struct pkey *pkey;
    struct failure why;
    int result;

    (void)passphrase, (void)passphrase_argument;
    if (store->next >= store->count)
        return 0;
    store->next++;
    pkey = take(store, &why);
    if (pkey == NULL)
        return error_raise(&store->instance->errors, &why);
    if (store->skeys)
        result = load_skey(store, pkey, callback, argument);
    else
        result = hand_on(OSSL_OBJECT_PKEY, pkey_type(pkey->family), &pkey, sizeof(pkey), callback,
                         argument);
    pkey_free(pkey); /* NULL, if it was taken over */
    return result;
}

static int eof(void *store_)
{
    const struct store *store = store_;

    return store->next >= store->count;
}

#define DISPATCH(open)                                                                             \
    {                                                                                              \
        { OSSL_FUNC_STORE_OPEN, (void (*)(void))open },                                            \
            { OSSL_FUNC_STORE_SETTABLE_CTX_PARAMS, (void (*)(void))settable_ctx_params },          \
            { OSSL_FUNC_STORE_SET_CTX_PARAMS, (void (*)(void))set_ctx_params },                    \
            { OSSL_FUNC_STORE_LOAD, (void (*)(void))load },                                        \
            { OSSL_FUNC_STORE_EOF, (void (*)(void))eof },                                          \
            { OSSL_FUNC_STORE_CLOSE, (void (*)(void))close_store }, { 0, NULL },                   \
    }
static const OSSL_DISPATCH reference_dispatch[] = DISPATCH(open_reference);
static const OSSL_DISPATCH uri_dispatch[] = DISPATCH(open_uri);

#define REFERENCES                                                                                 \
    {                                                                                              \
        "hsmzke", "provider=" HSMZKE_PROVIDER_NAME, reference_dispatch,                            \
            "Keys in the HSM by "                                                                  \
            "reference"                                                                            \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, NULL, NULL                                                                     \
    }

const OSSL_ALGORITHM *store_algorithms(bool pkcs11)
{
    static const OSSL_ALGORITHM references[] = { REFERENCES, END };
    static const OSSL_ALGORITHM both[] = {
        REFERENCES,
        { "pkcs11", "provider=" HSMZKE_PROVIDER_NAME, uri_dispatch, "Keys in the HSM by URI" },
        END,
    };

    return pkcs11 ? both : references;
}
