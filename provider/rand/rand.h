/*
 * Random numbers from the HSM as an EVP_RAND, "HSMZKE-RAND": for `random` and `seed` of
 * openssl.cnf's section for random numbers.
 */
#ifndef HSMZKE_RAND_RAND_H
#define HSMZKE_RAND_RAND_H

#include <openssl/core_dispatch.h>

#define RAND_NAME "HSMZKE-RAND"

/** What we offer for OSSL_OP_RAND beside the default provider's algorithms. */
extern const OSSL_ALGORITHM rand_algorithms[];

/** The same for the private library context. */
extern const OSSL_ALGORITHM rand_inner_algorithms[];

#endif
