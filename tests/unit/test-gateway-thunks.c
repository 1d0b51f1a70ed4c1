/*
 * What stands in front of the default provider's functions, with functions of the test in their
 * place: those of later versions of OpenSSL, too, whichever is here.
 */
#include "testing.h"

#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>

#include "gateway/gateway.h"
#include "gateway/slots.h"
#include "skey/skey.h"

static unsigned int calls;
static void *context[8]; /* of the functions below, and an EVP_SKEY of software: NULL in it */

static const char reference[] = "hsmzke:gold";
static const unsigned char bytes[32] = "no reference";

static void (*function_of(const OSSL_DISPATCH *table, int id))(void)
{
    for (; table->function_id != 0; table++)
        if (table->function_id == id)
            return table->function;
    CHECK(false);
    return NULL;
}

/* ---- ciphers ---- */

static int cipher_init(void *ctx, const unsigned char *key, size_t size, const unsigned char *iv,
                       size_t iv_size, const OSSL_PARAM params[])
{
    (void)key, (void)size, (void)iv, (void)iv_size, (void)params;
    CHECK(ctx == &context);
    calls++;
    return 1;
}

static int skey_init(void *ctx, void *keydata, const unsigned char *iv, size_t iv_size,
                     const OSSL_PARAM params[])
{
    (void)iv, (void)iv_size, (void)params;
    CHECK(ctx == &context && keydata != NULL);
    calls++;
    return 1;
}

static int set_params(void *ctx, const OSSL_PARAM params[])
{
    (void)params;
    CHECK(ctx == &context);
    calls++;
    return 1;
}

/* What the default provider has behind an EVP_SKEY of raw bytes: here, their address. */
static int export(void *keydata, int selection, OSSL_CALLBACK *callback, void *argument)
{
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string("raw-bytes", keydata, 32),
        OSSL_PARAM_construct_end(),
    };

    (void)selection;
    return callback(params, argument);
}

static void *import(void *provctx, int selection, const OSSL_PARAM params[])
{
    (void)provctx, (void)selection, (void)params;
    return NULL;
}

static void free_nothing(void *keydata)
{
    (void)keydata;
}

static void skeys_of_software(void)
{
    static const OSSL_DISPATCH software[] = {
        { 1, (void (*)(void))free_nothing },
        { 2, (void (*)(void))import },
        { 3, (void (*)(void)) export },
        { 0, NULL },
    };

    CHECK(skey_dispatch("GENERIC-SECRET", software) != NULL);
    CHECK(skey_dispatch("AES-128", software) == NULL);
}

static void ciphers_refuse(void **state)
{
    static const OSSL_DISPATCH cipher[] = {
        { OSSL_FUNC_CIPHER_ENCRYPT_INIT, (void (*)(void))cipher_init },
        { OSSL_FUNC_CIPHER_DECRYPT_INIT, (void (*)(void))cipher_init },
        { OSSL_FUNC_CIPHER_SET_CTX_PARAMS, (void (*)(void))set_params },
        { SKEY_CIPHER_ENCRYPT_INIT, (void (*)(void))skey_init },
        { SKEY_CIPHER_DECRYPT_INIT, (void (*)(void))skey_init },
        { 0, NULL },
    };
    static const int inits[] = { OSSL_FUNC_CIPHER_ENCRYPT_INIT, OSSL_FUNC_CIPHER_DECRYPT_INIT };
    static const int skey_inits[] = { SKEY_CIPHER_ENCRYPT_INIT, SKEY_CIPHER_DECRYPT_INIT };
    const OSSL_DISPATCH *guarded = gateway_refusal(cipher);
    unsigned char refused[32] = "hsmzke:gold", half[32] = { 0 }, raw[32];
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_MAC_KEY, refused, 32),
        OSSL_PARAM_construct_end(),
    };

    (void)state;
    skeys_of_software();
    memcpy(half + 16, reference, 11);
    memcpy(raw, bytes, sizeof(raw));
    CHECK(guarded != NULL && gateway_refusal(cipher) == guarded);
    calls = 0;
    for (size_t i = 0; i < 2; i++) {
        OSSL_FUNC_cipher_encrypt_init_fn *init =
            (OSSL_FUNC_cipher_encrypt_init_fn *)function_of(guarded, inits[i]);
        skey_cipher_init_fn *init_skey = (skey_cipher_init_fn *)function_of(guarded, skey_inits[i]);

        CHECK(init(&context, refused, 32, NULL, 0, NULL) == 0);
        CHECK(init(&context, half, 32, NULL, 0, NULL) == 0);
        CHECK(init(&context, raw, 32, NULL, 0, params) == 0);
        CHECK(init_skey(&context, refused, NULL, 0, NULL) == 0);
        CHECK(init_skey(&context, half, NULL, 0, NULL) == 0);
        CHECK(init_skey(&context, raw, NULL, 0, params) == 0);
        CHECK(calls == 3 * i);
        CHECK(init(&context, raw, 32, NULL, 0, NULL) == 1);
        CHECK(init_skey(&context, raw, NULL, 0, NULL) == 1);
        CHECK(init_skey(&context, NULL, NULL, 0, NULL) == 1); /* the key of before */
        CHECK(calls == 3 * i + 3);
    }
    CHECK(((OSSL_FUNC_cipher_set_ctx_params_fn *)function_of(
              guarded, OSSL_FUNC_CIPHER_SET_CTX_PARAMS))(&context, params) == 0);
    CHECK(calls == 6);
}

