/*
 * Library contexts for fuzz targets: hsmzke, linked in, over the fake HSM; and the default provider
 * to compare with.
 */
#ifndef HSMZKE_FUZZ_EVP_H
#define HSMZKE_FUZZ_EVP_H

#include <openssl/evp.h>

#include "fake-hsm.h"

/** How GCM is done; a library context for each. */
enum evp_one_shot { EVP_AUTO, EVP_NEVER, EVP_CONTEXTS };

/** hsmzke's; as it was at the start of the process, together with the fake HSM. */
OSSL_LIB_CTX *evp_reset(enum evp_one_shot which);

/** A cipher of hsmzke (evp_reset()'s) and of the default provider; fetched once. */
EVP_CIPHER *evp_cipher(enum evp_one_shot which, const char *name);
EVP_CIPHER *evp_default_cipher(const char *name);

/** The 32 bytes that are a reference to the key of this name. */
const unsigned char *evp_reference(const char *name);

/** That OpenSSL's queue says why a call failed; it is emptied. */
void evp_expect_error(void);

#endif
