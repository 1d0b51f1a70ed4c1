/*
 * Key references are refused by everything else that would take them for key bytes: MACs that are
 * not ours, key derivation functions, and what makes a key of bytes (EVP_PKEY, EVP_SKEY).  Looked
 * for at the start of the parameters that hold secrets, and of a MAC's key.
 */
#include <openssl/core_dispatch.h>
#include <string.h>

#include "algorithm.h"
#include "gateway/gateway.h"
#include "gateway/slots.h"
#include "parameter.h"
#include "reference.h"
#include "skey/skey.h"

#define SKEYMGMT_FUNC_IMPORT 2 /* of OpenSSL 3.5 */

struct params_slot {
    const OSSL_DISPATCH *from;
    OSSL_DISPATCH *to;
    const struct guard *guard;
    bool references_allowed; /* `references-elsewhere`: only EVP_SKEYs are refused */
    OSSL_FUNC_mac_init_fn *mac_init;
    OSSL_FUNC_mac_set_ctx_params_fn *set_ctx_params; /* of one type for MAC, KDF, exchange, gen */
    OSSL_FUNC_kdf_derive_fn *derive;
    OSSL_FUNC_keyexch_init_fn *exchange_init;
    OSSL_FUNC_keymgmt_import_fn *import;
    OSSL_FUNC_keymgmt_gen_init_fn *gen_init; /* of one type with an EVP_SKEY's import */
    skey_mac_init_fn *mac_init_skey;
    skey_kdf_set_fn *set_skey;
    skey_derive_fn *derive_skey; /* of one type for KDF and exchange */
};

/* What an operation's algorithms take secrets in, and which of their functions get it. */
struct guard {
    int operation;
    const char *only; /* the one algorithm that it is for; NULL: all that have no guard before */
    const char *what;
    const char *names[6];                                                  /* NULL at the end */
    int mac_init, set_ctx_params, derive, exchange_init, import, gen_init; /* 0: none */
    int mac_init_skey, set_skey, derive_skey;
};

static const struct guard guards[] = {
    { .operation = OSSL_OP_MAC,
      .what = "a MAC that is not offered in the HSM; HSM keys serve CMAC, GMAC and HMAC",
      .names = { "key" },
      .mac_init = OSSL_FUNC_MAC_INIT,
      .set_ctx_params = OSSL_FUNC_MAC_SET_CTX_PARAMS,
      .mac_init_skey = SKEY_MAC_INIT },
    /* Hands its key on to CMAC or HMAC, which the inner provider has made ours. */
    { .operation = OSSL_OP_KDF,
      .only = "KBKDF",
      .what = "KBKDF as a salt or seed; a reference can be its key only",
      .names = { "secret", "pass", "salt", "seed" },
      .set_ctx_params = OSSL_FUNC_KDF_SET_CTX_PARAMS,
      .derive = OSSL_FUNC_KDF_DERIVE,
      .set_skey = SKEY_KDF_SET,
      .derive_skey = SKEY_KDF_DERIVE },
    { .operation = OSSL_OP_KDF,
      .what = "a key derivation function, which would take it for a secret",
      .names = { "key", "secret", "pass", "salt", "seed" },
      .set_ctx_params = OSSL_FUNC_KDF_SET_CTX_PARAMS,
      .derive = OSSL_FUNC_KDF_DERIVE,
      .set_skey = SKEY_KDF_SET,
      .derive_skey = SKEY_KDF_DERIVE },
    /* EVP_PKEY_derive() with HKDF, TLS1-PRF and SCRYPT. */
    { .operation = OSSL_OP_KEYEXCH,
      .what = "a key derivation function, which would take it for a secret",
      .names = { "key", "secret", "pass", "salt", "seed" },
      .set_ctx_params = OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS,
      .exchange_init = OSSL_FUNC_KEYEXCH_INIT,
      .derive_skey = SKEY_KEYEXCH_DERIVE },
    /* The same: EVP_DigestSign*() hands their key on. */
    { .operation = OSSL_OP_KEYMGMT, .only = "CMAC" },
    { .operation = OSSL_OP_KEYMGMT, .only = "HMAC" },
    /* EVP_PKEY_new_raw_private_key() and EVP_PKEY_CTX_set_mac_key(). */
    { .operation = OSSL_OP_KEYMGMT,
      .what = "an EVP_PKEY, which would take it for a private key",
      .names = { "priv", "seed" },
      .set_ctx_params = OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS,
      .import = OSSL_FUNC_KEYMGMT_IMPORT,
      .gen_init = OSSL_FUNC_KEYMGMT_GEN_INIT },
    { .operation = SKEY_OP_SKEYMGMT,
      .what = "an EVP_SKEY, which would take it for key bytes",
      .names = { "raw-bytes" },
      .gen_init = SKEYMGMT_FUNC_IMPORT },
};