/* ---- MACs and KDFs ---- */

static int mac_init_skey(void *ctx, void *keydata, const OSSL_PARAM params[])
{
    (void)keydata;
    return set_params(ctx, params);
}

static int set_skey(void *ctx, void *keydata, const char *name)
{
    (void)keydata, (void)name;
    return set_params(ctx, NULL);
}

static void *derive_skey(void *ctx, const char *type, void *provctx, skey_import_fn *import_key,
                         size_t size, const OSSL_PARAM params[])
{
    (void)type, (void)provctx, (void)import_key, (void)size;
    return set_params(ctx, params) == 1 ? &context : NULL;
}

static void macs_and_kdfs_refuse(void **state)
{
    static const OSSL_DISPATCH mac[] = { { SKEY_MAC_INIT, (void (*)(void))mac_init_skey },
                                         { 0, NULL } };
    static const OSSL_DISPATCH kdf[] = { { SKEY_KDF_SET, (void (*)(void))set_skey },
                                         { SKEY_KDF_DERIVE, (void (*)(void))derive_skey },
                                         { 0, NULL } };
    const OSSL_DISPATCH *mac_guarded = gateway_refusal_params(OSSL_OP_MAC, "KMAC-256", false, mac);
    const OSSL_DISPATCH *kdf_guarded = gateway_refusal_params(OSSL_OP_KDF, "HKDF", true, kdf);
    unsigned char refused[11], text_of[11];
    unsigned char *pointer = refused;
    const OSSL_PARAM key[] = { OSSL_PARAM_construct_octet_string("key", refused, 11),
                               OSSL_PARAM_construct_end() };
    const OSSL_PARAM text_key[] = { OSSL_PARAM_construct_utf8_string("key", (char *)text_of, 11),
                                    OSSL_PARAM_construct_end() };
    const OSSL_PARAM pointed[] = {
        OSSL_PARAM_construct_octet_ptr("key", (void **)(void *)&pointer, 11),
        OSSL_PARAM_construct_end(),
    };
    const OSSL_PARAM other[] = { OSSL_PARAM_construct_octet_string("custom", refused, 11),
                                 OSSL_PARAM_construct_end() };
    const OSSL_PARAM *const refusals[] = { key, text_key, pointed };
    skey_mac_init_fn *init;

    (void)state;
    memcpy(refused, reference, sizeof(refused));
    memcpy(text_of, reference, sizeof(text_of));
    CHECK(mac_guarded != NULL && mac_guarded != mac && kdf_guarded != NULL && kdf_guarded != kdf);
    calls = 0;
    init = (skey_mac_init_fn *)function_of(mac_guarded, SKEY_MAC_INIT);
    for (size_t i = 0; i < 3; i++)
        CHECK(init(&context, &context, refusals[i]) == 0 && calls == 0);
    CHECK(init(&context, &context, other) == 1 && calls == 1);
    CHECK(((skey_kdf_set_fn *)function_of(kdf_guarded, SKEY_KDF_SET))(&context, &context, "key") ==
          1);
    /* With references-elsewhere = allow. */
    CHECK(((skey_derive_fn *)function_of(kdf_guarded, SKEY_KDF_DERIVE))(
              &context, "AES", NULL, import, 32, key) == &context);
    CHECK(calls == 3);
    kdf_guarded = gateway_refusal_params(OSSL_OP_KDF, "HKDF", false, kdf);
    CHECK(((skey_derive_fn *)function_of(kdf_guarded, SKEY_KDF_DERIVE))(&context, "AES", NULL,
                                                                        import, 32, key) == NULL);
    CHECK(calls == 3);
    /* No guard: nothing takes a key there. */
    CHECK(gateway_refusal_params(OSSL_OP_DIGEST, "SHA2-256", false, mac) == mac);
}

/* ---- random generators: told the name of their provider (3.5) ---- */

static const char *told;

static int take_name(const OSSL_PARAM params[])
{
    const OSSL_PARAM *name = OSSL_PARAM_locate_const(params, "provider-name");

    calls++;
    told = name != NULL ? name->data : NULL;
    return 1;
}

static int instantiate(void *ctx, unsigned int strength, int resistance, const unsigned char *text,
                       size_t size, const OSSL_PARAM params[])
{
    (void)ctx, (void)strength, (void)resistance, (void)text, (void)size;
    return params == NULL || take_name(params);
}

static int set_rand_params(void *ctx, const OSSL_PARAM params[])
{
    (void)ctx;
    return params == NULL || take_name(params);
}

