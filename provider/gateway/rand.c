/*
 * Random generators of the default provider behind ours.  From OpenSSL 3.5 on, a DRBG is told the
 * name of its provider and looks its own algorithms up there; but it looks in the private library
 * context, where they are the default provider's.  So the name is put right on the way.
 */
#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/gateway.h"
#include "gateway/slots.h"

/* OSSL_PROV_PARAM_CORE_PROV_NAME, as a string: a parameter of RAND from 3.5 on. */
static const char provider_name[] = "provider-name";

enum {
    PARAMETERS_MOST = 32, /* more than a RAND takes */
};

struct rand_slot {
    const OSSL_DISPATCH *from;
    OSSL_DISPATCH *to;
    OSSL_FUNC_rand_instantiate_fn *instantiate;
    OSSL_FUNC_rand_set_ctx_params_fn *set_ctx_params;
};

static struct rand_slot slots[SLOTS_FEW]; /* filled in with lock_take() held */

/* Copies `params` with the provider's name put right. @return false: there are too many */
static bool put_right(const OSSL_PARAM params[], OSSL_PARAM copy[PARAMETERS_MOST])
{
    static char name[] = "default";
    size_t i = 0;

    for (; params[i].key != NULL; i++) {
        if (i == PARAMETERS_MOST - 1)
            return false;
        copy[i] = params[i];
        if (strcmp(params[i].key, provider_name) == 0) {
            copy[i].data = name;
            copy[i].data_size = strlen(name);
        }
    }
    copy[i] = params[i];
    return true;
}

static int instantiate(const struct rand_slot *slot, void *context, unsigned int strength,
                       int prediction_resistance, const unsigned char *personalisation, size_t size,
                       const OSSL_PARAM params[])
{
    OSSL_PARAM copy[PARAMETERS_MOST];

    if (params != NULL && !put_right(params, copy))
        return 0;
    return slot->instantiate(context, strength, prediction_resistance, personalisation, size,
                             params != NULL ? copy : NULL);
}

static int set_ctx_params(const struct rand_slot *slot, void *context, const OSSL_PARAM params[])
{
    OSSL_PARAM copy[PARAMETERS_MOST];

    if (params != NULL && !put_right(params, copy))
        return 0;
    return slot->set_ctx_params(context, params != NULL ? copy : NULL);
}

#define THUNKS(n)                                                                                  \
    static OSSL_FUNC_rand_instantiate_fn instantiate_##n;                                          \
    static int instantiate_##n(void *context, unsigned int strength, int prediction_resistance,    \
                               const unsigned char *personalisation, size_t size,                  \
                               const OSSL_PARAM params[])                                          \
    {                                                                                              \
        return instantiate(&slots[n], context, strength, prediction_resistance, personalisation,   \
                           size, params);                                                          \
    }                                                                                              \
    static OSSL_FUNC_rand_set_ctx_params_fn set_ctx_params_##n;                                    \
    static int set_ctx_params_##n(void *context, const OSSL_PARAM params[])                        \
    {                                                                                              \
        return set_ctx_params(&slots[n], context, params);                                         \
    }
FEW_SLOTS(THUNKS)

#define ROW(n) { instantiate_##n, set_ctx_params_##n },
static const struct {
    OSSL_FUNC_rand_instantiate_fn *instantiate;
    OSSL_FUNC_rand_set_ctx_params_fn *set_ctx_params;
} thunks[SLOTS_FEW] = { FEW_SLOTS(ROW) };

static bool fill(size_t n, const OSSL_DISPATCH *implementation)
{
    struct rand_slot *slot = &slots[n];
    OSSL_DISPATCH *copy = slots_copy_dispatch(implementation);

    if (copy == NULL)
        return false;
    for (OSSL_DISPATCH *row = copy; row->function_id != 0; row++) {
        if (row->function_id == OSSL_FUNC_RAND_INSTANTIATE) {
            slot->instantiate = OSSL_FUNC_rand_instantiate(row);
            row->function = (void (*)(void))thunks[n].instantiate;
        } else if (row->function_id == OSSL_FUNC_RAND_SET_CTX_PARAMS) {
            slot->set_ctx_params = OSSL_FUNC_rand_set_ctx_params(row);
            row->function = (void (*)(void))thunks[n].set_ctx_params;
        }
    }
    slot->from = implementation;
    slot->to = copy;
    return true;
}

const OSSL_DISPATCH *gateway_rand(const OSSL_DISPATCH *implementation)
{
    for (size_t n = 0; n < SLOTS_FEW; n++) {
        if (slots[n].from == implementation || (slots[n].from == NULL && fill(n, implementation)))
            return slots[n].to;
    }
    return NULL;
}
