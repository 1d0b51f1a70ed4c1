/* What OSSL_STORE gives for a URI, for the tests of the store. */
#ifndef HSMZKE_TESTS_LOADS_H
#define HSMZKE_TESTS_LOADS_H

#include <openssl/crypto.h>

/**
 * What a URI gives, each thing's reference, or "name=" and a name, or "error", and a blank; NULL:
 * it cannot be opened.  `expect`: an OSSL_STORE_INFO_ number, or 0.
 */
const char *loads(OSSL_LIB_CTX *context, const char *uri, int expect);

#endif
