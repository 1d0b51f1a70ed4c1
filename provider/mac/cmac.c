/* CMAC with AES-256 (NIST SP 800-38B). */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/proverr.h>

#include "mac/mac.h"

/* The default provider looks the cipher up in the private context as well; so all names count. */
static bool choose(const struct instance *instance, const char *algorithm, enum hsm_mac *kind)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(instance->private, algorithm, NULL);
    const bool served = cipher != NULL && EVP_CIPHER_is_a(cipher, "AES-256-CBC");

    EVP_CIPHER_free(cipher);
    *kind = HSM_CMAC;
    return served;
}

MAC_TYPE(mac_cmac);

const struct mac_type mac_cmac = {
    .name = "CMAC",
    .algorithm = OSSL_MAC_PARAM_CIPHER,
    .family = HSM_AES,
    .missing = PROV_R_MISSING_CIPHER,
    .choose = choose,
    .served = "AES-256-CBC",
    .software = &software,
    .dispatch = dispatch,
};
