/* MACs: EVP_MAC_init, and where a key leads (the HSM, software). */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <string.h>

#include "mac/context.h"
#include "parameter.h"
#include "reference.h"

/* A macro, so that the error names the function where it came up. */
#define fail(context, why) error_raise(&(context)->instance->errors, why)

enum {
    PARAMETERS_MOST = 32, /* more than a MAC takes */
};

/* Which MAC of the HSM the digest or cipher makes of it. */
static int choose(const struct mac_context *context, enum hsm_mac *kind)
{
    const struct errors *errors = &context->instance->errors;
    const struct mac_type *type = context->type;
    struct failure why;

    if (context->algorithm == NULL)
        return error_raise_prov(errors, type->missing, "%s: set %s before the key", type->name,
                                type->algorithm);
    if (context->tls)
        failure_set(&why, FAILURE_NOT_OFFERED,
                    "%s: TLS records are not offered with an HSM key; they need a raw key",
                    type->name);
    else if (type->choose(context->instance, context->algorithm, kind))
        return 1;
    else
        failure_set(&why, FAILURE_NOT_OFFERED,
                    "%s with the %s '%.40s' is not offered with an HSM key; HSM keys serve %s",
                    type->name, type->algorithm, context->algorithm, type->served);
    return fail(context, &why);
}

/*
 * Where other MACs take a key of any length, a reference may come without its NULs: as
 * `openssl mac -macopt key:hsmzke:NAME` writes it.
 */
static struct hsm_key *find(struct mac_context *context, const unsigned char *bytes, size_t size,
                            struct failure *why)
{
    unsigned char padded[HSMZKE_REFERENCE_SIZE] = { 0 };

    if (!instance_usable(context->instance, why))
        return NULL;
    if (size < sizeof(padded)) {
        memcpy(padded, bytes, size);
        bytes = padded;
        size = sizeof(padded);
    }
    return keyring_get(&context->instance->keyring, context->type->family, bytes, size, why);
}

/* Takes `key` over; NULL: nothing was found, for the reason in `why`. */
static int use_key(struct mac_context *context, struct hsm_key *key, enum hsm_mac kind,
                   struct failure *why)
{
    if (key == NULL || !context->type->work->may(key, why)) {
        hsm_key_free(key);
        return fail(context, why);
    }
    mac_data_key(&context->data, key, kind);
    context->keyed = MAC_KEYED_BY_REFERENCE;
    return 1;
}

int mac_use_reference(struct mac_context *context, const unsigned char *bytes, size_t size)
{
    struct failure why;
    enum hsm_mac kind = HSM_MACS; /* none */

    /* A key that was set before is not used any more, whatever comes of the new one. */
    mac_drop_key(context);
    return choose(context, &kind) && use_key(context, find(context, bytes, size, &why), kind, &why);
}

/* The default provider looks the cipher up in the private context as well; so all names count. */
bool mac_cipher_is(const struct instance *instance, const char *algorithm, const char *cipher)
{
    EVP_CIPHER *found = EVP_CIPHER_fetch(instance->private, algorithm, NULL);
    const bool is = found != NULL && EVP_CIPHER_is_a(found, cipher);

    EVP_CIPHER_free(found);
    return is;
}

/* Copies `params` without their keys.  @return false: there are too many */
static bool leave_keys_out(const OSSL_PARAM params[], OSSL_PARAM copy[PARAMETERS_MOST])
{
    size_t n = 0;

    for (; params->key != NULL; params++) {
        if (strcmp(params->key, OSSL_MAC_PARAM_KEY) == 0)
            continue;
        if (n == PARAMETERS_MOST - 1)
            return false;
        copy[n++] = *params;
    }
    copy[n] = *params;
    return true;
}

