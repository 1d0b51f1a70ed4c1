/* A context of AES-256-GCM, for its files: gcm.c, gcm-engine.c, gcm-params.c, gcm-iv.c. */
#ifndef HSMZKE_CIPHER_GCM_H
#define HSMZKE_CIPHER_GCM_H

#include "cipher/context.h"
#include "cipher/gcm-machine.h"

struct gcm_context {
    struct cipher_context base; /* first: the frame's functions take it */
    struct gcm_machine machine;
    bool iv_generator;                  /* EVP_CTRL_GCM_SET_IV_FIXED was called */
    unsigned char next_iv[GCM_IV_MOST]; /* what EVP_CTRL_GCM_IV_GEN takes next */
};

/** The engine of a call: what it says on failure stands in `why`. */
struct gcm_call {
    struct gcm_context *context;
    struct failure why;
};

/** The engine over the HSM, for one call from EVP. */
struct gcm_engine gcm_hsm_engine(struct gcm_call *call, struct gcm_context *context);

/** Says on the error queue what became of an event. @return 1 or 0 */
int gcm_answer(const struct gcm_context *context, enum gcm_result result,
               const struct failure *why);

/** EVP_CTRL_GCM_SET_IV_FIXED: fixes the first bytes of the IV, the rest is random; size -1: all. */
bool gcm_fix_iv(struct gcm_context *context, const unsigned char *bytes, size_t size);

/** EVP_CTRL_GCM_IV_GEN: takes the IV in use, gives out its last bytes, and counts it up. */
bool gcm_generate_iv(struct gcm_context *context, unsigned char *bytes, size_t size);

/** EVP_CTRL_GCM_SET_IV_INV: sets the last bytes of the IV, for decryption. */
bool gcm_set_invocation(struct gcm_context *context, const unsigned char *bytes, size_t size);

OSSL_FUNC_cipher_get_ctx_params_fn gcm_get_ctx_params;
OSSL_FUNC_cipher_set_ctx_params_fn gcm_set_ctx_params;

#endif
