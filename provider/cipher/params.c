/*
 * AES-256 ciphers: parameters of a context (provider-cipher(7), "Parameters").  What can be asked
 * and set is the default provider's table; for a context with an HSM key we answer ourselves.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <string.h>
#include <strings.h>

#include "cipher/context.h"

static bool set_bytes(OSSL_PARAM *param, const unsigned char *bytes, size_t size)
{
    return param->data_type == OSSL_PARAM_OCTET_PTR
               ? OSSL_PARAM_set_octet_ptr(param, bytes, size)
               : OSSL_PARAM_set_octet_string(param, bytes, size);
}

/* In the order of enum machine_stealing. */
static const char *const stealing_names[] = { OSSL_CIPHER_CTS_MODE_CS1, OSSL_CIPHER_CTS_MODE_CS2,
                                              OSSL_CIPHER_CTS_MODE_CS3 };

static bool get_one(const struct cipher_context *context, OSSL_PARAM *param)
{
    const struct machine *machine = &context->machine;
    const size_t iv_size = context->mode->iv_size;

    if (strcmp(param->key, OSSL_CIPHER_PARAM_KEYLEN) == 0)
        return OSSL_PARAM_set_size_t(param, 32);
    if (strcmp(param->key, OSSL_CIPHER_PARAM_IVLEN) == 0)
        return OSSL_PARAM_set_size_t(param, iv_size);
    if (strcmp(param->key, OSSL_CIPHER_PARAM_PADDING) == 0)
        return OSSL_PARAM_set_uint(param, machine->padding);
    if (strcmp(param->key, OSSL_CIPHER_PARAM_NUM) == 0)
        return OSSL_PARAM_set_uint(param, machine->num);
    if (strcmp(param->key, OSSL_CIPHER_PARAM_IV) == 0)
        return set_bytes(param, machine->original_iv, iv_size);
    if (strcmp(param->key, OSSL_CIPHER_PARAM_UPDATED_IV) == 0)
        return set_bytes(param, machine->iv, iv_size);
    if (strcmp(param->key, OSSL_CIPHER_PARAM_CTS_MODE) == 0 && machine->kind == MACHINE_CTS)
        return OSSL_PARAM_set_utf8_string(param, stealing_names[machine->stealing]);
    if (strcmp(param->key, OSSL_CIPHER_PARAM_TLS_MAC) == 0)
        return set_bytes(param, NULL, 0);
    return true; /* unknown parameters are left alone: OSSL_PARAM(3) */
}

int cipher_get_ctx_params(void *context_, OSSL_PARAM params[])
{
    const struct cipher_context *context = context_;

    if (context->keyed != KEYED_BY_REFERENCE)
        return context->mode->software->get_ctx_params(context->software, params);
    for (OSSL_PARAM *param = params; param != NULL && param->key != NULL; param++) {
        if (!get_one(context, param))
            return error_raise_prov(&context->instance->errors, PROV_R_FAILED_TO_SET_PARAMETER,
                                    "%s: %s", context->mode->name, param->key);
    }
    return 1;
}

/* Key wrap takes no parameter but the size of its key, which the default provider has checked. */
static bool takes_parameters(const struct cipher_context *context)
{
    return context->machine.kind != MACHINE_WRAP && context->machine.kind != MACHINE_WRAP_PAD;
}

/* The default provider has seen that it is one of the names, in letters of any size. */
static void set_stealing(struct machine *machine, const OSSL_PARAM *param)
{
    const char *name;

    for (unsigned int i = 0; OSSL_PARAM_get_utf8_string_ptr(param, &name) && i < 3; i++) {
        if (strcasecmp(name, stealing_names[i]) == 0)
            machine->stealing = (enum machine_stealing)i;
    }
}

static int set_one(struct cipher_context *context, const OSSL_PARAM *param)
{
    struct machine *machine = &context->machine;
    const struct errors *errors = &context->instance->errors;
    unsigned int value;

    if (strcmp(param->key, OSSL_CIPHER_PARAM_CTS_MODE) == 0)
        set_stealing(machine, param);
    if (strcmp(param->key, OSSL_CIPHER_PARAM_PADDING) != 0 &&
        strcmp(param->key, OSSL_CIPHER_PARAM_NUM) != 0 &&
        strcmp(param->key, OSSL_CIPHER_PARAM_USE_BITS) != 0 &&
        strcmp(param->key, OSSL_CIPHER_PARAM_TLS_VERSION) != 0)
        return 1;
    if (!OSSL_PARAM_get_uint(param, &value))
        return error_raise_prov(errors, PROV_R_FAILED_TO_GET_PARAMETER, "%s: %s",
                                context->mode->name, param->key);
    if (strcmp(param->key, OSSL_CIPHER_PARAM_PADDING) == 0)
        machine->padding = value != 0;
    else if (strcmp(param->key, OSSL_CIPHER_PARAM_USE_BITS) == 0)
        machine->bits = value != 0;
    else if (strcmp(param->key, OSSL_CIPHER_PARAM_TLS_VERSION) == 0)
        context->tls = value != 0;
    else if (context->keyed == KEYED_BY_REFERENCE &&
             machine_set_num(machine, value) != MACHINE_DONE)
        return error_raise_prov(errors, PROV_R_FAILED_TO_SET_PARAMETER,
                                "%s: num cannot be set to %u", context->mode->name, value);
    return 1;
}

int cipher_set_ctx_params(void *context_, const OSSL_PARAM params[])
{
    struct cipher_context *context = context_;

    /* Both are kept in step, so that a later key of the other kind finds them set. */
    if (params != NULL && !context->mode->software->set_ctx_params(context->software, params))
        return 0;
    for (const OSSL_PARAM *param = params; param != NULL && param->key != NULL; param++) {
        if (takes_parameters(context) && !set_one(context, param))
            return 0;
    }
    return 1;
}
