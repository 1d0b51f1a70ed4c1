/*
 * CMACs by a key of the HSM, as EVP_PKEYs make them: EVP_DigestSign*() and EVP_DigestVerify*(),
 * `openssl pkeyutl -sign -rawin`.  What HMAC and CMAC do with data is in mac/data.h.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "mac/data.h"
#include "pkey/pkey.h"

struct signing {
    struct instance *instance; /* owned */
    struct mac_data data;
};

static OSSL_FUNC_signature_newctx_fn newctx;
static OSSL_FUNC_signature_freectx_fn freectx;
static OSSL_FUNC_signature_dupctx_fn dupctx;
static OSSL_FUNC_signature_digest_sign_init_fn init;
static OSSL_FUNC_signature_digest_sign_update_fn update;
static OSSL_FUNC_signature_digest_sign_final_fn sign_final;
static OSSL_FUNC_signature_digest_verify_final_fn verify_final;

static void *newctx(void *provctx, const char *properties)
{
    struct signing *signing = calloc(1, sizeof(*signing));

    (void)properties;
    if (signing == NULL)
        return NULL;
    signing->instance = instance_find(provctx);
    if (signing->instance == NULL) {
        free(signing);
        return NULL;
    }
    /* EVP_DigestSignFinal() works on a copy, so the data must be there: as GMAC's are. */
    mac_data_new(&signing->data, &mac_signing, signing->instance->config.gcm.buffer);
    return signing;
}

static void freectx(void *signing_)
{
    struct signing *signing = signing_;

    if (signing == NULL)
        return;
    mac_data_free(&signing->data);
    instance_free(signing->instance);
    free(signing);
}

static void *dupctx(void *signing_)
{
    const struct signing *signing = signing_;
    struct signing *copy = calloc(1, sizeof(*copy));
    struct failure why;

    if (copy == NULL)
        return NULL;
    copy->instance = instance_ref(signing->instance);
    if (mac_data_copy(&copy->data, &signing->data, &why))
        return copy;
    error_raise(&signing->instance->errors, &why);
    instance_free(copy->instance);
    free(copy);
    return NULL;
}

static bool take_key(struct signing *signing, const struct pkey *pkey, const char *digest,
                     struct failure *why)
{
    struct hsm_key *key;

    if (digest != NULL && digest[0] != '\0')
        return failure_set(why, FAILURE_NOT_OFFERED,
                           "a key of type " HSMZKE_PKEY_TYPE " makes CMACs, which take no digest, "
                           "and was given '%.40s'",
                           digest);
    key = pkey_key_to_use(pkey, why);
    if (key == NULL || !hsm_key_may_sign(key, why))
        return false;
    mac_data_key(&signing->data, hsm_key_ref(key), HSM_CMAC);
    return true;
}

static int init(void *signing_, const char *digest, void *pkey, const OSSL_PARAM params[])
{
    struct signing *signing = signing_;
    struct failure why;

    (void)params;
    if (pkey != NULL)
        return take_key(signing, pkey, digest, &why) ||
               error_raise(&signing->instance->errors, &why);
    if (signing->data.key == NULL)
        return 0;
    mac_data_restart(&signing->data); /* the key of before */
    return 1;
}

static bool has_key(const struct signing *signing)
{
    struct failure why;

    if (signing->data.key != NULL)
        return true;
    failure_set(&why, FAILURE_OPERATION, "no key was set");
    return error_raise(&signing->instance->errors, &why) != 0;
}

static int update(void *signing_, const unsigned char *in, size_t size)
{
    struct signing *signing = signing_;
    struct failure why;

    return has_key(signing) && (mac_signing.update(&signing->data, in, size, &why) ||
                                error_raise(&signing->instance->errors, &why));
}

static int sign_final(void *signing_, unsigned char *mac, size_t *size, size_t room)
{
    struct signing *signing = signing_;
    struct failure why;

    *size = HSM_BLOCK;
    if (mac == NULL)
        return 1;
    if (!has_key(signing))
        return 0;
    if (room < HSM_BLOCK)
        failure_set(&why, FAILURE_OPERATION, "the output buffer has %zu bytes and needs %d", room,
                    HSM_BLOCK);
    else if (mac_signing.final(&signing->data, mac, &why))
        return 1;
    return error_raise(&signing->instance->errors, &why);
}

static int verify_final(void *signing, const unsigned char *mac, size_t size)
{
    unsigned char expected[HSM_BLOCK];
    size_t expected_size;

    return sign_final(signing, expected, &expected_size, sizeof(expected)) &&
           size == sizeof(expected) && CRYPTO_memcmp(mac, expected, size) == 0;
}

static const OSSL_DISPATCH dispatch[] = {
    { OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))newctx },
    { OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))freectx },
    { OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))dupctx },
    { OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))init },
    { OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))update },
    { OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void))sign_final },
    { OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (void (*)(void))init },
    { OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, (void (*)(void))update },
    { OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, (void (*)(void))verify_final },
    { 0, NULL },
};

const OSSL_ALGORITHM pkey_signature_algorithms[] = {
    { PKEY_NAMES, "provider=" HSMZKE_PROVIDER_NAME, dispatch, "CMACs in the HSM" },
    { NULL, NULL, NULL, NULL },
};
