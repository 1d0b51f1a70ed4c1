/*
 * The legacy provider's algorithms through the gateway (`legacy = yes`).  They expect the legacy
 * provider's own provctx, but OpenSSL hands them ours, which is the default provider's: the
 * functions that make contexts of it are told the right one.
 */
#include <openssl/core_dispatch.h>

#include "gateway/gateway.h"
#include "gateway/slots.h"

/* Of one type for ciphers, digests and KDFs. */
typedef void *newctx_fn(void *provctx);

struct legacy_slot {
    const OSSL_DISPATCH *from;
    OSSL_DISPATCH *to;
    newctx_fn *newctx;
};

static struct legacy_slot slots[SLOTS_SOME]; /* filled in with lock_take() held */

static void *newctx(const struct legacy_slot *slot, void *provctx)
{
    const struct instance *instance = instance_borrow(provctx);

    return instance != NULL ? slot->newctx(instance->legacy_provctx) : NULL;
}

#define THUNK(n)                                                                                   \
    static newctx_fn newctx_##n;                                                                   \
    static void *newctx_##n(void *provctx)                                                         \
    {                                                                                              \
        return newctx(&slots[n], provctx);                                                         \
    }
SOME_SLOTS(THUNK)

#define ROW(n) newctx_##n,
static newctx_fn *const thunks[SLOTS_SOME] = { SOME_SLOTS(ROW) };

/* Which of an operation's functions makes a context; 0: the legacy provider has none of those. */
static int function_id(int operation)
{
    switch (operation) {
    case OSSL_OP_CIPHER:
        return OSSL_FUNC_CIPHER_NEWCTX;
    case OSSL_OP_DIGEST:
        return OSSL_FUNC_DIGEST_NEWCTX;
    case OSSL_OP_KDF:
        return OSSL_FUNC_KDF_NEWCTX;
    default:
        return 0;
    }
}

static bool fill(size_t n, int id, const OSSL_DISPATCH *implementation)
{
    OSSL_DISPATCH *copy = slots_copy_dispatch(implementation);

    if (copy == NULL)
        return false;
    for (OSSL_DISPATCH *row = copy; row->function_id != 0; row++) {
        if (row->function_id == id) {
            slots[n].newctx = (newctx_fn *)row->function;
            row->function = (void (*)(void))thunks[n];
        }
    }
    slots[n].from = implementation;
    slots[n].to = copy;
    return true;
}

const OSSL_DISPATCH *gateway_legacy(int operation, const OSSL_DISPATCH *implementation)
{
    const int id = function_id(operation);

    for (size_t n = 0; id != 0 && n < SLOTS_SOME; n++) {
        if (slots[n].from == implementation ||
            (slots[n].from == NULL && fill(n, id, implementation)))
            return slots[n].to;
    }
    return NULL;
}
