/* MACs, contexts and data: see mac.h.  Keys: key.c; parameters: params.c. */
#include "mac/mac.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <stdlib.h>
#include <string.h>

#include "algorithm.h"
#include "mac/context.h"

static void take_software(struct mac_software *software, const OSSL_DISPATCH *from)
{
    switch (from->function_id) {
#define TAKE(number, name)                                                                         \
    case number:                                                                                   \
        software->name = OSSL_FUNC_mac_##name(from);                                               \
        break
        TAKE(OSSL_FUNC_MAC_NEWCTX, newctx);
        TAKE(OSSL_FUNC_MAC_DUPCTX, dupctx);
        TAKE(OSSL_FUNC_MAC_FREECTX, freectx);
        TAKE(OSSL_FUNC_MAC_INIT, init);
        TAKE(OSSL_FUNC_MAC_UPDATE, update);
        TAKE(OSSL_FUNC_MAC_FINAL, final);
        TAKE(OSSL_FUNC_MAC_GET_CTX_PARAMS, get_ctx_params);
        TAKE(OSSL_FUNC_MAC_SET_CTX_PARAMS, set_ctx_params);
        TAKE(OSSL_FUNC_MAC_GETTABLE_CTX_PARAMS, gettable_ctx_params);
        TAKE(OSSL_FUNC_MAC_SETTABLE_CTX_PARAMS, settable_ctx_params);
#undef TAKE
    default:
        break;
    }
}

/* Our function for one of the default provider's; NULL: there is none. */
static const OSSL_DISPATCH *own_row(const struct mac_type *type, const OSSL_DISPATCH *theirs)
{
    for (const OSSL_DISPATCH *row = type->own; row->function_id != 0; row++) {
        if (row->function_id == theirs->function_id)
            return row;
    }
    /* These know no context. */
    if (theirs->function_id == OSSL_FUNC_MAC_GET_PARAMS ||
        theirs->function_id == OSSL_FUNC_MAC_GETTABLE_PARAMS)
        return theirs;
    return NULL; /* of later versions; what works on a context does not know ours */
}

/*
 * What the default provider does not have is not offered: EVP tells by that what to ask.  EVP_SKEYs
 * are ours alone: that of 3.5 takes none.
 */
static void fill(const struct mac_type *type, const OSSL_DISPATCH *from)
{
    static const OSSL_DISPATCH skey = { SKEY_MAC_INIT, NULL };
    size_t n = 0;

    for (; from->function_id != 0 && n < MAC_ROWS - 2; from++) {
        const OSSL_DISPATCH *row = own_row(type, from);

        take_software(type->software, from);
        if (row != NULL && row->function_id != SKEY_MAC_INIT)
            type->dispatch[n++] = *row;
    }
    type->dispatch[n++] = *own_row(type, &skey);
    type->dispatch[n] = (OSSL_DISPATCH){ 0, NULL };
}

static bool is_complete(const struct mac_software *software)
{
    return software->newctx != NULL && software->dupctx != NULL && software->freectx != NULL &&
           software->init != NULL && software->update != NULL && software->final != NULL &&
           software->set_ctx_params != NULL && software->settable_ctx_params != NULL;
}

const OSSL_DISPATCH *mac_dispatch(const char *names, const OSSL_DISPATCH *software)
{
    static const struct mac_type *const types[] = { &mac_cmac, &mac_gmac, &mac_hmac };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (!algorithm_is(names, types[i]->name))
            continue;
        if (!is_complete(types[i]->software))
            fill(types[i], software);
        return is_complete(types[i]->software) ? types[i]->dispatch : NULL;
    }
    return NULL;
}

void *mac_new(const struct mac_type *type, void *provctx)
{
    struct mac_context *context = calloc(1, sizeof(*context));

    if (context == NULL)
        return instance_raise_memory();
    context->type = type;
    context->instance = instance_find(provctx);
    context->software = type->software->newctx(provctx);
    if (context->instance != NULL && context->software != NULL) {
        mac_data_new(&context->data, type->work,
                     type->as_cipher ? context->instance->config.gcm.buffer : MAC_KEPT);
        return context;
    }
    mac_free(context);
    return NULL;
}

