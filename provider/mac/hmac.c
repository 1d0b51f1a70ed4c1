/* HMAC (FIPS 198-1) with SHA-1 and SHA-2. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/proverr.h>

#include "mac/mac.h"

static bool choose(const struct instance *instance, const char *algorithm, enum hsm_mac *kind)
{
    static const struct {
        const char *name;
        enum hsm_mac kind;
    } digests[] = {
        { "SHA1", HSM_HMAC_SHA1 },       { "SHA2-224", HSM_HMAC_SHA224 },
        { "SHA2-256", HSM_HMAC_SHA256 }, { "SHA2-384", HSM_HMAC_SHA384 },
        { "SHA2-512", HSM_HMAC_SHA512 },
    };
    EVP_MD *digest = EVP_MD_fetch(instance->private, algorithm, NULL);
    bool served = false;

    for (size_t i = 0; digest != NULL && i < sizeof(digests) / sizeof(digests[0]); i++) {
        if (EVP_MD_is_a(digest, digests[i].name)) {
            *kind = digests[i].kind;
            served = true;
        }
    }
    EVP_MD_free(digest);
    return served;
}

MAC_TYPE(mac_hmac);

const struct mac_type mac_hmac = {
    .name = "HMAC",
    .algorithm = OSSL_MAC_PARAM_DIGEST,
    .family = HSM_SECRET,
    .work = &mac_signing,
    .own_block_size = true,
    .missing = PROV_R_MISSING_MESSAGE_DIGEST,
    .choose = choose,
    .served = "SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512",
    .software = &software,
    .own = own,
    .dispatch = dispatch,
};
