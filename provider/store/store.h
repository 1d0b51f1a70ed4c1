/* Keys of the HSM for OSSL_STORE: by reference, and by pkcs11: URI. */
#ifndef HSMZKE_STORE_STORE_H
#define HSMZKE_STORE_STORE_H

#include <openssl/core_dispatch.h>
#include <stdbool.h>

/** What we offer for OSSL_OP_STORE beside the default provider's; `pkcs11`: for that scheme, too.
 */
const OSSL_ALGORITHM *store_algorithms(bool pkcs11);

#endif
