/* Opaque symmetric keys: see skey.h. */
#include "skey/skey.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithm.h"
#include "hsmzke/hsmzke.h"
#include "pkey/pkey.h"

/* Of OpenSSL 3.5. */
#define FUNC_FREE 1
#define FUNC_IMPORT 2
#define FUNC_EXPORT 3
#define FUNC_GENERATE 4
#define FUNC_GET_KEY_ID 5
#define FUNC_IMP_SETTABLE_PARAMS 6
#define FUNC_GEN_SETTABLE_PARAMS 7
#define PARAM_KEY_LENGTH "key-length"
#define SELECT_SECRET_KEY 2

typedef void free_fn(void *keydata);
typedef int export_fn(void *keydata, int selection, OSSL_CALLBACK *callback, void *argument);
typedef void *generate_fn(void *provctx, const OSSL_PARAM params[]);
typedef const char *get_key_id_fn(void *keydata);
typedef const OSSL_PARAM *settable_fn(void *provctx);

/* The default provider's functions for one type. */
struct software {
    free_fn *free;
    skey_import_fn *import;
    export_fn *export;
};

enum {
    /* More than the default provider has behind an EVP_SKEY of its own. */
    NOTHING = 64,
};

/*
 * A key of the HSM.  It begins with an address that nothing of the default provider's begins with:
 * both come to the same functions.  What follows is what the default provider would find a key of
 * no bytes in, should one ever reach it past the gateway.
 */
struct skey {
    const void *mark;
    unsigned char nothing[NOTHING];
    struct hsm_key *key; /* owned */
    enum hsm_family family;
    char id[SKEY_ID_MOST]; /* an id reference, or what the key was found by */
};

static const char mark[] = "a key of the HSM";
static struct software software_aes, software_generic; /* filled in once, with lock_take() held */

static struct skey *of_hsm(const void *keydata)
{
    const struct skey *skey = keydata;

    return skey != NULL && skey->mark == mark ? (struct skey *)(uintptr_t)skey : NULL;
}

struct hsm_key *skey_key(const void *keydata, enum hsm_family *family)
{
    const struct skey *skey = of_hsm(keydata);

    if (skey == NULL)
        return NULL;
    if (family != NULL)
        *family = skey->family;
    return skey->key;
}

struct bytes {
    const unsigned char **bytes;
    size_t *size;
};

static int take_bytes(const OSSL_PARAM params[], void *argument)
{
    const struct bytes *to = argument;
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, SKEY_PARAM_RAW_BYTES);

    if (param == NULL || param->data_type != OSSL_PARAM_OCTET_STRING)
        return 0;
    *to->bytes = param->data;
    *to->size = param->data_size;
    return 1;
}

/* The default provider's generic type is the base of its others. */
bool skey_bytes(void *keydata, const unsigned char **bytes, size_t *size)
{
    struct bytes to = { bytes, size };

    return software_generic.export != NULL &&
           software_generic.export(keydata, SELECT_SECRET_KEY, take_bytes, &to) == 1;
}

/* core_dispatch.h of 3.0 has no types for these; so the compiler checks them here. */
static free_fn free_aes, free_generic;
static skey_import_fn import_aes, import_generic;
static export_fn export_aes, export_generic;
static generate_fn generate_aes, generate_generic;
static get_key_id_fn get_key_id;
static settable_fn imp_settable_params, gen_settable_params;

/* ---- a key of the HSM ---- */

static void free_hsm(struct skey *skey)
{
    hsm_key_free(skey->key);
    free(skey);
}

/* Takes `key` over. `found_by`: what to show if it has no id reference. */
static struct skey *new_hsm(struct hsm_key *key, enum hsm_family family, const char *found_by)
{
    struct skey *skey = calloc(1, sizeof(*skey));
    const char *label, *id;

    if (skey == NULL) {
        hsm_key_free(key);
        return instance_raise_memory();
    }
    skey->mark = mark;
    skey->key = key;
    skey->family = family;
    hsm_key_names(key, &label, &id);
    if (id[0] != '\0' && hsm_key_is_home(key))
        snprintf(skey->id, sizeof(skey->id), HSMZKE_REFERENCE_PREFIX "%s", id);
    else
        snprintf(skey->id, sizeof(skey->id), "%s", found_by);
    return skey;
}

/* ---- import ---- */

