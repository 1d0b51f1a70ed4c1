/* AES-256 ciphers: EVP_CipherInit, and where a key leads (the HSM, software, nowhere). */
#include <openssl/core_names.h>
#include <openssl/proverr.h>

#include "cipher/context.h"
#include "reference.h"

/* A macro, so that the error names the function where it came up. */
#define fail(context, why) error_raise(&(context)->instance->errors, why)

void cipher_drop_key(struct cipher_context *context)
{
    hsm_key_free(context->key);
    context->key = NULL;
    context->keyed = KEYED_NOT;
}

int cipher_software_init(struct cipher_context *context, bool encrypt, const unsigned char *key,
                         size_t key_size, const unsigned char *iv, size_t iv_size)
{
    const struct cipher_software *software = context->mode->software;

    return encrypt ? software->encrypt_init(context->software, key, key_size, iv, iv_size, NULL)
                   : software->decrypt_init(context->software, key, key_size, iv, iv_size, NULL);
}

/*
 * Raw keys are for software, if the configuration wants any; and always for the default provider's
 * own algorithms (a random generator, say), and for a module that computes through OpenSSL and is
 * at work for us in this very thread.
 */
static bool may_use_raw_key(const struct cipher_context *context, struct failure *why)
{
    const struct config *config = &context->instance->config;

    if (context->inner || hsm_inside_module())
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

static bool use_raw_key(struct cipher_context *context)
{
    struct failure why;
    const bool may = may_use_raw_key(context, &why);

    cipher_drop_key(context);
    if (!may) {
        if (!context->instance->config.wrong)
            hsm_report_refused(context->instance->keyring.hsm, NULL, &why);
        return fail(context, &why) != 0;
    }
    context->keyed = KEYED_RAW;
    return true;
}

static bool use_reference(struct cipher_context *context, const unsigned char *bytes, size_t size)
{
    struct failure why;
    struct hsm_key *key = NULL;

    if (context->instance->config.wrong)
        why = context->instance->config.why;
    else
        key = keyring_get(&context->instance->keyring, HSM_AES, bytes, size, &why);
    cipher_drop_key(context);
    if (key == NULL)
        return fail(context, &why) != 0;
    context->key = key;
    context->keyed = KEYED_BY_REFERENCE;
    return true;
}

bool cipher_take_key(struct cipher_context *context, const unsigned char *key, size_t size)
{
    return reference_has_prefix(key, size) ? use_reference(context, key, size)
                                           : use_raw_key(context);
}

/*
 * The IV of a context whose key is now of the other kind: software has not seen the one that a
 * context with an HSM key was given; and with a raw key it has moved on in software, out of our
 * sight, if it does that at all.
 */
static void bridge_iv(struct cipher_context *context, bool was_raw, const unsigned char **iv,
                      size_t *iv_size)
{
    const bool is_raw = context->keyed == KEYED_RAW;

    if (*iv != NULL || is_raw == was_raw)
        return;
    if (was_raw) {
        context->machine.iv_set = context->machine.iv_set && machine_iv_stays(&context->machine);
    } else if (context->machine.iv_set) {
        *iv = context->machine.iv;
        *iv_size = context->mode->iv_size;
    }
}

static int check_iv(const struct cipher_context *context, size_t iv_size)
{
    if (context->mode->iv_size == 0 || iv_size == context->mode->iv_size)
        return 1;
    return error_raise_prov(&context->instance->errors, PROV_R_INVALID_IV_LENGTH,
                            "%s: the IV has %zu bytes instead of %zu", context->mode->name, iv_size,
                            context->mode->iv_size);
}

/* Whether the key may do what the program and the mode want of it. */
static bool key_may(const struct cipher_context *context, bool encrypt, struct failure *why)
{
    switch (context->mode->function) {
    case CIPHER_INVERSE:
        return hsm_key_may(context->key, !encrypt, why);
    case CIPHER_ENCRYPTING:
        if (!hsm_key_may(context->key, encrypt, why))
            return false;
        if (encrypt || hsm_key_may(context->key, true, why))
            return true;
        failure_prefix(why, "%s decrypts by encrypting in the HSM", context->mode->name);
        return false;
    case CIPHER_FORWARD:
    default:
        return hsm_key_may(context->key, encrypt, why);
    }
}

static int init(struct cipher_context *context, bool encrypt, const unsigned char *key,
                size_t key_size, const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    const bool was_raw = context->keyed == KEYED_RAW;
    struct failure why;

    if (key != NULL && !cipher_take_key(context, key, key_size))
        return 0;
    if (key != NULL)
        bridge_iv(context, was_raw, &iv, &iv_size);
    if (iv != NULL && !check_iv(context, iv_size))
        return 0;
    if (context->keyed == KEYED_BY_REFERENCE && !key_may(context, encrypt, &why))
        return fail(context, &why);
    machine_init(&context->machine, encrypt, iv);
    /* No parameters here: they go to both contexts below. */
    if (context->keyed != KEYED_BY_REFERENCE &&
        !cipher_software_init(context, encrypt, key, key_size, iv, iv_size)) {
        cipher_drop_key(context);
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