int mac_set_ctx_params(void *context_, const OSSL_PARAM params[])
{
    struct mac_context *context = context_;
    const OSSL_PARAM *key =
        params != NULL ? OSSL_PARAM_locate_const(params, OSSL_MAC_PARAM_KEY) : NULL;
    OSSL_PARAM others[PARAMETERS_MOST];

    if (key == NULL)
        return mac_set_params(context, params);
    if (!leave_keys_out(params, others))
        return error_raise_prov(&context->instance->errors, PROV_R_FAILED_TO_SET_PARAMETER,
                                "%s: too many parameters", context->type->name);
    /* The digest or cipher of the same call counts for its key. */
    if (!mac_set_params(context, others)) {
        mac_drop_key(context); /* another one was meant */
        return 0;
    }
    if (parameter_is_reference(key)) {
        /* Of another type the default provider takes no key either. */
        if (key->data_type == OSSL_PARAM_OCTET_STRING)
            return mac_use_reference(context, key->data, key->data_size);
        mac_drop_key(context);
        return error_raise_prov(&context->instance->errors, PROV_R_FAILED_TO_GET_PARAMETER,
                                "%s: the key is no octet string", context->type->name);
    }
    mac_drop_key(context);
    if (!context->type->software->set_ctx_params(context->software,
                                                 (OSSL_PARAM[]){ *key, OSSL_PARAM_END }))
        return 0;
    context->keyed = MAC_KEYED_RAW;
    return 1;
}

static int restart(struct mac_context *context)
{
    switch (context->keyed) {
    case MAC_KEYED_BY_REFERENCE:
        if (!context->type->as_cipher)
            mac_data_restart(&context->data);
        return 1;
    case MAC_KEYED_RAW:
        return context->type->software->init(context->software, NULL, 0, NULL);
    case MAC_KEYED_NOT:
    default:
        if (context->type
                ->as_cipher) /* which asks for a cipher only; data are refused all the same */
            return context->type->software->init(context->software, NULL, 0, NULL);
        return error_raise_prov(&context->instance->errors, PROV_R_NO_KEY_SET, "%s",
                                context->type->name);
    }
}

int mac_init(void *context_, const unsigned char *key, size_t key_size, const OSSL_PARAM params[])
{
    struct mac_context *context = context_;

    if (!mac_set_ctx_params(context, params))
        return 0;
    if (key == NULL)
        return restart(context);
    if (reference_has_prefix(key, key_size))
        return mac_use_reference(context, key, key_size);
    mac_drop_key(context);
    if (!context->type->software->init(context->software, key, key_size, NULL))
        return 0;
    context->keyed = MAC_KEYED_RAW;
    return 1;
}

static int use_skey(struct mac_context *context, struct hsm_key *key, enum hsm_family family)
{
    const bool aes = context->type->family == HSM_AES;
    enum hsm_mac kind = HSM_MACS;
    struct failure why;

    mac_drop_key(context);
    if (!choose(context, &kind))
        return 0;
    if (family == context->type->family)
        return use_key(context, hsm_key_ref(key), kind, &why);
    failure_set(&why, FAILURE_KEY_UNSUITABLE,
                "%s was given an EVP_SKEY of the type %s; import the key as %s",
                context->type->name, aes ? "GENERIC-SECRET" : "AES",
                aes ? "AES" : "GENERIC-SECRET");
    return fail(context, &why);
}

/* Of raw bytes it is as good as these. */
int mac_init_skey(void *context_, void *keydata, const OSSL_PARAM params[])
{
    struct mac_context *context = context_;
    enum hsm_family family = HSM_AES;
    struct hsm_key *key = skey_key(keydata, &family);
    const unsigned char *bytes = NULL;
    size_t size = 0;

    if (key != NULL)
        return mac_set_ctx_params(context, params) && use_skey(context, key, family);
    if (keydata == NULL || skey_bytes(keydata, &bytes, &size))
        return mac_init(context, bytes, size, params);
    mac_drop_key(context);
    return error_raise_prov(&context->instance->errors, PROV_R_NO_KEY_SET, "%s",
                            context->type->name);
}
