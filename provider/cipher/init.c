/* AES-256 ciphers: EVP_CipherInit, and where a key leads (the HSM, software, nowhere). */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <string.h>

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

int cipher_software_init(struct cipher_context *context, bool encrypt,
                         const struct cipher_given *given, const unsigned char *iv, size_t iv_size)
{
    const struct cipher_software *software = context->mode->software;
    void *const to = context->software;

    return encrypt ? software->encrypt_init(to, given->bytes, given->size, iv, iv_size, NULL)
                   : software->decrypt_init(to, given->bytes, given->size, iv, iv_size, NULL);
}

/*
 * Raw keys are for software, if the configuration wants any; and always for the default provider's
 * own algorithms (a random generator, say), and for a module that computes through OpenSSL and is
 * at work for us in this very thread.
 */
static bool may_use_raw_key(const struct cipher_context *context, struct failure *why)
{
    if (context->inner || hsm_inside_module())
        return true;
    if (!instance_usable(context->instance, why))
        return false;
    if (context->instance->config.raw_keys)
        return true;
    failure_set(why, FAILURE_RAW_KEY,
                "%s was given a raw key, or one made of a password, and raw-keys = refuse: give a "
                "key reference (hsmzke:NAME padded with NUL to 32 bytes), or set raw-keys = "
                "software",
                context->mode->name);
    hsm_report_refused(context->instance->keyring.hsm, NULL, why);
    return false;
}

static bool use_raw_key(struct cipher_context *context)
{
    struct failure why;
    const bool may = may_use_raw_key(context, &why);

    cipher_drop_key(context);
    if (!may)
        return fail(context, &why) != 0;
    context->keyed = KEYED_RAW;
    return true;
}

/* Takes `key` over; NULL: nothing was found, for the reason in `why`. */
static bool use_key(struct cipher_context *context, struct hsm_key *key, const struct failure *why)
{
    cipher_drop_key(context);
    if (key == NULL)
        return fail(context, why) != 0;
    context->key = key;
    context->keyed = KEYED_BY_REFERENCE;
    return true;
}

static bool use_reference(struct cipher_context *context, const unsigned char *bytes, size_t size)
{
    struct failure why;
    struct hsm_key *key = NULL;

    if (instance_usable(context->instance, &why))
        key = keyring_get(&context->instance->keyring, HSM_AES, bytes, size, &why);
    return use_key(context, key, &why);
}

bool cipher_given_skey(const struct cipher_context *context, void *keydata,
                       struct cipher_given *given)
{
    enum hsm_family family = HSM_AES;
    struct failure why;

    *given = (struct cipher_given){ .key = skey_key(keydata, &family) };
    if (keydata == NULL || (given->key != NULL && family == HSM_AES))
        return true;
    if (given->key != NULL)
        failure_set(&why, FAILURE_KEY_UNSUITABLE,
                    "%s was given an EVP_SKEY of the type GENERIC-SECRET; import the key as AES",
                    context->mode->name);
    else if (skey_bytes(keydata, &given->bytes, &given->size) && given->bytes != NULL)
        return true;
    else
        failure_set(&why, FAILURE_NOT_OFFERED,
                    "%s was given an EVP_SKEY without bytes that is no key of the HSM",
                    context->mode->name);
    return fail(context, &why) != 0;
}

bool cipher_is_given(const struct cipher_given *given)
{
    return given->bytes != NULL || given->key != NULL;
}

bool cipher_take_key(struct cipher_context *context, const struct cipher_given *given)
{
    if (given->key != NULL)
        return use_key(context, hsm_key_ref(given->key), NULL);
    return reference_has_prefix(given->bytes, given->size)
               ? use_reference(context, given->bytes, given->size)
               : use_raw_key(context);
}

/*
 * With a raw key a counter moves on in software.  Asked for by its address: for a copy of it the
 * default provider of 3.5 leaves an entry on the error queue.
 */
static bool read_counter(const struct cipher_context *context, unsigned char counter[HSM_BLOCK])
{
    const void *at = NULL;
    OSSL_PARAM params[] = {
        { OSSL_CIPHER_PARAM_UPDATED_IV, OSSL_PARAM_OCTET_PTR, &at, sizeof(at), 0 },
        OSSL_PARAM_END,
    };

    if (!context->mode->software->get_ctx_params(context->software, params) || at == NULL ||
        params[0].return_size != HSM_BLOCK)
        return false;
    memcpy(counter, at, HSM_BLOCK);
    return true;
}

/*
 * The IV of a context whose key is now of the other kind, and that is given none: each side goes on
 * with what the other one has.
 */
static void bridge_iv(struct cipher_context *context, bool was_raw, const unsigned char **iv,
                      size_t *iv_size)
{
    struct machine *machine = &context->machine;
    const bool is_raw = context->keyed == KEYED_RAW, goes_on = !machine_begins_again(machine);

    if (*iv != NULL || is_raw == was_raw || !machine->iv_set)
        return;
    if (is_raw) {
        *iv = goes_on ? machine->iv : machine->original_iv;
        *iv_size = context->mode->iv_size;
    } else if (goes_on) {
        machine->iv_set = read_counter(context, machine->iv);
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

static int init(struct cipher_context *context, bool encrypt, const struct cipher_given *given,
                const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    const bool was_raw = context->keyed == KEYED_RAW, is_given = cipher_is_given(given);
    struct failure why;

    if (is_given && !cipher_take_key(context, given))
        return 0;
    if (is_given)
        bridge_iv(context, was_raw, &iv, &iv_size);
    if (iv != NULL && !check_iv(context, iv_size))
        return 0;
    if (context->keyed == KEYED_BY_REFERENCE && !key_may(context, encrypt, &why)) {
        cipher_drop_key(context); /* else data would go in the direction of before */
        return fail(context, &why);
    }
    machine_init(&context->machine, encrypt, iv);
    /* No parameters here: they go to both contexts below. */
    if (context->keyed != KEYED_BY_REFERENCE &&
        !cipher_software_init(context, encrypt, given, iv, iv_size)) {
        cipher_drop_key(context);
        return 0;
    }
    return cipher_set_ctx_params(context, params);
}

int cipher_encrypt_init(void *context, const unsigned char *key, size_t key_size,
                        const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    return init(context, true, &(struct cipher_given){ key, key_size, NULL }, iv, iv_size, params);
}

int cipher_decrypt_init(void *context, const unsigned char *key, size_t key_size,
                        const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    return init(context, false, &(struct cipher_given){ key, key_size, NULL }, iv, iv_size, params);
}

static int skey_init(struct cipher_context *context, bool encrypt, void *keydata,
                     const unsigned char *iv, size_t iv_size, const OSSL_PARAM params[])
{
    struct cipher_given given;

    if (cipher_given_skey(context, keydata, &given))
        return init(context, encrypt, &given, iv, iv_size, params);
    cipher_drop_key(context);
    return 0;
}

int cipher_encrypt_skey_init(void *context, void *keydata, const unsigned char *iv, size_t iv_size,
                             const OSSL_PARAM params[])
{
    return skey_init(context, true, keydata, iv, iv_size, params);
}

int cipher_decrypt_skey_init(void *context, void *keydata, const unsigned char *iv, size_t iv_size,
                             const OSSL_PARAM params[])
{
    return skey_init(context, false, keydata, iv, iv_size, params);
}