static struct params_slot slots[SLOTS_SOME]; /* filled in with lock_take() held */

static int refuse(const struct guard *guard)
{
    struct failure why;

    failure_set(&why, FAILURE_NOT_OFFERED,
                "a reference to an HSM key was given to %s; references-elsewhere = allow lets "
                "programs do that which mean it",
                guard->what);
    return instance_raise_any(&why);
}

/* For these functions of the default provider's it would be a key of no bytes. */
static int refuse_skey(void)
{
    struct failure why;

    failure_set(
        &why, FAILURE_NOT_OFFERED,
        "an EVP_SKEY with a key of the HSM was given to an algorithm that is not offered in "
        "the HSM; it serves hsmzke's own ciphers, CMAC, GMAC and HMAC");
    return instance_raise_any(&why);
}

static bool holds_secret(const struct guard *guard, const char *key)
{
    const char *const *name = guard->names;

    while (*name != NULL && strcmp(*name, key) != 0)
        name++;
    return *name != NULL;
}

/* Raises it, too. */
static bool refused(const struct params_slot *slot, const OSSL_PARAM params[])
{
    if (slot->references_allowed)
        return false;
    for (; params != NULL && params->key != NULL; params++) {
        if (parameter_is_reference(params) && holds_secret(slot->guard, params->key))
            return !refuse(slot->guard);
    }
    return false;
}

#define THUNKS(n)                                                                                  \
    static OSSL_FUNC_mac_init_fn mac_init_##n;                                                     \
    static OSSL_FUNC_mac_set_ctx_params_fn set_ctx_params_##n;                                     \
    static OSSL_FUNC_kdf_derive_fn derive_##n;                                                     \
    static OSSL_FUNC_keyexch_init_fn exchange_init_##n;                                            \
    static OSSL_FUNC_keymgmt_import_fn import_##n;                                                 \
    static OSSL_FUNC_keymgmt_gen_init_fn gen_init_##n;                                             \
    static int mac_init_##n(void *context, const unsigned char *key, size_t size,                  \
                            const OSSL_PARAM params[])                                             \
    {                                                                                              \
        if (!slots[n].references_allowed && reference_has_prefix(key, size))                       \
            return refuse(slots[n].guard);                                                         \
        return !refused(&slots[n], params) && slots[n].mac_init(context, key, size, params);       \
    }                                                                                              \
    static int set_ctx_params_##n(void *context, const OSSL_PARAM params[])                        \
    {                                                                                              \
        return !refused(&slots[n], params) && slots[n].set_ctx_params(context, params);            \
    }                                                                                              \
    static int derive_##n(void *context, unsigned char *key, size_t size,                          \
                          const OSSL_PARAM params[])                                               \
    {                                                                                              \
        return !refused(&slots[n], params) && slots[n].derive(context, key, size, params);         \
    }                                                                                              \
    static int exchange_init_##n(void *context, void *key, const OSSL_PARAM params[])              \
    {                                                                                              \
        return !refused(&slots[n], params) && slots[n].exchange_init(context, key, params);        \
    }                                                                                              \
    static int import_##n(void *key, int selection, const OSSL_PARAM params[])                     \
    {                                                                                              \
        return !refused(&slots[n], params) && slots[n].import(key, selection, params);             \
    }                                                                                              \
    static void *gen_init_##n(void *provctx, int selection, const OSSL_PARAM params[])             \
    {                                                                                              \
        return refused(&slots[n], params) ? NULL : slots[n].gen_init(provctx, selection, params);  \
    }                                                                                              \
    static skey_mac_init_fn mac_init_skey_##n;                                                     \
    static int mac_init_skey_##n(void *context, void *keydata, const OSSL_PARAM params[])          \
    {                                                                                              \
        if (skey_key(keydata, NULL) != NULL)                                                       \
            return refuse_skey();                                                                  \
        return !refused(&slots[n], params) && slots[n].mac_init_skey(context, keydata, params);    \
    }                                                                                              \
    static skey_kdf_set_fn set_skey_##n;                                                           \
    static int set_skey_##n(void *context, void *keydata, const char *name)                        \
    {                                                                                              \
        return skey_key(keydata, NULL) != NULL ? refuse_skey()                                     \
                                               : slots[n].set_skey(context, keydata, name);        \
    }                                                                                              \
    static skey_derive_fn derive_skey_##n;                                                         \
    static void *derive_skey_##n(void *context, const char *type, void *provctx,                   \
                                 skey_import_fn *import, size_t size, const OSSL_PARAM params[])   \
    {                                                                                              \
        if (refused(&slots[n], params))                                                            \
            return NULL;                                                                           \
        return slots[n].derive_skey(context, type, provctx, import, size, params);                 \
    }