static void *import(const struct software *software, enum hsm_family family, void *provctx,
                    int selection, const OSSL_PARAM params[])
{
    bool twice = false;
    const OSSL_PARAM *param = params != NULL ? skey_name(params, &twice) : NULL;
    struct instance *instance;
    struct hsm_key *key = NULL;
    char found_by[SKEY_ID_MOST];
    struct failure why;

    if (param == NULL) /* raw bytes; what becomes of them is the ciphers' and MACs' matter */
        return software->import(provctx, selection, params);
    instance = instance_find(provctx);
    if (instance == NULL)
        return NULL;
    if (twice)
        failure_set(&why, FAILURE_REFERENCE,
                    "an EVP_SKEY takes one of 'reference', 'uri' and 'raw-bytes'");
    else if ((selection & SELECT_SECRET_KEY) == 0)
        failure_set(&why, FAILURE_REFERENCE, "an EVP_SKEY is a secret key, and none was selected");
    else
        key = skey_find(instance, family, param, found_by, &why);
    if (key == NULL)
        error_raise(&instance->errors, &why);
    instance_free(instance);
    return key != NULL ? new_hsm(key, family, found_by) : NULL;
}

static const OSSL_PARAM *imp_settable_params(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(HSMZKE_SKEY_PARAM_REFERENCE, NULL, 0),
        OSSL_PARAM_utf8_string(HSMZKE_SKEY_PARAM_URI, NULL, 0),
        OSSL_PARAM_octet_string(SKEY_PARAM_RAW_BYTES, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return params;
}

/* ---- export: never of the HSM ---- */

static int refuse_export(void)
{
    struct failure why;

    failure_set(&why, FAILURE_NOT_OFFERED,
                "a key of the HSM is not exported; use it with algorithms of hsmzke");
    return instance_raise_any(&why);
}

/* ---- generation: as EVP_PKEYs are ---- */

/* The length as EVP_PKEYs' parameter; AES keys have one only. */
static bool take_length(enum hsm_family family, const OSSL_PARAM params[], OSSL_PARAM taken[2],
                        size_t *length)
{
    const OSSL_PARAM *param =
        params != NULL ? OSSL_PARAM_locate_const(params, PARAM_KEY_LENGTH) : NULL;
    struct failure why;

    taken[0] = taken[1] = OSSL_PARAM_construct_end();
    if (param == NULL)
        return true;
    *length = 0;
    if (OSSL_PARAM_get_size_t(param, length) &&
        (family != HSM_AES || *length == HSMZKE_REFERENCE_SIZE)) {
        taken[0] = OSSL_PARAM_construct_size_t(HSMZKE_PKEY_PARAM_BYTES, length);
        return true;
    }
    failure_set(&why, FAILURE_NOT_OFFERED, "%s",
                family == HSM_AES ? "AES keys of 32 bytes are generated, and no others"
                                  : "'" PARAM_KEY_LENGTH "' must be a number of bytes");
    return instance_raise_any(&why) != 0;
}

static void *generate(void *provctx, enum hsm_family family, const OSSL_PARAM params[])
{
    OSSL_PARAM length_param[2];
    struct skey *skey = NULL;
    void *generation = NULL;
    struct pkey *pkey;
    size_t length;

    if (take_length(family, params, length_param, &length))
        generation = pkey_gen_new(provctx, family, params);
    if (generation == NULL)
        return NULL;
    pkey = pkey_gen_set_params(generation, length_param) ? pkey_gen(generation, NULL, NULL) : NULL;
    if (pkey != NULL)
        skey = new_hsm(hsm_key_ref(pkey->key), family, pkey->reference);
    pkey_free(pkey);
    pkey_gen_cleanup(generation);
    return skey;
}

/* `usage` has one value for secrets. */
static const OSSL_PARAM *gen_settable_params(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(HSMZKE_PKEY_PARAM_LABEL, NULL, 0),
        OSSL_PARAM_utf8_string(HSMZKE_PKEY_PARAM_USAGE, NULL, 0),
        OSSL_PARAM_utf8_string(HSMZKE_PKEY_PARAM_TOKEN, NULL, 0),
        OSSL_PARAM_size_t(PARAM_KEY_LENGTH, NULL),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return params;
}

static const char *get_key_id(void *keydata)
{
    const struct skey *skey = of_hsm(keydata);

    return skey != NULL && skey->id[0] != '\0' ? skey->id : NULL;
}

/* ---- the types ---- */

#define FUNCTIONS(type, family)                                                                    \
    static void free_##type(void *keydata)                                                         \
    {                                                                                              \
        struct skey *skey = of_hsm(keydata);                                                       \
        if (skey != NULL)                                                                          \
            free_hsm(skey);                                                                        \
        else                                                                                       \
            software_##type.free(keydata);                                                         \
    }                                                                                              \
    static void *import_##type(void *provctx, int selection, const OSSL_PARAM params[])            \
    {                                                                                              \
        return import(&software_##type, family, provctx, selection, params);                       \
    }                                                                                              \
    static int export_##type(void *keydata, int selection, OSSL_CALLBACK *callback,                \
                             void *argument)                                                       \
    {                                                                                              \
        return of_hsm(keydata) != NULL                                                             \
                   ? refuse_export()                                                               \
                   : software_##type.export(keydata, selection, callback, argument);               \
    }                                                                                              \
    static void *generate_##type(void *provctx, const OSSL_PARAM params[])                         \
    {                                                                                              \
        return generate(provctx, family, params);                                                  \
    }
FUNCTIONS(aes, HSM_AES)
FUNCTIONS(generic, HSM_SECRET)

#define ROW(number, name)                                                                          \
    {                                                                                              \
        number, (void (*)(void))name                                                               \
    }

static const OSSL_DISPATCH dispatch_aes[] = {
    ROW(FUNC_FREE, free_aes),
    ROW(FUNC_IMPORT, import_aes),
    ROW(FUNC_EXPORT, export_aes),
    ROW(FUNC_GENERATE, generate_aes),
    ROW(FUNC_GET_KEY_ID, get_key_id),
    ROW(FUNC_IMP_SETTABLE_PARAMS, imp_settable_params),
    ROW(FUNC_GEN_SETTABLE_PARAMS, gen_settable_params),
    { 0, NULL },
};

static const OSSL_DISPATCH dispatch_generic[] = {
    ROW(FUNC_FREE, free_generic),
    ROW(FUNC_IMPORT, import_generic),
    ROW(FUNC_EXPORT, export_generic),
    ROW(FUNC_GENERATE, generate_generic),
    ROW(FUNC_GET_KEY_ID, get_key_id),
    ROW(FUNC_IMP_SETTABLE_PARAMS, imp_settable_params),
    ROW(FUNC_GEN_SETTABLE_PARAMS, gen_settable_params),
    { 0, NULL },
};

#define CIPHER(name)                                                                               \
    {                                                                                              \
        name, "provider=" HSMZKE_PROVIDER_NAME, dispatch_aes, "AES-256 keys in an HSM"             \
    }
const OSSL_ALGORITHM skey_algorithms[] = {
    CIPHER("AES-256-ECB"),          CIPHER("AES-256-CBC"),      CIPHER("AES-256-CBC-CTS"),
    CIPHER("AES-256-CTR"),          CIPHER("AES-256-GCM"),      CIPHER("AES-256-CFB"),
    CIPHER("AES-256-CFB8"),         CIPHER("AES-256-CFB1"),     CIPHER("AES-256-OFB"),
    CIPHER("AES-256-WRAP"),         CIPHER("AES-256-WRAP-PAD"), CIPHER("AES-256-WRAP-INV"),
    CIPHER("AES-256-WRAP-PAD-INV"), { NULL, NULL, NULL, NULL },
};

static bool take_software(struct software *software, const OSSL_DISPATCH *from)
{
    for (; from->function_id != 0; from++) {
        if (from->function_id == FUNC_FREE)
            software->free = (free_fn *)from->function;
        else if (from->function_id == FUNC_IMPORT)
            software->import = (skey_import_fn *)from->function;
        else if (from->function_id == FUNC_EXPORT)
            software->export = (export_fn *)from->function;
    }
    return software->free != NULL && software->import != NULL && software->export != NULL;
}

const OSSL_DISPATCH *skey_dispatch(const char *names, const OSSL_DISPATCH *software)
{
    if (algorithm_is(names, "AES"))
        return take_software(&software_aes, software) ? dispatch_aes : NULL;
    if (algorithm_is(names, "GENERIC-SECRET"))
        return take_software(&software_generic, software) ? dispatch_generic : NULL;
    return NULL;
}