static void random_generators_are_told_right(void **state)
{
    static const OSSL_DISPATCH rand[] = {
        { OSSL_FUNC_RAND_INSTANTIATE, (void (*)(void))instantiate },
        { OSSL_FUNC_RAND_SET_CTX_PARAMS, (void (*)(void))set_rand_params },
        { 0, NULL },
    };
    const OSSL_DISPATCH *put_right = gateway_rand(rand);
    OSSL_FUNC_rand_instantiate_fn *start;
    OSSL_FUNC_rand_set_ctx_params_fn *set;
    OSSL_PARAM many[40];
    char name[] = "hsmzke";
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("provider-name", name, 0),
                                  OSSL_PARAM_construct_end() };

    (void)state;
    CHECK(put_right != NULL && gateway_rand(rand) == put_right);
    start = (OSSL_FUNC_rand_instantiate_fn *)function_of(put_right, OSSL_FUNC_RAND_INSTANTIATE);
    set = (OSSL_FUNC_rand_set_ctx_params_fn *)function_of(put_right, OSSL_FUNC_RAND_SET_CTX_PARAMS);
    CHECK(start(&context, 256, 0, NULL, 0, params) == 1 && strcmp(told, "default") == 0);
    told = NULL;
    CHECK(set(&context, params) == 1 && strcmp(told, "default") == 0);
    CHECK(start(&context, 256, 0, NULL, 0, NULL) == 1 && set(&context, NULL) == 1);
    /* More than there is room for: not cut, but refused. */
    for (size_t i = 0; i < 39; i++)
        many[i] = params[0];
    many[39] = OSSL_PARAM_construct_end();
    calls = 0;
    CHECK(start(&context, 256, 0, NULL, 0, many) == 0 && set(&context, many) == 0 && calls == 0);
}

/* ---- the loader of files ---- */

static void *open_file(void *provctx, const char *uri)
{
    (void)provctx, (void)uri;
    calls++;
    return &context;
}

static void *open_file_ex(void *provctx, const char *uri, const OSSL_PARAM params[],
                          OSSL_PASSPHRASE_CALLBACK *callback, void *argument)
{
    (void)params, (void)callback, (void)argument;
    return open_file(provctx, uri);
}

static void files_named_as_keys_are_declined(void **state)
{
    enum { OPEN_EX = 10 }; /* of OpenSSL 3.2 */
    typedef void *open_ex_fn(void *, const char *, const OSSL_PARAM[], OSSL_PASSPHRASE_CALLBACK *,
                             void *);
    static const OSSL_DISPATCH loader[] = { { OSSL_FUNC_STORE_OPEN, (void (*)(void))open_file },
                                            { OPEN_EX, (void (*)(void))open_file_ex },
                                            { 0, NULL } };
    static const OSSL_DISPATCH another[] = { { 0, NULL } };
    const OSSL_DISPATCH *guarded = gateway_file(loader);
    OSSL_FUNC_store_open_fn *open;
    open_ex_fn *open_ex;

    (void)state;
    CHECK(guarded != NULL && gateway_file(loader) == guarded && gateway_file(another) == NULL);
    open = (OSSL_FUNC_store_open_fn *)function_of(guarded, OSSL_FUNC_STORE_OPEN);
    open_ex = (open_ex_fn *)function_of(guarded, OPEN_EX);
    calls = 0;
    CHECK(open(NULL, reference) == NULL && open_ex(NULL, reference, NULL, NULL, NULL) == NULL);
    CHECK(calls == 0);
    CHECK(open(NULL, "./hsmzke:gold") != NULL);
    CHECK(open_ex(NULL, "./hsmzke:gold", NULL, NULL, NULL) != NULL && calls == 2);
}

/* ---- slots: what finds none is not offered ---- */

static void slots_run_out(void **state)
{
    static const OSSL_DISPATCH many[200][1] = { { { 0, NULL } } };

    (void)state;
    for (size_t i = 0; i < 200; i++) {
        const bool offered = gateway_refusal(many[i]) != NULL;

        CHECK(offered == (i < SLOTS_MANY - 1)); /* one is taken above */
    }
    for (size_t i = 0; i < 10; i++)
        CHECK((gateway_rand(many[i]) != NULL) == (i < SLOTS_FEW - 1));
    for (size_t i = 0; i < 110; i++) {
        CHECK((gateway_refusal_params(OSSL_OP_MAC, "A-MAC", false, many[i]) != NULL) ==
              (i < SLOTS_SOME - 3));
        CHECK((gateway_legacy(OSSL_OP_KDF, many[i]) != NULL) == (i < SLOTS_SOME));
    }
    CHECK(gateway_legacy(OSSL_OP_MAC, many[0]) == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ciphers_refuse),
        cmocka_unit_test(macs_and_kdfs_refuse),
        cmocka_unit_test(random_generators_are_told_right),
        cmocka_unit_test(files_named_as_keys_are_declined),
        cmocka_unit_test(slots_run_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
