/*
 * Messages sealed under a key of the HSM: EVP_PKEY_encrypt() and EVP_PKEY_decrypt(), which are
 * `openssl pkeyutl -encrypt` and `-decrypt`.  AES-256-GCM with an IV that the HSM draws; the form
 * is in seal.h.
 */
#include <stdlib.h>
#include <string.h>

#include "pkey/pkey.h"
#include "pkey/seal.h"

struct sealing {
    struct instance *instance; /* owned */
    struct hsm_key *key;       /* owned; NULL before init */
};

static OSSL_FUNC_asym_cipher_newctx_fn newctx;
static OSSL_FUNC_asym_cipher_freectx_fn freectx;
static OSSL_FUNC_asym_cipher_dupctx_fn dupctx;
static OSSL_FUNC_asym_cipher_encrypt_init_fn encrypt_init;
static OSSL_FUNC_asym_cipher_encrypt_fn encrypt;
static OSSL_FUNC_asym_cipher_decrypt_init_fn decrypt_init;
static OSSL_FUNC_asym_cipher_decrypt_fn decrypt;

static void *newctx(void *provctx)
{
    struct sealing *sealing = calloc(1, sizeof(*sealing));

    if (sealing == NULL)
        return instance_raise_memory();
    sealing->instance = instance_find(provctx);
    if (sealing->instance != NULL)
        return sealing;
    free(sealing);
    return NULL;
}

static void freectx(void *sealing_)
{
    struct sealing *sealing = sealing_;

    if (sealing == NULL)
        return;
    hsm_key_free(sealing->key);
    instance_free(sealing->instance);
    free(sealing);
}

static void *dupctx(void *sealing_)
{
    const struct sealing *sealing = sealing_;
    struct sealing *copy = calloc(1, sizeof(*copy));

    if (copy == NULL)
        return instance_raise_memory();
    copy->instance = instance_ref(sealing->instance);
    if (sealing->key != NULL)
        copy->key = hsm_key_ref(sealing->key);
    return copy;
}

static bool has_key(const struct sealing *sealing)
{
    struct failure why;

    if (sealing->key != NULL)
        return true;
    failure_set(&why, FAILURE_OPERATION, "no key was set");
    return error_raise(&sealing->instance->errors, &why) != 0;
}

static int init(struct sealing *sealing, const struct pkey *pkey, bool encrypting)
{
    struct failure why;
    struct hsm_key *key;

    if (pkey == NULL) /* the key of before */
        return has_key(sealing);
    hsm_key_free(sealing->key);
    sealing->key = NULL;
    key = pkey_key_to_use(pkey, &why);
    if (key == NULL || !hsm_key_may(key, encrypting, &why))
        return error_raise(&sealing->instance->errors, &why);
    sealing->key = hsm_key_ref(key);
    return 1;
}

static int encrypt_init(void *sealing, void *pkey, const OSSL_PARAM params[])
{
    (void)params;
    return init(sealing, pkey, true);
}

static int decrypt_init(void *sealing, void *pkey, const OSSL_PARAM params[])
{
    (void)params;
    return init(sealing, pkey, false);
}

static bool draw_iv(struct hsm_key *key, unsigned char iv[SEAL_IV], struct failure *why)
{
    if (!hsm_key_random(key, iv, SEAL_IV, why))
        return false;
    return !hsm_iv_is_reserved(iv, SEAL_IV) ||
           failure_set(why, FAILURE_OPERATION, "the HSM's random numbers are not random");
}

static bool seal(struct hsm_key *key, unsigned char *out, const unsigned char *in, size_t size,
                 struct failure *why)
{
    unsigned char header[SEAL_HEADER], tag[SEAL_TAG];
    char identity[HSM_IDENTITY_TEXT];
    const struct hsm_gcm data = {
        .iv = header + SEAL_AAD,
        .iv_size = SEAL_IV,
        .aad = header,
        .aad_size = SEAL_AAD,
        .in = in,
        .size = size,
        .own_iv = header + SEAL_AAD, /* of a module that takes no other */
    };

