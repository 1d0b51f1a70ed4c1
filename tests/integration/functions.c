/*
 * What the provider's functions do that EVP, as it is, does not ask for, or not in this order: data
 * before a key, output that does not fit, requests that are too large, contexts that are not there.
 * The program has the provider linked in and looks its functions up as libcrypto does.
 */
#include "testing.h"

#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/store.h>

#include "pkey/pkey.h"
#include "skey/skey.h"

extern OSSL_provider_init_fn OSSL_provider_init;

static OSSL_LIB_CTX *context;
static OSSL_PROVIDER *provider;
static void *provctx;

static int setup(void **state)
{
    const char *content;

    if (testing_setup(state) != 0)
        return -1;
    token_standard();
    content = text("openssl_conf = init\n[init]\nproviders = providers\n[providers]\n"
                   "hsmzke = hsmzke\n[hsmzke]\nactivate = 1\nraw-keys = software\n%s",
                   settings_standard());
    context = OSSL_LIB_CTX_new();
    CHECK(context != NULL && OSSL_PROVIDER_add_builtin(context, "hsmzke", OSSL_provider_init));
    CHECK(OSSL_LIB_CTX_load_config(context, write_file("own.cnf", content, strlen(content))) == 1);
    provider = OSSL_PROVIDER_load(context, "hsmzke");
    CHECK(provider != NULL);
    provctx = OSSL_PROVIDER_get0_provider_ctx(provider);
    return 0;
}

static int teardown(void **state)
{
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(context);
    return testing_teardown(state);
}

static const OSSL_DISPATCH *functions_of(int operation, const char *name)
{
    int no_cache;
    const OSSL_ALGORITHM *table = OSSL_PROVIDER_query_operation(provider, operation, &no_cache);

    while (table->algorithm_names != NULL &&
           (strncmp(table->algorithm_names, name, strlen(name)) != 0 ||
            strchr(":", table->algorithm_names[strlen(name)]) == NULL))
        table++;
    CHECK(table->algorithm_names != NULL);
    return table->implementation;
}

static void (*function(const OSSL_DISPATCH *table, int id))(void)
{
    while (table->function_id != 0 && table->function_id != id)
        table++;
    CHECK(table->function_id != 0);
    return table->function;
}

#define CALL_OF(table, type, ID) ((OSSL_FUNC_##type##_fn *)function((table), OSSL_FUNC_##ID))

static void says(int result, const char *words)
{
    CHECK(result == 0);
    CHECK_HAS(error_text(), words);
}

static struct pkey *gold(void)
{
    struct instance *instance = instance_find(provctx);
    struct pkey *pkey = pkey_new(instance, HSM_ANY);
    struct failure why;

    CHECK(pkey != NULL && pkey_set_reference(pkey, "hsmzke:gold", &why));
    instance_free(instance);
    return pkey;
}

/* ---- sealed messages, MACs by keys ---- */

static void sealing(void **state)
{
    const OSSL_DISPATCH *f = functions_of(OSSL_OP_ASYM_CIPHER, HSMZKE_PKEY_TYPE);
    void *ctx = CALL_OF(f, asym_cipher_newctx, ASYM_CIPHER_NEWCTX)(provctx);
    struct pkey *pkey = gold();
    unsigned char out[256], in[16] = "to be sealed", opened[16];
    size_t size = 0, opened_size = 0;

    (void)state;
    CHECK(ctx != NULL && CALL_OF(f, asym_cipher_newctx, ASYM_CIPHER_NEWCTX)(&size) == NULL);
    ERR_clear_error();
    says(CALL_OF(f, asym_cipher_encrypt_init, ASYM_CIPHER_ENCRYPT_INIT)(ctx, NULL, NULL),
         "no key was set");
    says(CALL_OF(f, asym_cipher_encrypt, ASYM_CIPHER_ENCRYPT)(ctx, out, &size, sizeof(out), in, 16),
         "no key was set");
    CHECK(CALL_OF(f, asym_cipher_encrypt_init, ASYM_CIPHER_ENCRYPT_INIT)(ctx, pkey, NULL) == 1);
    CHECK(CALL_OF(f, asym_cipher_encrypt_init, ASYM_CIPHER_ENCRYPT_INIT)(ctx, NULL, NULL) == 1);
    says(CALL_OF(f, asym_cipher_encrypt, ASYM_CIPHER_ENCRYPT)(ctx, out, &size, 20, in, 16),
         "has 20 bytes and needs");
    CHECK(CALL_OF(f, asym_cipher_encrypt, ASYM_CIPHER_ENCRYPT)(ctx, out, &size, sizeof(out), in,
                                                               16) == 1);
    says(CALL_OF(f, asym_cipher_decrypt, ASYM_CIPHER_DECRYPT)(ctx, opened, &opened_size, 15, out,
                                                              size),
         "has 15 bytes and needs 16");
    CHECK(CALL_OF(f, asym_cipher_decrypt, ASYM_CIPHER_DECRYPT)(ctx, opened, &opened_size, 16, out,
                                                               size) == 1);
    CHECK(opened_size == 16 && memcmp(opened, in, 16) == 0);
    CALL_OF(f, asym_cipher_freectx, ASYM_CIPHER_FREECTX)(ctx);
    CALL_OF(f, asym_cipher_freectx, ASYM_CIPHER_FREECTX)(NULL);
    pkey_free(pkey);
}

