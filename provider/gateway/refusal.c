/*
 * Key references are refused by every cipher that would take them for key bytes: AES-256-CCM and
 * ChaCha20 as well as AES-128-CBC, which gets the first 16 bytes.  Looked for at the start of the
 * key, and of its second half for modes that take two keys (XTS, SIV), and of the MAC key that the
 * TLS ciphers AES-CBC-HMAC-SHA take as a parameter.
 */
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "gateway/gateway.h"
#include "gateway/slots.h"
#include "parameter.h"
#include "reference.h"
#include "skey/skey.h"

struct cipher_slot {
    const OSSL_DISPATCH *from;
    OSSL_DISPATCH *to;
    OSSL_FUNC_cipher_encrypt_init_fn *encrypt_init;
    OSSL_FUNC_cipher_decrypt_init_fn *decrypt_init;
    OSSL_FUNC_cipher_set_ctx_params_fn *set_ctx_params;
    skey_cipher_init_fn *encrypt_skey_init, *decrypt_skey_init;
};

static struct cipher_slot slots[SLOTS_MANY]; /* filled in with lock_take() held */

static bool in_params(const OSSL_PARAM params[])
{
    return params != NULL &&
           parameter_is_reference(OSSL_PARAM_locate_const(params, OSSL_CIPHER_PARAM_AEAD_MAC_KEY));
}

static bool is_reference(const unsigned char *key, size_t size, const OSSL_PARAM params[])
{
    return reference_has_prefix(key, size) ||
           (key != NULL && reference_has_prefix(key + size / 2, size - size / 2)) ||
           in_params(params);
}

static int refuse(void)
{
    struct failure why;

    failure_set(&why, FAILURE_NOT_OFFERED,
                "a reference to an HSM key was given to a cipher that is not offered in the HSM; "
                "HSM keys serve AES-256-ECB, -CBC, -CBC-CTS, -CTR, -GCM, -CFB, -CFB8, -CFB1, -OFB, "
                "-WRAP and -WRAP-PAD");
    return instance_raise_any(&why);
}

/* An EVP_SKEY with a key of the HSM, or with such bytes. */
static bool is_refused_skey(void *keydata)
{
    const unsigned char *bytes = NULL;
    size_t size = 0;

    return skey_key(keydata, NULL) != NULL ||
           (skey_bytes(keydata, &bytes, &size) && is_reference(bytes, size, NULL));
}

/* The default provider's functions for EVP_SKEYs do not bear NULL, which keeps the key. */
#define THUNKS(n)                                                                                  \
    static OSSL_FUNC_cipher_encrypt_init_fn encrypt_init_##n, decrypt_init_##n;                    \
    static int encrypt_init_##n(void *context, const unsigned char *key, size_t key_size,          \
                                const unsigned char *iv, size_t iv_size,                           \
                                const OSSL_PARAM params[])                                         \
    {                                                                                              \
        if (is_reference(key, key_size, params))                                                   \
            return refuse();                                                                       \
        return slots[n].encrypt_init(context, key, key_size, iv, iv_size, params);                 \
    }                                                                                              \
    static int decrypt_init_##n(void *context, const unsigned char *key, size_t key_size,          \
                                const unsigned char *iv, size_t iv_size,                           \
                                const OSSL_PARAM params[])                                         \
    {                                                                                              \
        if (is_reference(key, key_size, params))                                                   \
            return refuse();                                                                       \
        return slots[n].decrypt_init(context, key, key_size, iv, iv_size, params);                 \
    }                                                                                              \
    static OSSL_FUNC_cipher_set_ctx_params_fn set_ctx_params_##n;                                  \
    static int set_ctx_params_##n(void *context, const OSSL_PARAM params[])                        \
    {                                                                                              \
        return in_params(params) ? refuse() : slots[n].set_ctx_params(context, params);            \
    }                                                                                              \
    static skey_cipher_init_fn encrypt_skey_init_##n, decrypt_skey_init_##n;                       \
    static int encrypt_skey_init_##n(void *context, void *keydata, const unsigned char *iv,        \
                                     size_t iv_size, const OSSL_PARAM params[])                    \
    {                                                                                              \
        if (keydata == NULL)                                                                       \
            return encrypt_init_##n(context, NULL, 0, iv, iv_size, params);                        \
        if (is_refused_skey(keydata) || in_params(params))                                         \
            return refuse();                                                                       \
        return slots[n].encrypt_skey_init(context, keydata, iv, iv_size, params);                  \
    }                                                                                              \
    static int decrypt_skey_init_##n(void *context, void *keydata, const unsigned char *iv,        \
                                     size_t iv_size, const OSSL_PARAM params[])                    \
    {                                                                                              \
        if (keydata == NULL)                                                                       \
            return decrypt_init_##n(context, NULL, 0, iv, iv_size, params);                        \
        if (is_refused_skey(keydata) || in_params(params))                                         \
            return refuse();                                                                       \
        return slots[n].decrypt_skey_init(context, keydata, iv, iv_size, params);                  \
    }
MANY_SLOTS(THUNKS)

#define ROW(n)                                                                                     \
    { encrypt_init_##n, decrypt_init_##n, set_ctx_params_##n, encrypt_skey_init_##n,               \
      decrypt_skey_init_##n },
static const struct {
    OSSL_FUNC_cipher_encrypt_init_fn *encrypt_init, *decrypt_init;
    OSSL_FUNC_cipher_set_ctx_params_fn *set_ctx_params;
    skey_cipher_init_fn *encrypt_skey_init, *decrypt_skey_init;
} thunks[SLOTS_MANY] = { MANY_SLOTS(ROW) };

static bool fill(size_t n, const OSSL_DISPATCH *implementation)
{
    struct cipher_slot *slot = &slots[n];
    OSSL_DISPATCH *copy = slots_copy_dispatch(implementation);

    if (copy == NULL)
        return false;
    for (OSSL_DISPATCH *row = copy; row->function_id != 0; row++) {
        if (row->function_id == OSSL_FUNC_CIPHER_ENCRYPT_INIT) {
            slot->encrypt_init = OSSL_FUNC_cipher_encrypt_init(row);
            row->function = (void (*)(void))thunks[n].encrypt_init;
        } else if (row->function_id == OSSL_FUNC_CIPHER_DECRYPT_INIT) {
            slot->decrypt_init = OSSL_FUNC_cipher_decrypt_init(row);
            row->function = (void (*)(void))thunks[n].decrypt_init;
        } else if (row->function_id == OSSL_FUNC_CIPHER_SET_CTX_PARAMS) {
            slot->set_ctx_params = OSSL_FUNC_cipher_set_ctx_params(row);
            row->function = (void (*)(void))thunks[n].set_ctx_params;
        } else if (row->function_id == SKEY_CIPHER_ENCRYPT_INIT) {
            slot->encrypt_skey_init = (skey_cipher_init_fn *)row->function;
            row->function = (void (*)(void))thunks[n].encrypt_skey_init;
        } else if (row->function_id == SKEY_CIPHER_DECRYPT_INIT) {
            slot->decrypt_skey_init = (skey_cipher_init_fn *)row->function;
            row->function = (void (*)(void))thunks[n].decrypt_skey_init;
        }
    }
    slot->from = implementation;
    slot->to = copy;
    return true;
}

const OSSL_DISPATCH *gateway_refusal(const OSSL_DISPATCH *implementation)
{
    for (size_t n = 0; n < SLOTS_MANY; n++) {
        if (slots[n].from == implementation || (slots[n].from == NULL && fill(n, implementation)))
            return slots[n].to;
    }
    return NULL;
}