void mac_free(void *context_)
{
    struct mac_context *context = context_;

    if (context == NULL)
        return;
    if (context->software != NULL)
        context->type->software->freectx(context->software);
    mac_data_free(&context->data);
    instance_free(context->instance);
    free(context->algorithm);
    free(context->properties);
    free(context);
}

static bool copy_text(char **to, const char *from)
{
    *to = from != NULL ? strdup(from) : NULL;
    return from == NULL || *to != NULL;
}

/*
 * The default provider does not copy a context that never had a key; a new one that is told the
 * same is as good, should a raw key follow.
 */
static void *copy_software(const struct mac_context *context)
{
    const struct mac_software *software = context->type->software;
    OSSL_PARAM params[4], *param = params;
    void *copy;

    if (context->keyed != MAC_KEYED_BY_REFERENCE)
        return software->dupctx(context->software);
    if (context->algorithm != NULL)
        *param++ =
            OSSL_PARAM_construct_utf8_string(context->type->algorithm, context->algorithm, 0);
    if (context->properties != NULL)
        *param++ =
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_PROPERTIES, context->properties, 0);
    if (context->data.iv_size > 0)
        *param++ = OSSL_PARAM_construct_octet_string(
            OSSL_MAC_PARAM_IV, (void *)(uintptr_t)context->data.iv, context->data.iv_size);
    *param = OSSL_PARAM_construct_end();
    copy = software->newctx(context->instance->provctx);
    if (copy == NULL || software->set_ctx_params(copy, params))
        return copy;
    software->freectx(copy);
    return NULL;
}

void *mac_dup(void *context_)
{
    const struct mac_context *context = context_;
    struct mac_context *copy = calloc(1, sizeof(*copy));
    struct failure why;

    if (copy == NULL)
        return instance_raise_memory();
    copy->type = context->type;
    copy->keyed = context->keyed;
    copy->tls = context->tls;
    copy->instance = instance_ref(context->instance);
    copy->software = copy_software(context);
    if (copy->software != NULL && copy_text(&copy->algorithm, context->algorithm) &&
        copy_text(&copy->properties, context->properties)) {
        if (mac_data_copy(&copy->data, &context->data, &why))
            return copy;
    } else {
        failure_memory(&why);
    }
    error_raise(&context->instance->errors, &why);
    mac_free(copy);
    return NULL;
}

void mac_drop_key(struct mac_context *context)
{
    mac_data_drop_key(&context->data);
    context->keyed = MAC_KEYED_NOT;
}

static int no_key(const struct mac_context *context)
{
    return error_raise_prov(&context->instance->errors, PROV_R_NO_KEY_SET, "%s",
                            context->type->name);
}

int mac_update(void *context_, const unsigned char *in, size_t size)
{
    struct mac_context *context = context_;
    struct failure why;

    if (context->keyed == MAC_KEYED_RAW)
        return context->type->software->update(context->software, in, size);
    if (size == 0 && context->type->as_cipher)
        return 1;
    if (context->keyed == MAC_KEYED_NOT)
        return no_key(context);
    return context->type->work->update(&context->data, in, size, &why) ||
           error_raise(&context->instance->errors, &why);
}

/* An IV that served with a raw key does not serve a key of the HSM that follows. */
static int raw_final(struct mac_context *context, unsigned char *out, size_t *written, size_t room)
{
    if (!context->type->software->final(context->software, out, written, room))
        return 0;
    if (context->type->as_cipher)
        context->data.state = MAC_FINISHED;
    return 1;
}

int mac_final(void *context_, unsigned char *out, size_t *written, size_t room)
{
    struct mac_context *context = context_;
    struct failure why;
    size_t size;

    *written = 0; /* EVP hands it on also when this fails */
    if (context->keyed == MAC_KEYED_RAW)
        return raw_final(context, out, written, room);
    if (context->keyed == MAC_KEYED_NOT)
        return no_key(context);
    size = context->type->work->size(&context->data);
    if (room < size)
        return error_raise_prov(&context->instance->errors, PROV_R_OUTPUT_BUFFER_TOO_SMALL, "%s",
                                context->type->name);
    if (!context->type->work->final(&context->data, out, &why))
        return error_raise(&context->instance->errors, &why);
    *written = size;
    return 1;
}