static void signing(void **state)
{
    const OSSL_DISPATCH *f = functions_of(OSSL_OP_SIGNATURE, HSMZKE_PKEY_TYPE);
    void *ctx = CALL_OF(f, signature_newctx, SIGNATURE_NEWCTX)(provctx, NULL);
    struct pkey *pkey = gold();
    unsigned char out[64];
    size_t size = 0;

    (void)state;
    CHECK(ctx != NULL && CALL_OF(f, signature_newctx, SIGNATURE_NEWCTX)(&size, NULL) == NULL);
    ERR_clear_error();
    says(CALL_OF(f, signature_digest_sign_init, SIGNATURE_DIGEST_SIGN_INIT)(ctx, NULL, NULL, NULL),
         "no key was set");
    says(CALL_OF(f, signature_digest_sign_update, SIGNATURE_DIGEST_SIGN_UPDATE)(ctx, out, 16),
         "no key was set");
    says(CALL_OF(f, signature_digest_sign_final, SIGNATURE_DIGEST_SIGN_FINAL)(ctx, out, &size, 64),
         "no key was set");
    says(CALL_OF(f, signature_sign, SIGNATURE_SIGN)(ctx, out, &size, 64, out, 32), "-rawin");
    says(CALL_OF(f, signature_verify, SIGNATURE_VERIFY)(ctx, out, 16, out, 32), "-rawin");
    CHECK(CALL_OF(f, signature_digest_sign_init, SIGNATURE_DIGEST_SIGN_INIT)(ctx, NULL, pkey,
                                                                             NULL) == 1);
    says(CALL_OF(f, signature_digest_sign_final, SIGNATURE_DIGEST_SIGN_FINAL)(ctx, out, &size, 15),
         "has 15 bytes and needs 16");
    CALL_OF(f, signature_freectx, SIGNATURE_FREECTX)(ctx);
    CALL_OF(f, signature_freectx, SIGNATURE_FREECTX)(NULL);
    pkey_free(pkey);
}

/* ---- random numbers ---- */

static void random_numbers(void **state)
{
    const OSSL_DISPATCH *f = functions_of(OSSL_OP_RAND, "HSMZKE-RAND");
    void *ctx = CALL_OF(f, rand_newctx, RAND_NEWCTX)(provctx, NULL, NULL);
    OSSL_FUNC_rand_generate_fn *generate = CALL_OF(f, rand_generate, RAND_GENERATE);
    OSSL_FUNC_rand_get_seed_fn *get_seed = CALL_OF(f, rand_get_seed, RAND_GET_SEED);
    static unsigned char out[1 << 21];
    unsigned char *seed = NULL;
    const OSSL_PARAM *params =
        CALL_OF(f, rand_gettable_ctx_params, RAND_GETTABLE_CTX_PARAMS)(ctx, provctx);
    size_t size, most = 0;
    OSSL_PARAM asked[] = { OSSL_PARAM_construct_size_t(OSSL_RAND_PARAM_MAX_REQUEST, &most),
                           OSSL_PARAM_construct_end() };

    (void)state;
    CHECK(ctx != NULL && CALL_OF(f, rand_newctx, RAND_NEWCTX)(&most, NULL, NULL) == NULL);
    CHECK(OSSL_PARAM_locate_const(params, OSSL_RAND_PARAM_STRENGTH) != NULL);
    CHECK(CALL_OF(f, rand_get_ctx_params, RAND_GET_CTX_PARAMS)(ctx, asked) == 1 && most > 0);
    ERR_clear_error();
    CHECK(get_seed(ctx, &seed, 256, 32, 64, 0, NULL, 0) == 0 && seed == NULL); /* not yet */
    says(generate(ctx, out, 16, 256, 0, NULL, 0), "not instantiated");
    CHECK(CALL_OF(f, rand_instantiate, RAND_INSTANTIATE)(ctx, 256, 0, NULL, 0, NULL) == 1);
    CHECK(most < sizeof(out));
    says(generate(ctx, out, most + 1, 256, 0, NULL, 0), "at once");
    CHECK(generate(ctx, out, 0, 256, 0, NULL, 0) == 1);
    size = get_seed(ctx, &seed, 8, 48, 64, 0, NULL, 0);
    CHECK(size == 48 && seed != NULL);
    CALL_OF(f, rand_clear_seed, RAND_CLEAR_SEED)(ctx, seed, size);
    CHECK(get_seed(ctx, &seed, 256, 16, 31, 0, NULL, 0) == 0);
    CHECK(get_seed(ctx, &seed, 0, 0, 31, 0, NULL, 0) == 0);
    CALL_OF(f, rand_freectx, RAND_FREECTX)(ctx);
    CALL_OF(f, rand_freectx, RAND_FREECTX)(NULL);
}

