/* AES-256 ciphers: EVP_CipherInit, and where a key leads (the HSM, software, nowhere). */
#include <openssl/core_names.h>
#include <openssl/proverr.h>

#include "cipher/context.h"
#include "reference.h"

/* A macro, so that the error names the function where it came up. */
#define fail(context, why) error_raise(&(context)->instance->errors, why)

/* A key that was set before is not used any more, whatever comes of the new one. */
static void drop_key(struct cipher_context *context)
{
    hsm_key_free(context->key);
    context->key = NULL;
    context->keyed = KEYED_NOT;
}

static int software_init(struct cipher_context *context, bool encrypt, const unsigned char *key,
                         size_t key_size, const unsigned char *iv, size_t iv_size)
{
    const struct cipher_software *software = context->mode->software;

    return encrypt ? software->encrypt_init(context->software, key, key_size, iv, iv_size, NULL)
                   : software->decrypt_init(context->software, key, key_size, iv, iv_size, NULL);
}

/*
 * Raw keys are for software, if the configuration wants any; and always for a module that computes
 * through OpenSSL and is at work for us in this very thread.
 */
static bool may_use_raw_key(const struct cipher_context *context, struct failure *why)
{
    const struct config *config = &context->instance->config;

    if (hsm_inside_module())
        return true;
    if (config->wrong) {
        *why = config->why;
        return false;
    }
    return config->raw_keys ||
           failure_set(why, FAILURE_RAW_KEY,
                       "%s was given a raw key, and raw-keys = refuse: give a key reference "
                       "(hsmzke:NAME padded with NUL to 32 bytes), or set raw-keys = software",
                       context->mode->name);
}

static int use_raw_key(struct cipher_context *context, const unsigned char **iv, size_t *iv_size)
{
    struct failure why;

    if (!may_use_raw_key(context, &why)) {
        drop_key(context);
        return fail(context, &why);
    }
    /* The software context has not seen the IV that a context with an HSM key was given. */
    if (context->keyed == KEYED_BY_REFERENCE && *iv == NULL && context->machine.iv_set) {
        *iv = context->machine.iv;
        *iv_size = context->mode->iv_size;
    }
    drop_key(context);
    context->keyed = KEYED_RAW;
    return 1;
}

static int use_reference(struct cipher_context *context, const unsigned char *bytes, size_t size)
{
    struct failure why;
    struct hsm_key *key = NULL;

    if (context->instance->config.wrong)
        why = context->instance->config.why;
    else
        key = keyring_get(&context->instance->keyring, bytes, size, &why);
    /* With raw data the IV has moved on in software, out of our sight. */
    if (context->keyed == KEYED_RAW)
        context->machine.iv_set = false;
    drop_key(context);
    if (key == NULL)
        return fail(context, &why);
    context->key = key;
    context->keyed = KEYED_BY_REFERENCE;
    return 1;
}

static int check_iv(const struct cipher_context *context, size_t iv_size)
{
    if (context->mode->iv_size == 0 || iv_size == context->mode->iv_size)
        return 1;
    return error_raise_prov(&context->instance->errors, PROV_R_INVALID_IV_LENGTH,
                            "%s: the IV has %zu bytes instead of %zu", context->mode->name, iv_size,
                            context->mode->iv_size);
}

static int init(struct cipher_context *context, bool encrypt, const unsigned char *key,
                size_t key_size, const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    struct failure why;

    if (key != NULL && reference_has_prefix(key, key_size)) {
        if (!use_reference(context, key, key_size))
            return 0;
    } else if (key != NULL && !use_raw_key(context, &iv, &iv_size)) {
        return 0;
    }
    if (iv != NULL && !check_iv(context, iv_size))
        return 0;
    if (context->keyed == KEYED_BY_REFERENCE && !hsm_key_may(context->key, encrypt, &why))
        return fail(context, &why);
    machine_init(&context->machine, encrypt, iv);
    /* No parameters here: they go to both contexts below. */
    if (context->keyed != KEYED_BY_REFERENCE &&
        !software_init(context, encrypt, key, key_size, iv, iv_size)) {
        drop_key(context);
        return 0;
    }
    return cipher_set_ctx_params(context, params);
}

int cipher_encrypt_init(void *context, const unsigned char *key, size_t key_size,
                        const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    return init(context, true, key, key_size, iv, iv_size, params);
}

int cipher_decrypt_init(void *context, const unsigned char *key, size_t key_size,
                        const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    return init(context, false, key, key_size, iv, iv_size, params);
}
