/* What OpenSSL's own functions for parameters do not offer. */
#ifndef HSMZKE_PARAMETER_H
#define HSMZKE_PARAMETER_H

#include <openssl/core.h>
#include <stdbool.h>

/**
 * Whether parameter `param` holds bytes or text that begin as a key reference does, whichever of
 * its types it has.  NULL is fine.
 */
bool parameter_is_reference(const OSSL_PARAM *param);

#endif