/* ---- the STORE: what is expected of it ---- */

static int take(const OSSL_PARAM params[], void *seen)
{
    const OSSL_PARAM *type = OSSL_PARAM_locate_const(params, "data-type");
    const OSSL_PARAM *reference = OSSL_PARAM_locate_const(params, "reference");

    CHECK(type != NULL && strcmp(type->data, "AES") == 0);
    CHECK(reference != NULL && reference->data_size == 32);
    memcpy(seen, reference->data, 32);
    return 1;
}

static void store_gives_skeys(void **state)
{
    const OSSL_DISPATCH *f = functions_of(OSSL_OP_STORE, "hsmzke");
    OSSL_FUNC_store_set_ctx_params_fn *set = CALL_OF(f, store_set_ctx_params, STORE_SET_CTX_PARAMS);
    OSSL_FUNC_store_load_fn *load = CALL_OF(f, store_load, STORE_LOAD);
    void *store = CALL_OF(f, store_open, STORE_OPEN)(provctx, "hsmzke:silver");
    int expected = SKEY_STORE_INFO;
    char wrong[] = "no number";
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_int(OSSL_STORE_PARAM_EXPECT, &expected),
                                  OSSL_PARAM_construct_end() };
    const OSSL_PARAM wrong_params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_STORE_PARAM_EXPECT, wrong, 0),
        OSSL_PARAM_construct_end(),
    };
    unsigned char seen[32], reference[32];

    (void)state;
    reference_by_name(reference, "silver");
    CHECK(store != NULL && set(store, NULL) == 1 && set(store, wrong_params) == 0);
    CHECK(OSSL_PARAM_locate_const(
              CALL_OF(f, store_settable_ctx_params, STORE_SETTABLE_CTX_PARAMS)(provctx),
              OSSL_STORE_PARAM_EXPECT) != NULL);
    CHECK(set(store, params) == 1 && load(store, take, seen, NULL, NULL) == 1);
    CHECK(memcmp(seen, reference, 32) == 0);
    CHECK(load(store, take, seen, NULL, NULL) == 0); /* there was one */
    CHECK(CALL_OF(f, store_eof, STORE_EOF)(store) == 1);
    CHECK(CALL_OF(f, store_close, STORE_CLOSE)(store) == 1);
    CHECK(CALL_OF(f, store_close, STORE_CLOSE)(NULL) == 1);
    ERR_clear_error();
}

/* ---- ciphers ---- */

