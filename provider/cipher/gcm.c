/*
 * AES-256-GCM (NIST SP 800-38D): contexts, init and data.  See gcm.h; what happens is in the state
 * machine, gcm-machine.h.
 */
#include "cipher/gcm.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <stdlib.h>
#include <string.h>

static void *gcm_newctx(const struct cipher_mode *mode, void *provctx, bool inner);
static OSSL_FUNC_cipher_freectx_fn gcm_freectx;
static OSSL_FUNC_cipher_dupctx_fn gcm_dupctx;
static OSSL_FUNC_cipher_encrypt_init_fn gcm_encrypt_init;
static OSSL_FUNC_cipher_decrypt_init_fn gcm_decrypt_init;
static skey_cipher_init_fn gcm_encrypt_skey_init, gcm_decrypt_skey_init;
static OSSL_FUNC_cipher_update_fn gcm_update;
static OSSL_FUNC_cipher_final_fn gcm_final;
static OSSL_FUNC_cipher_cipher_fn gcm_cipher;

CIPHER_MODE(cipher_gcm, gcm);

const struct cipher_mode cipher_gcm = {
    .name = "AES-256-GCM",
    .iv_size = GCM_IV_USUAL,
    .software = &cipher_gcm_software,
    .dispatch = cipher_gcm_dispatch,
    .inner = cipher_gcm_inner,
};

static void *gcm_newctx(const struct cipher_mode *mode, void *provctx, bool inner)
{
    struct gcm_context *context = calloc(1, sizeof(*context));

    if (context == NULL)
        return instance_raise_memory();
    if (!cipher_open(&context->base, mode, provctx, inner)) {
        free(context);
        return NULL;
    }
    gcm_new(&context->machine, &context->base.instance->config.gcm);
    return context;
}

static void gcm_freectx(void *context_)
{
    struct gcm_context *context = context_;
    struct gcm_engine engine;
    struct gcm_call call;

    if (context == NULL)
        return;
    engine = gcm_hsm_engine(&call, context);
    gcm_free(&context->machine, &engine);
    cipher_close(&context->base);
    free(context);
}

static void *gcm_dupctx(void *context_)
{
    const struct gcm_context *context = context_;
    struct gcm_context *copy = malloc(sizeof(*copy));
    enum gcm_result result;

    if (copy == NULL || !cipher_copy(&copy->base, &context->base)) {
        free(copy);
        return NULL;
    }
    copy->iv_generator = context->iv_generator;
    memcpy(copy->next_iv, context->next_iv, sizeof(copy->next_iv));
    result = gcm_copy(&copy->machine, &context->machine);
    if (result == GCM_OK)
        return copy;
    gcm_answer(context, result, NULL);
    cipher_close(&copy->base);
    free(copy);
    return NULL;
}

/* A raw key goes on: programs do this for each message, and it is to cost them next to nothing. */
static bool raw_goes_on(const struct gcm_context *context, const unsigned char *key,
                        const unsigned char *iv, size_t iv_size)
{
    return key == NULL && context->base.keyed == KEYED_RAW &&
           (iv == NULL || (iv_size > 0 && iv_size <= GCM_IV_MOST));
}

static int init_raw_again(struct gcm_context *context, bool encrypt, const unsigned char *iv,
                          size_t iv_size, const OSSL_PARAM params[])
{
    struct cipher_context *base = &context->base;
    const struct cipher_software *software = base->mode->software;

    gcm_note(&context->machine, encrypt, iv, iv_size);
    if (encrypt ? software->encrypt_init(base->software, NULL, 0, iv, iv_size, NULL)
                : software->decrypt_init(base->software, NULL, 0, iv, iv_size, NULL))
        return params == NULL || gcm_set_ctx_params(context, params);
    cipher_drop_key(base);
    return 0;
}

static bool set_software_iv_size(const struct cipher_context *base, size_t size)
{
    const OSSL_PARAM params[] = {
        OSSL_PARAM_size_t(OSSL_CIPHER_PARAM_AEAD_IVLEN, &size),
        OSSL_PARAM_END,
    };

    return base->mode->software->set_ctx_params(base->software, params) != 0;
}

/*
 * The IV of a context that had an HSM key, to software, which has not seen it.  One that has served
 * is void there as well: that is what another length makes of an IV.
 */
static bool hand_iv_over(struct gcm_context *context, bool encrypt)
{
    const struct gcm_machine *machine = &context->machine;
    const struct cipher_given no_key = { 0 };

    if (machine->state != GCM_READY && machine->state != GCM_SPENT)
        return true;
    if (!cipher_software_init(&context->base, encrypt, &no_key, machine->iv, machine->iv_size))
        return false;
    return machine->state == GCM_READY ||
           (set_software_iv_size(&context->base, machine->iv_size == 1 ? 2 : 1) &&
            set_software_iv_size(&context->base, machine->iv_size));
}

static int init(struct gcm_context *context, bool encrypt, const struct cipher_given *given,
                const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    struct cipher_context *base = &context->base;
    const bool was_ours = base->keyed == KEYED_BY_REFERENCE, is_given = cipher_is_given(given);
    struct gcm_engine engine;
    struct gcm_call call;
    struct failure why;

    if (iv != NULL && (iv_size == 0 || iv_size > GCM_IV_MOST))
        return gcm_answer(context, GCM_IV_LENGTH, NULL);
    engine = gcm_hsm_engine(&call, context);
    if (is_given && !cipher_take_key(base, given)) {
        gcm_lose_key(&context->machine, &engine);
        return 0;
    }
    if (base->keyed == KEYED_BY_REFERENCE && !hsm_key_may(base->key, encrypt, &why)) {
        cipher_drop_key(base); /* else data would go in the direction of before */
        gcm_lose_key(&context->machine, &engine);
        return error_raise(&base->instance->errors, &why);
    }
    gcm_init(&context->machine, &engine, encrypt, is_given, iv, iv_size);
    if (iv != NULL &&
        OPENSSL_version_major() >= 4) /* before, it once generated, is told for good */
        context->machine.iv_generated = false;
    if (base->keyed != KEYED_BY_REFERENCE &&
        (!cipher_software_init(base, encrypt, given, iv, iv_size) ||
         (was_ours && iv == NULL && !hand_iv_over(context, encrypt)))) {
        cipher_drop_key(base);
        return 0;
    }
    return gcm_set_ctx_params(context, params);
}

