/* GMAC with AES-256 (NIST SP 800-38D). */
#include <openssl/core_names.h>
#include <openssl/proverr.h>

#include "mac/mac.h"

static bool choose(const struct instance *instance, const char *algorithm, enum hsm_mac *kind)
{
    (void)kind;
    return mac_cipher_is(instance, algorithm, "AES-256-GCM");
}

MAC_TYPE(mac_gmac);

const struct mac_type mac_gmac = {
    .name = "GMAC",
    .algorithm = OSSL_MAC_PARAM_CIPHER,
    .family = HSM_AES,
    .work = &mac_encrypting,
    .as_cipher = true,
    .missing = PROV_R_MISSING_CIPHER,
    .choose = choose,
    .served = "AES-256-GCM",
    .software = &software,
    .own = own,
    .dispatch = dispatch,
};
