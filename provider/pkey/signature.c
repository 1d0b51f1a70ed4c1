/*
 * MACs by a key of the HSM, as EVP_PKEYs make them: CMACs by AES keys, HMACs by secrets.
 * EVP_DigestSign*() and EVP_DigestVerify*(), `openssl pkeyutl -sign -rawin`, `openssl dgst -sign`.
 * What HMAC and CMAC do with data is in mac/data.h.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "mac/mac.h"
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
static OSSL_FUNC_signature_sign_init_fn digest_init;
static OSSL_FUNC_signature_sign_fn sign_digest;
static OSSL_FUNC_signature_verify_fn verify_digest;

static void *newctx(void *provctx, const char *properties)
{
    struct signing *signing = calloc(1, sizeof(*signing));

    (void)properties;
    if (signing == NULL)
        return instance_raise_memory();
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
        return instance_raise_memory();
    copy->instance = instance_ref(signing->instance);
    if (mac_data_copy(&copy->data, &signing->data, &why))
        return copy;
    error_raise(&signing->instance->errors, &why);
    instance_free(copy->instance);
    free(copy);
    return NULL;
}

/* Which MAC a key of `family` makes with `digest`; NULL or "": none was given. */
static bool choose(const struct signing *signing, enum hsm_family family, const char *digest,
                   enum hsm_mac *kind, struct failure *why)
{
    const bool given = digest != NULL && digest[0] != '\0';

    *kind = family == HSM_AES ? HSM_CMAC : HSM_HMAC_SHA256;
    if (!given)
        return true;
    if (family == HSM_AES)
        return failure_set(why, FAILURE_NOT_OFFERED,
                           "a key of type " HSMZKE_PKEY_TYPE " makes CMACs, which take no digest, "
                           "and was given '%.40s'",
                           digest);
    return mac_hmac.choose(signing->instance, digest, kind) ||
           failure_set(why, FAILURE_NOT_OFFERED,
                       "a key of type " HSMZKE_PKEY_HMAC_TYPE " makes HMACs with %s, and was given "
                       "'%.40s'",
                       mac_hmac.served, digest);
}

static bool take_key(struct signing *signing, const struct pkey *pkey, const char *digest,
                     struct failure *why)
{
    enum hsm_mac kind;
    struct hsm_key *key;

    if (!choose(signing, pkey->family, digest, &kind, why))
        return false;
    key = pkey_key_to_use(pkey, why);
    if (key == NULL || !hsm_key_may_sign(key, why))
        return false;
    mac_data_key(&signing->data, hsm_key_ref(key), kind);
    return true;
}

static bool has_key(const struct signing *signing)
{
    struct failure why;

    if (signing->data.key != NULL)
        return true;
    failure_set(&why, FAILURE_OPERATION, "no key was set");
    return error_raise(&signing->instance->errors, &why) != 0;
}

static int init(void *signing_, const char *digest, void *pkey, const OSSL_PARAM params[])
{
    struct signing *signing = signing_;
    struct failure why;

    (void)params;
    if (pkey != NULL)
        return take_key(signing, pkey, digest, &why) ||
               error_raise(&signing->instance->errors, &why);
    if (!has_key(signing))
        return 0;
    mac_data_restart(&signing->data); /* the key of before */
    return 1;
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

    if (!has_key(signing))
        return 0;
    *size = mac_signing.size(&signing->data);
    if (mac == NULL)
        return 1;
    if (room < *size)
        failure_set(&why, FAILURE_OPERATION, "the output buffer has %zu bytes and needs %zu", room,
                    *size);
    else if (mac_signing.final(&signing->data, mac, &why))
        return 1;
    return error_raise(&signing->instance->errors, &why);
}

static int verify_final(void *signing, const unsigned char *mac, size_t size)
{
    unsigned char expected[HSM_MAC_MOST];
    size_t expected_size;

    return sign_final(signing, expected, &expected_size, sizeof(expected)) &&
           size == expected_size && CRYPTO_memcmp(mac, expected, size) == 0;
}

/* EVP_PKEY_sign(), EVP_PKEY_verify(): these get a digest, made in the process. */
static int digest_init(void *signing_, void *pkey, const OSSL_PARAM params[])
{
    const struct signing *signing = signing_;
    struct failure why;

    (void)pkey, (void)params;
    failure_set(&why, FAILURE_NOT_OFFERED,
                "a MAC is made in the HSM over the data, not over a digest of them: use "
                "EVP_DigestSign() and EVP_DigestVerify(), `openssl pkeyutl -sign -rawin` and "
                "`-verify -rawin`");
    return error_raise(&signing->instance->errors, &why);
}

/* Not reached, for there is no init that goes well; libcrypto wants them beside it. */
static int sign_digest(void *signing, unsigned char *mac, size_t *size, size_t room,
                       const unsigned char *in, size_t in_size)
{
    (void)mac, (void)size, (void)room, (void)in, (void)in_size;
    return digest_init(signing, NULL, NULL);
}

static int verify_digest(void *signing, const unsigned char *mac, size_t size,
                         const unsigned char *in, size_t in_size)
{
    (void)mac, (void)size, (void)in, (void)in_size;
    return digest_init(signing, NULL, NULL);
}

static const OSSL_DISPATCH dispatch[] = {
    { OSSL_FUNC_SIGNATURE_NEWCTX, (void (*)(void))newctx },
    { OSSL_FUNC_SIGNATURE_FREECTX, (void (*)(void))freectx },
    { OSSL_FUNC_SIGNATURE_DUPCTX, (void (*)(void))dupctx },
    { OSSL_FUNC_SIGNATURE_SIGN_INIT, (void (*)(void))digest_init },
    { OSSL_FUNC_SIGNATURE_SIGN, (void (*)(void))sign_digest },
    { OSSL_FUNC_SIGNATURE_VERIFY_INIT, (void (*)(void))digest_init },
    { OSSL_FUNC_SIGNATURE_VERIFY, (void (*)(void))verify_digest },
    { OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, (void (*)(void))init },
    { OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, (void (*)(void))update },
    { OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, (void (*)(void))sign_final },
    { OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, (void (*)(void))init },
    { OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, (void (*)(void))update },
    { OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, (void (*)(void))verify_final },
    { 0, NULL },
};

const OSSL_ALGORITHM pkey_signature_algorithms[] = {
    { PKEY_AES_NAMES, "provider=" HSMZKE_PROVIDER_NAME, dispatch, "CMACs in the HSM" },
    { PKEY_HMAC_NAMES, "provider=" HSMZKE_PROVIDER_NAME, dispatch, "HMACs in the HSM" },
    { NULL, NULL, NULL, NULL },
};
