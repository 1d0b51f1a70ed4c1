/*
 * EVP_PKEYs of the types HSMZKE-AES and HSMZKE-HMAC, what EVP calls.  What can be had of a key as
 * "private key" is its reference: EVP_PKEY_get_raw_private_key() gives the 32 bytes that ciphers
 * and MACs take.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>

#include "lock.h"
#include "pkey/pkey.h"
#include "pkey/seal.h"
#include "reference.h"

static OSSL_FUNC_keymgmt_new_fn new_aes, new_hmac;
static OSSL_FUNC_keymgmt_load_fn load;
static OSSL_FUNC_keymgmt_has_fn has;
static OSSL_FUNC_keymgmt_match_fn match;
static OSSL_FUNC_keymgmt_dup_fn dup_pkey;
static OSSL_FUNC_keymgmt_validate_fn validate;
static OSSL_FUNC_keymgmt_get_params_fn get_params;
static OSSL_FUNC_keymgmt_gettable_params_fn gettable_params;
static OSSL_FUNC_keymgmt_import_fn import;
static OSSL_FUNC_keymgmt_export_fn export_reference;
static OSSL_FUNC_keymgmt_import_types_fn types;
static OSSL_FUNC_keymgmt_gen_init_fn gen_init_aes, gen_init_hmac;
static OSSL_FUNC_keymgmt_gen_settable_params_fn gen_settable_params_aes, gen_settable_params_hmac;

static void *new_pkey(void *provctx, enum hsm_family family)
{
    struct instance *instance = instance_find(provctx);
    struct pkey *pkey = instance != NULL ? pkey_new(instance, family) : NULL;

    instance_free(instance);
    return pkey;
}

/* What a STORE or a decoder has made is handed over whole, by its address. */
static void *load(const void *reference, size_t size)
{
    struct pkey *pkey;

    if (size != sizeof(pkey))
        return NULL;
    memcpy(&pkey, reference, sizeof(pkey));
    memset((void *)(uintptr_t)reference, 0, sizeof(pkey));
    return pkey;
}

/* The key is there, in the HSM, or it is not; there is no public one. */
static int has(const void *pkey_, int selection)
{
    const struct pkey *pkey = pkey_;

    if (pkey == NULL || (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY &&
                         !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY)))
        return 0;
    return !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || pkey_has_key(pkey);
}

static int match(const void *a_, const void *b_, int selection)
{
    const struct pkey *a = a_, *b = b_;
    struct hsm_key *key_a, *key_b;
    struct failure why;

    (void)selection; /* there is nothing but the key */
    if (!pkey_has_key(a) || !pkey_has_key(b))
        return 0;
    key_a = pkey_key(a, &why);
    key_b = key_a != NULL ? pkey_key(b, &why) : NULL;
    if (key_b == NULL)
        return error_raise(&a->instance->errors, &why);
    return hsm_key_same(key_a, key_b);
}

static void *dup_pkey(const void *from_, int selection)
{
    const struct pkey *from = from_;
    struct pkey *copy = pkey_new(from->instance, from->family);

    if (copy == NULL || !(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY))
        return copy;
    lock_take();
    copy->key = from->key;
    lock_release();
    if (copy->key != NULL)
        hsm_key_ref(copy->key);
    memcpy(copy->identity, from->identity, sizeof(copy->identity));
    memcpy(copy->reference, from->reference, sizeof(copy->reference));
    memcpy(copy->left_out, from->left_out, sizeof(copy->left_out));
    if (from->damaged)
        pkey_set_damaged(copy, &from->damage);
    return copy;
}

/* `openssl pkey -check`: the key is in the HSM now, the one that it was, and as a key should be. */
static int validate(const void *pkey_, int selection, int type)
{
    const struct pkey *pkey = pkey_;
    struct failure why;
    struct hsm_key *key = pkey_key(pkey, &why);

    (void)selection, (void)type;
    return (key != NULL && hsm_key_confirm(key, &why) &&
            keyring_accepts(&pkey->instance->keyring, key, &why) &&
            policy_check(pkey->instance->config.policy, key, pkey_pin(pkey, key), &why)) ||
           error_raise(&pkey->instance->errors, &why);
}

