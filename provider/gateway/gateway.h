/*
 * The gateway: the default provider whole behind ours.  Every algorithm that it has is offered as
 * provider=hsmzke, with our own AES-256 ciphers in front; a program then needs no other provider,
 * and a missing or broken hsmzke.so leaves it with nothing instead of with software.
 */
#ifndef HSMZKE_GATEWAY_GATEWAY_H
#define HSMZKE_GATEWAY_GATEWAY_H

#include <openssl/core_dispatch.h>

#include "instance.h"

/** What `instance` offers for operation `operation` (OSSL_OP_...); NULL: nothing. */
const OSSL_ALGORITHM *gateway_query(struct instance *instance, int operation);

/** The default provider's capabilities (TLS groups, signature algorithms): provider-base(7). */
int gateway_capabilities(struct instance *instance, const char *capability, OSSL_CALLBACK *callback,
                         void *argument);

/**
 * Puts our own algorithms in front of the default provider's in the private library context too
 * (inner.c), so that what the default provider builds upon others (KBKDF, the EVP_PKEY of a MAC)
 * takes a reference to the HSM.  Does nothing without the gateway.
 * @return false if OpenSSL cannot
 */
bool gateway_open_inner(struct instance *instance);

/** What the inner provider of `instance` offers for `operation`; NULL: nothing. */
const OSSL_ALGORITHM *gateway_inner_query(struct instance *instance, int operation);

/** Frees the tables of `instance`. */
void gateway_clear(struct instance *instance);

/**
 * The default provider's random generator `implementation`, told by its own name instead of ours
 * where it looks for algorithms (rand.c).  With lock_take() held.
 * @return NULL if there is no slot left for it
 */
const OSSL_DISPATCH *gateway_rand(const OSSL_DISPATCH *implementation);

/**
 * The default provider's loader of files, declining key references (file.c).  With lock_take()
 * held.
 * @return NULL if it cannot be offered
 */
const OSSL_DISPATCH *gateway_file(const OSSL_DISPATCH *implementation);

/**
 * The legacy provider's `implementation` of a cipher, digest or KDF, with its own provctx
 * (legacy.c).  With lock_take() held.
 * @return NULL if there is no slot left for it
 */
const OSSL_DISPATCH *gateway_legacy(int operation, const OSSL_DISPATCH *implementation);

/**
 * The default provider's cipher `implementation`, refusing key references (refusal.c).  With
 * lock_take() held.
 * @return NULL if there is no slot left for it
 */
const OSSL_DISPATCH *gateway_refusal(const OSSL_DISPATCH *implementation);

/**
 * The default provider's `implementation` of a MAC, a KDF, a key exchange or a key's management,
 * refusing key references, unless `references_allowed`, and EVP_SKEYs of the HSM
 * (refusal-params.c); other operations, and what hands a reference on to our own MACs, as they are.
 * `names` are an OSSL_ALGORITHM's.  With lock_take() held.
 * @return NULL if there is no slot left for it
 */
const OSSL_DISPATCH *gateway_refusal_params(int operation, const char *names,
                                            bool references_allowed,
                                            const OSSL_DISPATCH *implementation);

#endif