SOME_SLOTS(THUNKS)

#define ROW(n)                                                                                     \
    { mac_init_##n, set_ctx_params_##n, derive_##n,   exchange_init_##n, import_##n,               \
      gen_init_##n, mac_init_skey_##n,  set_skey_##n, derive_skey_##n },
static const struct {
    OSSL_FUNC_mac_init_fn *mac_init;
    OSSL_FUNC_mac_set_ctx_params_fn *set_ctx_params;
    OSSL_FUNC_kdf_derive_fn *derive;
    OSSL_FUNC_keyexch_init_fn *exchange_init;
    OSSL_FUNC_keymgmt_import_fn *import;
    OSSL_FUNC_keymgmt_gen_init_fn *gen_init;
    skey_mac_init_fn *mac_init_skey;
    skey_kdf_set_fn *set_skey;
    skey_derive_fn *derive_skey;
} thunks[SLOTS_SOME] = { SOME_SLOTS(ROW) };

static bool fill(size_t n, const struct guard *guard, bool references_allowed,
                 const OSSL_DISPATCH *implementation)
{
    struct params_slot *slot = &slots[n];
    OSSL_DISPATCH *copy = slots_copy_dispatch(implementation);

    if (copy == NULL)
        return false;
#define PUT(name, type)                                                                            \
    if (row->function_id == guard->name) {                                                         \
        slot->name = (type *)row->function;                                                        \
        row->function = (void (*)(void))thunks[n].name;                                            \
    }
    for (OSSL_DISPATCH *row = copy; row->function_id != 0; row++) {
        PUT(mac_init, OSSL_FUNC_mac_init_fn)
        PUT(set_ctx_params, OSSL_FUNC_mac_set_ctx_params_fn)
        PUT(derive, OSSL_FUNC_kdf_derive_fn)
        PUT(exchange_init, OSSL_FUNC_keyexch_init_fn)
        PUT(import, OSSL_FUNC_keymgmt_import_fn)
        PUT(gen_init, OSSL_FUNC_keymgmt_gen_init_fn)
        PUT(mac_init_skey, skey_mac_init_fn)
        PUT(set_skey, skey_kdf_set_fn)
        PUT(derive_skey, skey_derive_fn)
    }
#undef PUT
    slot->guard = guard;
    slot->references_allowed = references_allowed;
    slot->from = implementation;
    slot->to = copy;
    return true;
}

static const struct guard *choose(int operation, const char *names)
{
    for (size_t i = 0; i < sizeof(guards) / sizeof(guards[0]); i++) {
        if (guards[i].operation == operation &&
            (guards[i].only == NULL || algorithm_is(names, guards[i].only)))
            return &guards[i];
    }
    return NULL;
}

/* Whether an EVP_SKEY can get to it. */
static bool takes_skeys(const struct guard *guard, const OSSL_DISPATCH *row)
{
    for (; row->function_id != 0; row++) {
        if (row->function_id == guard->mac_init_skey || row->function_id == guard->set_skey)
            return true;
    }
    return false;
}

const OSSL_DISPATCH *gateway_refusal_params(int operation, const char *names,
                                            bool references_allowed,
                                            const OSSL_DISPATCH *implementation)
{
    const struct guard *guard = choose(operation, names);

    if (guard == NULL || guard->names[0] == NULL ||
        (references_allowed && !takes_skeys(guard, implementation)))
        return implementation;
    for (size_t n = 0; n < SLOTS_SOME; n++) {
        if ((slots[n].from == implementation &&
             slots[n].references_allowed == references_allowed) ||
            (slots[n].from == NULL && fill(n, guard, references_allowed, implementation)))
            return slots[n].to;
    }
    return NULL;
}