static const OSSL_PARAM *gettable_params(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(HSMZKE_PKEY_PARAM_REFERENCE, NULL, 0),
        OSSL_PARAM_utf8_string(HSMZKE_PKEY_PARAM_IDENTITY, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return params;
}

static bool get_int(OSSL_PARAM params[], const char *name, int value)
{
    OSSL_PARAM *param = OSSL_PARAM_locate(params, name);

    return param == NULL || OSSL_PARAM_set_int(param, value);
}

static bool get_text(OSSL_PARAM params[], const char *name, const char *value)
{
    OSSL_PARAM *param = OSSL_PARAM_locate(params, name);

    return param == NULL || OSSL_PARAM_set_utf8_string(param, value);
}

/* Bits; 0: not known, for the HSM is not asked before the key is used. */
static int bits(const struct pkey *pkey)
{
    struct hsm_key *key;

    if (pkey->family == HSM_AES)
        return 256;
    lock_take();
    key = pkey->key;
    lock_release();
    return key != NULL ? (int)hsm_key_size(key) * 8 : 0;
}

/* What a key of one type has: what it makes at most, and the digest that it does so with. */
static bool get_type_params(enum hsm_family family, OSSL_PARAM params[])
{
    if (family == HSM_AES)
        return get_int(params, OSSL_PKEY_PARAM_MAX_SIZE, SEAL_ANNOUNCED);
    return get_int(params, OSSL_PKEY_PARAM_MAX_SIZE, HSM_MAC_MOST) &&
           get_text(params, OSSL_PKEY_PARAM_DEFAULT_DIGEST, "SHA256");
}

static int get_params(void *pkey_, OSSL_PARAM params[])
{
    const struct pkey *pkey = pkey_;
    char identity[HSM_IDENTITY_TEXT] = "";
    struct hsm_key *key;
    struct failure why;

    if (OSSL_PARAM_locate(params, HSMZKE_PKEY_PARAM_IDENTITY) != NULL) {
        key = pkey_key(pkey, &why);
        if (key == NULL)
            return error_raise(&pkey->instance->errors, &why);
        hsm_key_identity(key, identity);
    }
    return get_int(params, OSSL_PKEY_PARAM_BITS, bits(pkey)) &&
           get_int(params, OSSL_PKEY_PARAM_SECURITY_BITS, bits(pkey)) &&
           get_type_params(pkey->family, params) &&
           get_text(params, HSMZKE_PKEY_PARAM_REFERENCE, pkey->reference) &&
           get_text(params, HSMZKE_PKEY_PARAM_IDENTITY, identity);
}

static const OSSL_PARAM *types(int selection)
{
    static const OSSL_PARAM private[] = {
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, NULL, 0),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM none[] = { OSSL_PARAM_END };

    return selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY ? private : none;
}

/* EVP_PKEY_new_raw_private_key(): a reference, with its NULs or without. */
static bool read_reference(const OSSL_PARAM *param, const char *type,
                           char text[HSMZKE_REFERENCE_SIZE + 1], struct failure *why)
{
    unsigned char bytes[HSMZKE_REFERENCE_SIZE] = { 0 };
    struct reference reference;

    if (param == NULL || param->data_type != OSSL_PARAM_OCTET_STRING || param->data == NULL ||
        param->data_size > sizeof(bytes))
        return failure_set(why, FAILURE_REFERENCE,
                           "a key of type %s is made of a key reference, which has at most %d "
                           "bytes",
                           type, HSMZKE_REFERENCE_SIZE);
    memcpy(bytes, param->data, param->data_size);
    if (!reference_from_bytes(&reference, bytes, sizeof(bytes), why))
        return false;
    memcpy(text, reference.text, sizeof(reference.text));
    return true;
}

static int import(void *pkey_, int selection, const OSSL_PARAM params[])
{
    struct pkey *pkey = pkey_;
    char text[HSMZKE_REFERENCE_SIZE + 1];
    struct failure why;

    if (!(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || !pkey_usable(pkey->instance))
        return 0;
    return (read_reference(OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY),
                           pkey_type(pkey->family), text, &why) &&
            pkey_set_reference(pkey, text, &why)) ||
           error_raise(&pkey->instance->errors, &why);
}

static int export_reference(void *pkey_, int selection, OSSL_CALLBACK *callback, void *argument)
{
    const struct pkey *pkey = pkey_;
    unsigned char bytes[HSMZKE_REFERENCE_SIZE];
    OSSL_PARAM params[2];
    struct failure why;

    if (!(selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) || !pkey_has_key(pkey))
        return 0;
    if (!pkey_bytes(pkey, bytes, &why))
        return error_raise(&pkey->instance->errors, &why);
    params[0] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, bytes, sizeof(bytes));
    params[1] = OSSL_PARAM_construct_end();
    return callback(params, argument);
}