    hsm_key_identity(key, identity);
    seal_write(header, identity);
    if (!draw_iv(key, header + SEAL_AAD, why))
        return false;
    /* `in` may be `out`; the ciphertext goes behind the header before that is written. */
    if (hsm_gcm_once(key, true, &data, out + SEAL_HEADER, tag, why) != HSM_DONE)
        return false;
    memcpy(out, header, sizeof(header));
    memcpy(out + SEAL_HEADER + size, tag, sizeof(tag));
    return true;
}

static bool open_sealed(struct hsm_key *key, unsigned char *out, const unsigned char *in,
                        size_t size, struct failure *why)
{
    const struct hsm_gcm data = {
        .iv = in + SEAL_AAD,
        .iv_size = SEAL_IV,
        .aad = in,
        .aad_size = SEAL_AAD,
        .in = in + SEAL_HEADER,
        .size = size,
        .tag = in + SEAL_HEADER + size,
        .tag_size = SEAL_TAG,
    };
    const enum hsm_answer answer = hsm_gcm_once(key, false, &data, out, NULL, why);

    if (answer == HSM_WRONG_TAG)
        return failure_set(why, FAILURE_OPERATION,
                           "the sealed data are not genuine: they were changed or cut, or sealed "
                           "under another key");
    return answer == HSM_DONE;
}

/* What both directions ask first. @return false, said why */
static bool has_room(const struct sealing *sealing, size_t room, size_t wanted)
{
    struct failure why;

    if (!has_key(sealing))
        return false;
    if (room >= wanted)
        return true;
    failure_set(&why, FAILURE_OPERATION, "the output buffer has %zu bytes and needs %zu", room,
                wanted);
    return error_raise(&sealing->instance->errors, &why) != 0;
}

static int encrypt(void *sealing_, unsigned char *out, size_t *out_size, size_t room,
                   const unsigned char *in, size_t size)
{
    const struct sealing *sealing = sealing_;
    struct failure why;

    if (size > SEAL_MOST) {
        failure_set(&why, FAILURE_OPERATION,
                    "the data are too long: sealed messages have at most %d bytes; encrypt larger "
                    "ones by `openssl enc` or EVP_EncryptUpdate()",
                    SEAL_MOST);
        return error_raise(&sealing->instance->errors, &why);
    }
    *out_size = size + SEAL_MORE;
    if (out == NULL)
        return 1;
    if (!has_room(sealing, room, size + SEAL_MORE))
        return 0;
    return seal(sealing->key, out, in, size, &why) || error_raise(&sealing->instance->errors, &why);
}

static int decrypt(void *sealing_, unsigned char *out, size_t *out_size, size_t room,
                   const unsigned char *in, size_t size)
{
    const struct sealing *sealing = sealing_;
    char identity[HSM_IDENTITY_TEXT] = "";
    struct failure why;

    if (sealing->key != NULL)
        hsm_key_identity(sealing->key, identity);
    if (!seal_check(in, size, identity, &why))
        return error_raise(&sealing->instance->errors, &why);
    size -= SEAL_MORE;
    *out_size = size;
    if (out == NULL)
        return 1;
    if (!has_room(sealing, room, size))
        return 0;
    return open_sealed(sealing->key, out, in, size, &why) ||
           error_raise(&sealing->instance->errors, &why);
}

static const OSSL_DISPATCH dispatch[] = {
    { OSSL_FUNC_ASYM_CIPHER_NEWCTX, (void (*)(void))newctx },
    { OSSL_FUNC_ASYM_CIPHER_FREECTX, (void (*)(void))freectx },
    { OSSL_FUNC_ASYM_CIPHER_DUPCTX, (void (*)(void))dupctx },
    { OSSL_FUNC_ASYM_CIPHER_ENCRYPT_INIT, (void (*)(void))encrypt_init },
    { OSSL_FUNC_ASYM_CIPHER_ENCRYPT, (void (*)(void))encrypt },
    { OSSL_FUNC_ASYM_CIPHER_DECRYPT_INIT, (void (*)(void))decrypt_init },
    { OSSL_FUNC_ASYM_CIPHER_DECRYPT, (void (*)(void))decrypt },
    { 0, NULL },
};

const OSSL_ALGORITHM pkey_asym_cipher_algorithms[] = {
    { PKEY_AES_NAMES, "provider=" HSMZKE_PROVIDER_NAME, dispatch, "Messages sealed in the HSM" },
    { NULL, NULL, NULL, NULL },
};
