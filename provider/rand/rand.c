/*
 * Random numbers from the HSM: see rand.h.
 *
 * There is nothing to seed and nothing to keep: each request goes to the HSM.  So contexts need no
 * lock, reseeding does nothing, and additional input, which is never relied upon, is dropped.
 */
#include "rand/rand.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/proverr.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include "hsmzke/hsmzke.h"
#include "instance.h"

enum {
    STRENGTH = 256,
    REQUEST_MOST = 64 * 1024,
};

struct rand_context {
    bool inner;                /* in the private library context */
    struct instance *instance; /* owned, unless `inner`: it owns that library context */
    atomic_int state;          /* EVP_RAND_STATE_... */
};

static OSSL_FUNC_rand_newctx_fn newctx, inner_newctx;
static OSSL_FUNC_rand_freectx_fn freectx;
static OSSL_FUNC_rand_instantiate_fn instantiate;
static OSSL_FUNC_rand_uninstantiate_fn uninstantiate;
static OSSL_FUNC_rand_generate_fn generate;
static OSSL_FUNC_rand_reseed_fn reseed;
static OSSL_FUNC_rand_nonce_fn nonce;
static OSSL_FUNC_rand_enable_locking_fn enable_locking;
static OSSL_FUNC_rand_lock_fn lock;
static OSSL_FUNC_rand_unlock_fn unlock;
static OSSL_FUNC_rand_gettable_ctx_params_fn gettable_ctx_params;
static OSSL_FUNC_rand_get_ctx_params_fn get_ctx_params;
static OSSL_FUNC_rand_get_seed_fn get_seed;
static OSSL_FUNC_rand_clear_seed_fn clear_seed;

static void *new (void *provctx, bool inner)
{
    struct rand_context *context = calloc(1, sizeof(*context));

    if (context == NULL)
        return instance_raise_memory();
    context->inner = inner;
    context->instance = inner ? instance_borrow(provctx) : instance_find(provctx);
    if (context->instance != NULL)
        return context;
    free(context);
    return NULL;
}

static void *newctx(void *provctx, void *parent, const OSSL_DISPATCH *parent_calls)
{
    (void)parent, (void)parent_calls; /* the HSM is its own source */
    return new (provctx, false);
}

static void *inner_newctx(void *provctx, void *parent, const OSSL_DISPATCH *parent_calls)
{
    (void)parent, (void)parent_calls;
    return new (provctx, true);
}

static void freectx(void *context_)
{
    struct rand_context *context = context_;

    if (context == NULL)
        return;
    if (!context->inner)
        instance_free(context->instance);
    free(context);
}

/* Asks the HSM for nothing yet: a program that draws no random number needs no token. */
static int instantiate(void *context_, unsigned int strength, int prediction_resistance,
                       const unsigned char *personalisation, size_t size, const OSSL_PARAM params[])
{
    struct rand_context *context = context_;

    (void)prediction_resistance, (void)personalisation, (void)size, (void)params;
    if (strength > STRENGTH)
        return error_raise_prov(&context->instance->errors, PROV_R_INSUFFICIENT_DRBG_STRENGTH,
                                RAND_NAME " has a strength of %d bits", STRENGTH);
    atomic_store(&context->state, EVP_RAND_STATE_READY);
    return 1;
}

static int uninstantiate(void *context_)
{
    struct rand_context *context = context_;

    atomic_store(&context->state, EVP_RAND_STATE_UNINITIALISED);
    return 1;
}

