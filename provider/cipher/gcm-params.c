/*
 * AES-256-GCM: parameters of a context (EVP_EncryptInit(3), "AEAD interface").  What can be asked
 * and set is the default provider's table; for a context with an HSM key we answer ourselves.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <string.h>

#include "cipher/gcm.h"

/* OSSL_CIPHER_PARAM_AEAD_IV_GENERATED of later versions than 3.0. */
static const char iv_generated[] = "iv-generated";

static bool is(const OSSL_PARAM *param, const char *key)
{
    return strcmp(param->key, key) == 0;
}

static bool get_iv(struct gcm_machine *machine, OSSL_PARAM *param)
{
    const unsigned char *iv = gcm_tell_iv(machine);

    if (iv == NULL)
        return false;
    return param->data_type == OSSL_PARAM_OCTET_PTR
               ? OSSL_PARAM_set_octet_ptr(param, iv, machine->iv_size)
               : OSSL_PARAM_set_octet_string(param, iv, machine->iv_size);
}

static bool get_tag(const struct gcm_machine *machine, OSSL_PARAM *param)
{
    unsigned char tag[HSM_BLOCK];

    return gcm_get_tag(machine, tag, param->data_size) == GCM_OK &&
           OSSL_PARAM_set_octet_string(param, tag, param->data_size);
}

static bool get_one(struct gcm_context *context, OSSL_PARAM *param)
{
    struct gcm_machine *machine = &context->machine;

    if (is(param, OSSL_CIPHER_PARAM_KEYLEN))
        return OSSL_PARAM_set_size_t(param, 32);
    if (is(param, OSSL_CIPHER_PARAM_IVLEN))
        return OSSL_PARAM_set_size_t(param, machine->iv_size);
    if (is(param, OSSL_CIPHER_PARAM_AEAD_TAGLEN))
        return OSSL_PARAM_set_size_t(param, machine->tag_size > 0 ? machine->tag_size : HSM_BLOCK);
    if (is(param, OSSL_CIPHER_PARAM_IV) || is(param, OSSL_CIPHER_PARAM_UPDATED_IV))
        return get_iv(machine, param);
    if (is(param, OSSL_CIPHER_PARAM_AEAD_TAG))
        return get_tag(machine, param);
    if (is(param, iv_generated))
        return OSSL_PARAM_set_uint(param, machine->iv_generated);
    if (is(param, OSSL_CIPHER_PARAM_AEAD_TLS1_AAD_PAD))
        return OSSL_PARAM_set_size_t(param, 0);
    if (is(param, OSSL_CIPHER_PARAM_AEAD_TLS1_GET_IV_GEN))
        return param->data_type == OSSL_PARAM_OCTET_STRING && param->data != NULL &&
               gcm_generate_iv(context, param->data, param->data_size);
    return true; /* unknown parameters are left alone: OSSL_PARAM(3) */
}

int gcm_get_ctx_params(void *context_, OSSL_PARAM params[])
{
    struct gcm_context *context = context_;
    const struct cipher_context *base = &context->base;

    if (base->keyed != KEYED_BY_REFERENCE)
        return base->mode->software->get_ctx_params(base->software, params);
    for (OSSL_PARAM *param = params; param != NULL && param->key != NULL; param++) {
        if (!get_one(context, param))
            return error_raise_prov(&base->instance->errors, PROV_R_FAILED_TO_GET_PARAMETER,
                                    "AES-256-GCM: %s cannot be had in this state", param->key);
    }
    return 1;
}

static bool set_iv_size(struct gcm_context *context, const OSSL_PARAM *param)
{
    struct gcm_call call;
    const struct gcm_engine engine = gcm_hsm_engine(&call, context);
    size_t size;

    return OSSL_PARAM_get_size_t(param, &size) &&
           gcm_set_iv_size(&context->machine, &engine, size) == GCM_OK;
}

static bool set_tag(struct gcm_context *context, const OSSL_PARAM *param)
{
    struct gcm_machine *machine = &context->machine;

    if (param->data_type != OSSL_PARAM_OCTET_STRING || param->data == NULL)
        return false;
    /* Too short for an HSM key, which then has none; a raw key may follow. */
    if (context->base.keyed != KEYED_BY_REFERENCE && param->data_size < machine->limits->min_tag) {
        machine->tag_size = 0;
        return true;
    }
    return gcm_set_tag(machine, param->data, param->data_size) == GCM_OK;
}

static bool set_one(struct gcm_context *context, const OSSL_PARAM *param)
{
    if (is(param, OSSL_CIPHER_PARAM_AEAD_TAG))
        return set_tag(context, param);
    if (is(param, OSSL_CIPHER_PARAM_AEAD_IVLEN))
        return set_iv_size(context, param);
    if (context->base.keyed != KEYED_BY_REFERENCE)
        return true;
    if (is(param, OSSL_CIPHER_PARAM_AEAD_TLS1_IV_FIXED))
        return param->data_type == OSSL_PARAM_OCTET_STRING &&
               gcm_fix_iv(context, param->data, param->data_size);
    if (is(param, OSSL_CIPHER_PARAM_AEAD_TLS1_SET_IV_INV))
        return param->data_type == OSSL_PARAM_OCTET_STRING && param->data != NULL &&
               gcm_set_invocation(context, param->data, param->data_size);
    return !is(param, OSSL_CIPHER_PARAM_AEAD_TLS1_AAD); /* TLS records are for raw keys */
}

int gcm_set_ctx_params(void *context_, const OSSL_PARAM params[])
{
    struct gcm_context *context = context_;
    const struct cipher_context *base = &context->base;

    if (params == NULL)
        return 1;
    if (base->keyed != KEYED_BY_REFERENCE &&
        !base->mode->software->set_ctx_params(base->software, params))
        return 0;
    if (base->keyed == KEYED_RAW)
        return 1;
    for (const OSSL_PARAM *param = params; param->key != NULL; param++) {
        if (!set_one(context, param))
            return error_raise_prov(&base->instance->errors, PROV_R_FAILED_TO_SET_PARAMETER,
                                    "AES-256-GCM: %s cannot be set so, or not with an HSM key",
                                    param->key);
    }
    return 1;
}