static void cipher_parameters(void **state)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, "AES-256-CBC", "provider=hsmzke");
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const unsigned char iv[16] = "sixteen bytes..";
    unsigned char reference[32], out[64], small[8];
    unsigned int version = 0x303;
    void *pointer = NULL, *mac = NULL;
    OSSL_PARAM params[] = { OSSL_PARAM_construct_octet_ptr(OSSL_CIPHER_PARAM_IV, &pointer, 16),
                            OSSL_PARAM_construct_octet_ptr(OSSL_CIPHER_PARAM_TLS_MAC, &mac, 0),
                            OSSL_PARAM_construct_uint("no-such-parameter", &version),
                            OSSL_PARAM_construct_end() };
    OSSL_PARAM too_small[] = {
        OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_IV, small, sizeof(small)),
        OSSL_PARAM_construct_end(),
    };
    const OSSL_PARAM tls[] = {
        OSSL_PARAM_construct_uint(OSSL_CIPHER_PARAM_TLS_VERSION, &version),
        OSSL_PARAM_construct_end(),
    };
    int n;

    (void)state;
    reference_by_name(reference, "gold");
    CHECK(cipher != NULL && EVP_EncryptInit_ex2(ctx, cipher, reference, iv, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_get_params(ctx, params) == 1);
    CHECK(pointer != NULL && memcmp(pointer, iv, 16) == 0);
    says(EVP_CIPHER_CTX_get_params(ctx, too_small), "iv");
    CHECK(EVP_CIPHER_CTX_set_params(ctx, tls) == 1);
    says(EVP_EncryptUpdate(ctx, out, &n, iv, 16), "TLS records are not offered");
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

/* Less room than there is output: EVP does not say how much there is, others do. */
static void cipher_without_room(void **state)
{
    static const char *const names[] = { "AES-256-CBC", "AES-256-CTR", "AES-256-GCM" };
    const unsigned char iv[16] = "sixteen bytes..";
    unsigned char reference[32], out[64];
    size_t written;

    (void)state;
    reference_by_name(reference, "gold");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const OSSL_DISPATCH *f = functions_of(OSSL_OP_CIPHER, names[i]);
        OSSL_FUNC_cipher_update_fn *update = CALL_OF(f, cipher_update, CIPHER_UPDATE);
        void *ctx = CALL_OF(f, cipher_newctx, CIPHER_NEWCTX)(provctx);

        CHECK(ctx != NULL);
        CHECK(CALL_OF(f, cipher_encrypt_init, CIPHER_ENCRYPT_INIT)(ctx, reference, 32, iv,
                                                                   i == 2 ? 12 : 16, NULL) == 1);
        blank_fill(out, sizeof(out));
        says(update(ctx, out, &written, 31, iv, 16) == 1 &&
                 update(ctx, out + 16, &written, 15, iv, 16) == 1,
             "too small");
        CALL_OF(f, cipher_freectx, CIPHER_FREECTX)(ctx);
        CALL_OF(f, cipher_freectx, CIPHER_FREECTX)(NULL);
    }
}

/* ---- MACs keyed by parameters ---- */

static void mac_by_parameters(void **state)
{
    EVP_MAC_CTX *ctx = mac_context(context, "CMAC", "AES-256-CBC");
    unsigned char key[32], expected[64], out[64];
    struct mac_message theirs = { .mac = "CMAC",
                                  .algorithm = "AES-256-CBC",
                                  .key = key,
                                  .key_size = 32,
                                  .in = expected,
                                  .size = 16 };
    char reference[] = "hsmzke:gold";
    const OSSL_PARAM raw[] = { OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, 32),
                               OSSL_PARAM_construct_end() };
    const OSSL_PARAM as_text[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_KEY, reference, 0),
        OSSL_PARAM_construct_end(),
    };
    OSSL_PARAM many[40];
    size_t size = 0;

    (void)state;
    unhex(GOLD_KEY, key, sizeof(key));
    memset(expected, 7, sizeof(expected));
    CHECK(mac_run(context_default(), &theirs) == 1);
    CHECK(EVP_MAC_CTX_set_params(ctx, raw) == 1);
    for (int i = 0; i < 2; i++) { /* the second time, with the key of before */
        CHECK(EVP_MAC_init(ctx, NULL, 0, NULL) == 1 && EVP_MAC_update(ctx, expected, 16) == 1);
        CHECK(EVP_MAC_final(ctx, out, &size, sizeof(out)) == 1);
        CHECK(size == theirs.out_size && memcmp(out, theirs.out, size) == 0);
    }
    says(EVP_MAC_CTX_set_params(ctx, as_text), "no octet string");
    says(EVP_MAC_init(ctx, NULL, 0, NULL), "CMAC"); /* no key was left */
    for (size_t i = 0; i < 39; i++)
        many[i] = OSSL_PARAM_construct_size_t("size", &size);
    many[0] = raw[0];
    many[39] = OSSL_PARAM_construct_end();
    says(EVP_MAC_CTX_set_params(ctx, many), "too many parameters");
    EVP_MAC_CTX_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealing),           cmocka_unit_test(signing),
        cmocka_unit_test(random_numbers),    cmocka_unit_test(store_gives_skeys),
        cmocka_unit_test(cipher_parameters), cmocka_unit_test(cipher_without_room),
        cmocka_unit_test(mac_by_parameters),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