/* The kernel's random numbers. */
static bool from_system(unsigned char *out, size_t size, struct failure *why)
{
    while (size > 0) {
        const ssize_t got = getrandom(out, size, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return failure_set(why, FAILURE_OPERATION, "getrandom() failed");
        out += got;
        size -= (size_t)got;
    }
    return true;
}

/*
 * A module that takes its own random numbers from OpenSSL (SoftHSM) asks us from inside a call of
 * ours; to ask it again would have no end.
 */
static int draw(const struct rand_context *context, unsigned char *out, size_t size)
{
    struct failure why;

    if (hsm_inside_module()) {
        if (from_system(out, size, &why))
            return 1;
    } else if (instance_usable(context->instance, &why) &&
               hsm_random(context->instance->keyring.hsm, out, size, &why)) {
        return 1;
    }
    return error_raise(&context->instance->errors, &why);
}

static int generate(void *context_, unsigned char *out, size_t size, unsigned int strength,
                    int prediction_resistance, const unsigned char *additional,
                    size_t additional_size)
{
    struct rand_context *context = context_;
    const struct errors *errors = &context->instance->errors;

    (void)prediction_resistance, (void)additional, (void)additional_size;
    if (atomic_load(&context->state) != EVP_RAND_STATE_READY)
        return error_raise_prov(errors, PROV_R_NOT_INSTANTIATED, "HSMZKE-RAND");
    if (strength > STRENGTH)
        return error_raise_prov(errors, PROV_R_INSUFFICIENT_DRBG_STRENGTH,
                                RAND_NAME " has a strength of %d bits", STRENGTH);
    if (size > REQUEST_MOST)
        return error_raise_prov(errors, PROV_R_REQUEST_TOO_LARGE_FOR_DRBG,
                                "HSMZKE-RAND gives %d bytes at once", REQUEST_MOST);
    return size == 0 || draw(context, out, size);
}

static int reseed(void *context, int prediction_resistance, const unsigned char *entropy,
                  size_t entropy_size, const unsigned char *additional, size_t additional_size)
{
    (void)context, (void)prediction_resistance, (void)entropy, (void)entropy_size;
    (void)additional, (void)additional_size;
    return 1;
}

static size_t nonce(void *context, unsigned char *out, unsigned int strength, size_t least,
                    size_t most)
{
    (void)most;
    if (out == NULL) /* how many bytes there will be */
        return least;
    return generate(context, out, least, strength, 0, NULL, 0) ? least : 0;
}

static int enable_locking(void *context)
{
    (void)context; /* hsm_random() may be called from any thread, and by several at once */
    return 1;
}

static int lock(void *context)
{
    (void)context;
    return 1;
}

static void unlock(void *context)
{
    (void)context;
}

static const OSSL_PARAM *gettable_ctx_params(void *context, void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_DEFN(OSSL_RAND_PARAM_STATE, OSSL_PARAM_INTEGER, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_RAND_PARAM_STRENGTH, OSSL_PARAM_UNSIGNED_INTEGER, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_RAND_PARAM_MAX_REQUEST, OSSL_PARAM_UNSIGNED_INTEGER, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)context, (void)provctx;
    return params;
}

static int get_ctx_params(void *context_, OSSL_PARAM params[])
{
    struct rand_context *context = context_;
    OSSL_PARAM *state = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);
    OSSL_PARAM *strength = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
    OSSL_PARAM *most = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);

    return (state == NULL || OSSL_PARAM_set_int(state, atomic_load(&context->state))) &&
           (strength == NULL || OSSL_PARAM_set_uint(strength, STRENGTH)) &&
           (most == NULL || OSSL_PARAM_set_size_t(most, REQUEST_MOST));
}

/* As a source for a DRBG: every bit is as good as one of entropy. */
static size_t get_seed(void *context, unsigned char **seed, int entropy, size_t least, size_t most,
                       int prediction_resistance, const unsigned char *additional,
                       size_t additional_size)
{
    size_t size = entropy > 0 ? ((size_t)entropy + 7) / 8 : 0;
    unsigned char *bytes;

    if (size < least)
        size = least;
    if (size == 0 || size > most)
        return 0;
    bytes = OPENSSL_secure_malloc(size);
    if (bytes == NULL)
        return 0;
    if (generate(context, bytes, size, STRENGTH, prediction_resistance, additional,
                 additional_size)) {
        *seed = bytes;
        return size;
    }
    OPENSSL_secure_clear_free(bytes, size);
    return 0;
}

static void clear_seed(void *context, unsigned char *seed, size_t size)
{
    (void)context;
    OPENSSL_secure_clear_free(seed, size);
}

#define DISPATCH(newctx)                                                                           \
    {                                                                                              \
        { OSSL_FUNC_RAND_NEWCTX, (void (*)(void))newctx },                                         \
            { OSSL_FUNC_RAND_FREECTX, (void (*)(void))freectx },                                   \
            { OSSL_FUNC_RAND_INSTANTIATE, (void (*)(void))instantiate },                           \
            { OSSL_FUNC_RAND_UNINSTANTIATE, (void (*)(void))uninstantiate },                       \
            { OSSL_FUNC_RAND_GENERATE, (void (*)(void))generate },                                 \
            { OSSL_FUNC_RAND_RESEED, (void (*)(void))reseed },                                     \
            { OSSL_FUNC_RAND_NONCE, (void (*)(void))nonce },                                       \
            { OSSL_FUNC_RAND_ENABLE_LOCKING, (void (*)(void))enable_locking },                     \
            { OSSL_FUNC_RAND_LOCK, (void (*)(void))lock },                                         \
            { OSSL_FUNC_RAND_UNLOCK, (void (*)(void))unlock },                                     \
            { OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, (void (*)(void))gettable_ctx_params },           \
            { OSSL_FUNC_RAND_GET_CTX_PARAMS, (void (*)(void))get_ctx_params },                     \
            { OSSL_FUNC_RAND_GET_SEED, (void (*)(void))get_seed },                                 \
            { OSSL_FUNC_RAND_CLEAR_SEED, (void (*)(void))clear_seed }, { 0, NULL },                \
    }
static const OSSL_DISPATCH dispatch[] = DISPATCH(newctx);
static const OSSL_DISPATCH inner_dispatch[] = DISPATCH(inner_newctx);

const OSSL_ALGORITHM rand_algorithms[] = {
    { RAND_NAME, "provider=" HSMZKE_PROVIDER_NAME, dispatch, "Random numbers from the HSM" },
    { NULL, NULL, NULL, NULL },
};

const OSSL_ALGORITHM rand_inner_algorithms[] = {
    { RAND_NAME, "provider=" HSMZKE_PROVIDER_NAME, inner_dispatch, "Random numbers from the HSM" },
    { NULL, NULL, NULL, NULL },
};