static int gcm_encrypt_init(void *context, const unsigned char *key, size_t key_size,
                            const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    if (raw_goes_on(context, key, iv, iv_size))
        return init_raw_again(context, true, iv, iv_size, params);
    return init(context, true, &(struct cipher_given){ key, key_size, NULL }, iv, iv_size, params);
}

static int gcm_decrypt_init(void *context, const unsigned char *key, size_t key_size,
                            const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    if (raw_goes_on(context, key, iv, iv_size))
        return init_raw_again(context, false, iv, iv_size, params);
    return init(context, false, &(struct cipher_given){ key, key_size, NULL }, iv, iv_size, params);
}

static int skey_init(struct gcm_context *context, bool encrypt, void *keydata,
                     const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    struct cipher_given given;
    struct gcm_engine engine;
    struct gcm_call call;

    if (cipher_given_skey(&context->base, keydata, &given))
        return init(context, encrypt, &given, iv, iv_size, params);
    engine = gcm_hsm_engine(&call, context);
    cipher_drop_key(&context->base);
    gcm_lose_key(&context->machine, &engine);
    return 0;
}

static int gcm_encrypt_skey_init(void *context, void *keydata, const unsigned char *iv,
                                 size_t iv_size, const OSSL_PARAM params[])
{
    return skey_init(context, true, keydata, iv, iv_size, params);
}

static int gcm_decrypt_skey_init(void *context, void *keydata, const unsigned char *iv,
                                 size_t iv_size, const OSSL_PARAM params[])
{
    return skey_init(context, false, keydata, iv, iv_size, params);
}

/* The IV of keys' identities would show the first bytes of a message to whoever knows the identity.
 */
static bool is_ready(const struct gcm_context *context)
{
    const struct gcm_machine *machine = &context->machine;
    struct failure why;

    if (!cipher_is_ready(&context->base))
        return false;
    if (!machine->iv_set || !hsm_iv_is_reserved(machine->iv, machine->iv_size))
        return true;
    failure_set(&why, FAILURE_NOT_OFFERED,
                "AES-256-GCM: the IV 'hsmzke-id-v1' is reserved for keys' identities; set another");
    return error_raise(&context->base.instance->errors, &why) != 0;
}

/* AAD has no output: EVP_EncryptInit(3), "AEAD interface". */
static int take(struct gcm_context *context, unsigned char *out, size_t *written, size_t room,
                const unsigned char *in, size_t size)
{
    struct gcm_call call;
    const struct gcm_engine engine = gcm_hsm_engine(&call, context);
    enum gcm_result result;

    *written = 0;
    if (out != NULL && room < size)
        return error_raise_prov(&context->base.instance->errors, PROV_R_OUTPUT_BUFFER_TOO_SMALL,
                                "AES-256-GCM");
    result = out == NULL ? gcm_aad(&context->machine, &engine, in, size)
                         : gcm_data(&context->machine, &engine, in, out, size);
    if (result == GCM_OK)
        *written = size;
    return gcm_answer(context, result, &call.why);
}

static int take_if_ready(struct gcm_context *context, unsigned char *out, size_t *written,
                         size_t room, const unsigned char *in, size_t size)
{
    return (is_ready(context) && take(context, out, written, room, in, size)) ||
           cipher_nothing_given(out, size < room ? size : room, in, size);
}

static int end(struct gcm_context *context)
{
    struct gcm_call call;
    const struct gcm_engine engine = gcm_hsm_engine(&call, context);

    return gcm_answer(context, gcm_end(&context->machine, &engine), &call.why);
}

static int gcm_update(void *context_, unsigned char *out, size_t *written, size_t room,
                      const unsigned char *in, size_t size)
{
    struct gcm_context *context = context_;
    struct cipher_context *base = &context->base;

    if (base->keyed == KEYED_RAW)
        return base->mode->software->update(base->software, out, written, room, in, size);
    *written = 0;
    if (size == 0) /* in every state */
        return 1;
    return take_if_ready(context, out, written, room, in, size);
}

static int gcm_final(void *context_, unsigned char *out, size_t *written, size_t room)
{
    struct gcm_context *context = context_;
    struct cipher_context *base = &context->base;

    if (base->keyed == KEYED_RAW)
        return base->mode->software->final(base->software, out, written, room);
    *written = 0;
    return is_ready(context) && end(context);
}

/* Without input it is the end of the message, as in EVP_Cipher(). */
static int gcm_cipher(void *context_, unsigned char *out, size_t *written, size_t room,
                      const unsigned char *in, size_t size)
{
    struct gcm_context *context = context_;
    struct cipher_context *base = &context->base;

    if (base->keyed == KEYED_RAW)
        return base->mode->software->cipher(base->software, out, written, room, in, size);
    *written = 0;
    if (in != NULL)
        return take_if_ready(context, out, written, room, in, size);
    return is_ready(context) && end(context);
}
