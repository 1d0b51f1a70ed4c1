/*
 * A MAC context's parameters.  The default provider's context gets all of them but references, so
 * that it refuses what it refuses always, and a raw key that comes later finds them set.
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <stdlib.h>
#include <string.h>

#include "mac/context.h"

/* The value of `name` as a string of our own; NULL where it is not there. */
static bool copy_text(char **to, const OSSL_PARAM params[], const char *name)
{
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, name);
    const char *value = NULL;

    *to = NULL;
    if (param == NULL)
        return true;
    if (!OSSL_PARAM_get_utf8_string_ptr(param, &value) || value == NULL)
        return false;
    /* A string parameter need not end with NUL. */
    *to = param->data_type == OSSL_PARAM_UTF8_STRING ? strndup(value, param->data_size)
                                                     : strdup(value);
    return *to != NULL;
}

/* A cipher that is named begins all anew: key and IV are gone. */
static void forget(struct mac_context *context)
{
    if (context->keyed == MAC_KEYED_BY_REFERENCE)
        mac_drop_key(context);
    mac_data_iv(&context->data, NULL, 0);
}

/* Properties count for the digest or cipher that they come with. */
static bool note_algorithm(struct mac_context *context, const OSSL_PARAM params[])
{
    char *algorithm, *properties;

    if (OSSL_PARAM_locate_const(params, context->type->algorithm) == NULL)
        return true;
    if (!copy_text(&algorithm, params, context->type->algorithm))
        return false;
    if (!copy_text(&properties, params, OSSL_MAC_PARAM_PROPERTIES)) {
        free(algorithm);
        return false;
    }
    free(context->algorithm);
    free(context->properties);
    context->algorithm = algorithm;
    context->properties = properties;
    return true;
}

/* The default provider's context has taken it, or not: it knows which lengths there are. */
static bool note_iv(struct mac_context *context, const OSSL_PARAM params[])
{
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, OSSL_MAC_PARAM_IV);

    if (param == NULL || !context->type->as_cipher)
        return true;
    if (param->data_type != OSSL_PARAM_OCTET_STRING || param->data_size > MAC_IV_MOST)
        return false;
    mac_data_iv(&context->data, param->data, param->data != NULL ? param->data_size : 0);
    return true;
}

static bool note_tls(struct mac_context *context, const OSSL_PARAM params[])
{
    const OSSL_PARAM *param = OSSL_PARAM_locate_const(params, OSSL_MAC_PARAM_TLS_DATA_SIZE);
    size_t size = 0;

    if (param != NULL && !OSSL_PARAM_get_size_t(param, &size))
        return false;
    if (param != NULL)
        context->tls = size > 0;
    return true;
}

/* A cipher counts even where what came with it is refused. */
static bool take_cipher(struct mac_context *context, const OSSL_PARAM params[])
{
    const OSSL_PARAM *cipher = OSSL_PARAM_locate_const(params, context->type->algorithm);
    const OSSL_PARAM *properties = OSSL_PARAM_locate_const(params, OSSL_MAC_PARAM_PROPERTIES);
    const OSSL_PARAM end = OSSL_PARAM_construct_end();

    if (!context->type->as_cipher || cipher == NULL)
        return true;
    if (!context->type->software->set_ctx_params(
            context->software,
            (OSSL_PARAM[]){ *cipher, properties != NULL ? *properties : end, end }))
        return false;
    forget(context);
    return true;
}

int mac_set_params(struct mac_context *context, const OSSL_PARAM params[])
{
    const struct errors *errors = &context->instance->errors;
    struct failure why;

    if (params == NULL)
        return 1;
    if (!take_cipher(context, params) ||
        !context->type->software->set_ctx_params(context->software, params))
        return 0;
    if (!note_algorithm(context, params) || !note_iv(context, params) || !note_tls(context, params))
        return error_raise_prov(errors, PROV_R_FAILED_TO_SET_PARAMETER, "%s", context->type->name);
    if (!context->tls || context->keyed != MAC_KEYED_BY_REFERENCE)
        return 1;
    mac_drop_key(context);
    failure_set(&why, FAILURE_NOT_OFFERED,
                "%s: TLS records are not offered with an HSM key; they need a raw key",
                context->type->name);
    return error_raise(errors, &why);
}

/*
 * HMAC's is that of the digest that was named last, even where it counts for the next key only: the
 * default provider's context knows.  CMAC's knows no cipher without a key.
 */
static size_t block_size(const struct mac_context *context)
{
    size_t size = HSM_BLOCK;
    OSSL_PARAM params[] = { OSSL_PARAM_size_t(OSSL_MAC_PARAM_BLOCK_SIZE, &size), OSSL_PARAM_END };

    if (context->type->own_block_size)
        (void)context->type->software->get_ctx_params(context->software, params);
    return size;
}

int mac_get_ctx_params(void *context_, OSSL_PARAM params[])
{
    const struct mac_context *context = context_;
    OSSL_PARAM *size, *block;

    if (context->keyed != MAC_KEYED_BY_REFERENCE)
        return context->type->software->get_ctx_params(context->software, params);
    size = OSSL_PARAM_locate(params, OSSL_MAC_PARAM_SIZE);
    block = OSSL_PARAM_locate(params, OSSL_MAC_PARAM_BLOCK_SIZE);
    if ((size == NULL || OSSL_PARAM_set_size_t(size, context->type->work->size(&context->data))) &&
        (block == NULL || OSSL_PARAM_set_size_t(block, block_size(context))))
        return 1;
    return error_raise_prov(&context->instance->errors, PROV_R_FAILED_TO_SET_PARAMETER, "%s",
                            context->type->name);
}