static const OSSL_PARAM *gen_settable_params_aes(void *generation, void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(HSMZKE_PKEY_PARAM_LABEL, NULL, 0),
        OSSL_PARAM_utf8_string(HSMZKE_PKEY_PARAM_USAGE, NULL, 0),
        OSSL_PARAM_utf8_string(HSMZKE_PKEY_PARAM_TOKEN, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)generation, (void)provctx;
    return params;
}

static const OSSL_PARAM *gen_settable_params_hmac(void *generation, void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(HSMZKE_PKEY_PARAM_LABEL, NULL, 0),
        OSSL_PARAM_size_t(HSMZKE_PKEY_PARAM_BYTES, NULL),
        OSSL_PARAM_utf8_string(HSMZKE_PKEY_PARAM_TOKEN, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)generation, (void)provctx;
    return params;
}

/* The types differ in what is called without a key. */
#define TYPE(type, family)                                                                         \
    static void *new_##type(void *provctx)                                                         \
    {                                                                                              \
        return new_pkey(provctx, family);                                                          \
    }                                                                                              \
    static void *gen_init_##type(void *provctx, int selection, const OSSL_PARAM params[])          \
    {                                                                                              \
        (void)selection;                                                                           \
        return pkey_gen_new(provctx, family, params);                                              \
    }                                                                                              \
    static const OSSL_DISPATCH dispatch_##type[] = {                                               \
        { OSSL_FUNC_KEYMGMT_NEW, (void (*)(void))new_##type },                                     \
        { OSSL_FUNC_KEYMGMT_FREE, (void (*)(void))pkey_free },                                     \
        { OSSL_FUNC_KEYMGMT_LOAD, (void (*)(void))load },                                          \
        { OSSL_FUNC_KEYMGMT_HAS, (void (*)(void))has },                                            \
        { OSSL_FUNC_KEYMGMT_MATCH, (void (*)(void))match },                                        \
        { OSSL_FUNC_KEYMGMT_DUP, (void (*)(void))dup_pkey },                                       \
        { OSSL_FUNC_KEYMGMT_VALIDATE, (void (*)(void))validate },                                  \
        { OSSL_FUNC_KEYMGMT_GET_PARAMS, (void (*)(void))get_params },                              \
        { OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, (void (*)(void))gettable_params },                    \
        { OSSL_FUNC_KEYMGMT_IMPORT, (void (*)(void))import },                                      \
        { OSSL_FUNC_KEYMGMT_IMPORT_TYPES, (void (*)(void))types },                                 \
        { OSSL_FUNC_KEYMGMT_EXPORT, (void (*)(void))export_reference },                            \
        { OSSL_FUNC_KEYMGMT_EXPORT_TYPES, (void (*)(void))types },                                 \
        { OSSL_FUNC_KEYMGMT_GEN_INIT, (void (*)(void))gen_init_##type },                           \
        { OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, (void (*)(void))pkey_gen_set_params },                 \
        { OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, (void (*)(void))gen_settable_params_##type },     \
        { OSSL_FUNC_KEYMGMT_GEN, (void (*)(void))pkey_gen },                                       \
        { OSSL_FUNC_KEYMGMT_GEN_CLEANUP, (void (*)(void))pkey_gen_cleanup },                       \
        { 0, NULL },                                                                               \
    }
TYPE(aes, HSM_AES);
TYPE(hmac, HSM_SECRET);

const OSSL_ALGORITHM pkey_keymgmt_algorithms[] = {
    { PKEY_AES_NAMES, "provider=" HSMZKE_PROVIDER_NAME, dispatch_aes, "AES-256 keys in the HSM" },
    { PKEY_HMAC_NAMES, "provider=" HSMZKE_PROVIDER_NAME, dispatch_hmac, "HMAC keys in the HSM" },
    { NULL, NULL, NULL, NULL },
};
