/* CMAC with AES-256 (NIST SP 800-38B). */
#include <openssl/core_names.h>
#include <openssl/proverr.h>

#include "mac/mac.h"

static bool choose(const struct instance *instance, const char *algorithm, enum hsm_mac *kind)
{
    *kind = HSM_CMAC;
    return mac_cipher_is(instance, algorithm, "AES-256-CBC");
}

MAC_TYPE(mac_cmac);

const struct mac_type mac_cmac = {
    .name = "CMAC",
    .algorithm = OSSL_MAC_PARAM_CIPHER,
    .family = HSM_AES,
    .work = &mac_signing,
    .missing = PROV_R_MISSING_CIPHER,
    .choose = choose,
    .served = "AES-256-CBC",
    .software = &software,
    .own = own,
    .dispatch = dispatch,
};
