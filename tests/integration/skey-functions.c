/*
 * The provider's functions for EVP_SKEYs, called as libcrypto calls them from 3.5 on, whichever is
 * here; the program has the provider linked in, and a few functions in the place of the default
 * provider's.  With EVP_SKEYs themselves: skey.c, skey-refused.c.
 */
#include "testing.h"

#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "hsmzke/hsmzke.h"
#include "skey/skey.h"

enum { FREE = 1, IMPORT, EXPORT, GENERATE, KEY_ID, IMPORTABLE, GENERABLE, SECRET_KEY = 2 };

typedef int export_fn(void *keydata, int selection, OSSL_CALLBACK *callback, void *argument);
typedef void *generate_fn(void *provctx, const OSSL_PARAM params[]);
typedef const char *key_id_fn(void *keydata);
typedef const OSSL_PARAM *settable_fn(void *provctx);
typedef void free_fn(void *keydata);

extern OSSL_provider_init_fn OSSL_provider_init;

static OSSL_LIB_CTX *context;
static OSSL_PROVIDER *provider;
static void *provctx;
static const OSSL_DISPATCH *aes, *secrets; /* the types AES and GENERIC-SECRET */
static unsigned char raw[32];              /* an EVP_SKEY of the default provider's */
static unsigned int software_calls;

static void free_software(void *keydata)
{
    CHECK(keydata == raw);
    software_calls++;
}

static void *import_software(void *ctx, int selection, const OSSL_PARAM params[])
{
    (void)ctx, (void)selection, (void)params;
    software_calls++;
    return raw;
}

static int export_software(void *keydata, int selection, OSSL_CALLBACK *callback, void *argument)
{
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(SKEY_PARAM_RAW_BYTES, keydata, sizeof(raw)),
        OSSL_PARAM_construct_end(),
    };

    (void)selection;
    CHECK(keydata == raw);
    software_calls++;
    return callback(params, argument);
}

static void (*function_of(const OSSL_DISPATCH *table, int id))(void)
{
    while (table->function_id != 0 && table->function_id != id)
        table++;
    CHECK(table->function_id != 0);
    return table->function;
}

static int setup(void **state)
{
    static const OSSL_DISPATCH software[] = { { FREE, (void (*)(void))free_software },
                                              { IMPORT, (void (*)(void))import_software },
                                              { EXPORT, (void (*)(void))export_software },
                                              { 0, NULL } };
    const char *content;

    if (testing_setup(state) != 0)
        return -1;
    token_standard();
    token_import("prod", USER_PIN, "salt " SILVER_KEY " type=generic");
    content = text("openssl_conf = init\n[init]\nproviders = providers\n[providers]\n"
                   "hsmzke = hsmzke\n[hsmzke]\nactivate = 1\nraw-keys = software\n%s",
                   settings_standard());
    context = OSSL_LIB_CTX_new();
    CHECK(context != NULL && OSSL_PROVIDER_add_builtin(context, "hsmzke", OSSL_provider_init));
    CHECK(OSSL_LIB_CTX_load_config(context, write_file("skey.cnf", content, strlen(content))) == 1);
    provider = OSSL_PROVIDER_load(context, "hsmzke");
    CHECK(provider != NULL);
    provctx = OSSL_PROVIDER_get0_provider_ctx(provider);
    aes = skey_dispatch("AES", software);
    secrets = skey_dispatch("GENERIC-SECRET", software);
    CHECK(aes != NULL && secrets != NULL);
    return 0;
}

static int teardown(void **state)
{
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(context);
    return testing_teardown(state);
}

static void *import(const OSSL_DISPATCH *type, const char *parameter, const char *value)
{
    char *copy = (char *)(uintptr_t)text("%s", value); /* OSSL_PARAM's type is not const */
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string(parameter, copy, 0),
                                  OSSL_PARAM_construct_end() };

    return ((skey_import_fn *)function_of(type, IMPORT))(provctx, SECRET_KEY, params);
}

static void drop(const OSSL_DISPATCH *type, void *keydata)
{
    ((free_fn *)function_of(type, FREE))(keydata);
}

static void named(const OSSL_DISPATCH *type, const char *parameter, const char *value,
                  const char *id)
{
    void *key = import(type, parameter, value);
    const char *shown;

    CHECK(key != NULL && ERR_peek_error() == 0);
    shown = ((key_id_fn *)function_of(type, KEY_ID))(key);
    CHECK(shown != NULL);
    CHECK_HAS(shown, id);
    drop(type, key);
}

static void keys_are_named(void **state)
{
    const OSSL_PARAM *params;

    (void)state;
    named(aes, "reference", "hsmzke:gold", "hsmzke:y4KctdcFRsGUNnVTruBnrxixw");
    named(aes, "reference", "hsmzke:silver", "hsmzke:silver");
    named(aes, "uri", "pkcs11:object=silver", "pkcs11:object=silver");
    named(aes, "uri", "hsmzke:silver", "hsmzke:silver");
    named(aes, SKEY_PARAM_RAW_BYTES, "hsmzke:silver", "hsmzke:silver");
    named(secrets, "reference", "hsmzke:salt", "hsmzke:salt");
    params = ((settable_fn *)function_of(aes, IMPORTABLE))(provctx);
    CHECK(OSSL_PARAM_locate_const(params, "reference") != NULL);
    params = ((settable_fn *)function_of(aes, GENERABLE))(provctx);
    CHECK(OSSL_PARAM_locate_const(params, "label") != NULL);
}

static void refused(const OSSL_DISPATCH *type, const char *parameter, const char *value,
                    const char *words)
{
    CHECK(import(type, parameter, value) == NULL);
    CHECK_HAS(error_text(), words);
}

static void what_names_no_key_is_refused(void **state)
{
    char gold[] = "hsmzke:gold", *pointer = gold;
    int number = 1;
    const OSSL_PARAM twice[] = { OSSL_PARAM_construct_utf8_string("reference", gold, 0),
                                 OSSL_PARAM_construct_utf8_string("uri", gold, 0),
                                 OSSL_PARAM_construct_end() };
    const OSSL_PARAM wrong_type[] = { OSSL_PARAM_construct_int("reference", &number),
                                      OSSL_PARAM_construct_end() };
    const OSSL_PARAM by_pointer[] = { OSSL_PARAM_construct_utf8_ptr("reference", &pointer, 11),
                                      OSSL_PARAM_construct_end() };
    skey_import_fn *function = (skey_import_fn *)function_of(aes, IMPORT);
    void *key;

    (void)state;
    refused(aes, "reference", "gold", "must be a reference");
    refused(aes, "reference", "hsmzke:absent", "absent");
    refused(aes, "uri", "pkcs11:object=absent", "absent");
    refused(aes, "uri", "pkcs11:type=public", "secret key");
    refused(aes, "reference", "hsmzke:salt", "salt");
    CHECK(function(provctx, SECRET_KEY, twice) == NULL);
    CHECK_HAS(error_text(), "takes one of");
    CHECK(function(provctx, 1, by_pointer) == NULL);
    CHECK_HAS(error_text(), "none was selected");
    CHECK(function(provctx, SECRET_KEY, wrong_type) == NULL);
    CHECK_HAS(error_text(), "must be text or bytes");
    key = function(provctx, SECRET_KEY, by_pointer);
    CHECK(key != NULL);
    drop(aes, key);
    CHECK(function(&number, SECRET_KEY, by_pointer) == NULL); /* no instance of ours */
    ERR_clear_error();
}

static int take_nothing(const OSSL_PARAM params[], void *argument)
{
    (void)params, (void)argument;
    CHECK(false);
    return 1;
}

static int take(const OSSL_PARAM params[], void *argument)
{
    (void)argument;
    return OSSL_PARAM_locate_const(params, SKEY_PARAM_RAW_BYTES) != NULL;
}

static void keys_of_the_hsm_are_never_exported(void **state)
{
    void *key = import(aes, "reference", "hsmzke:gold");
    void *secret = import(secrets, "reference", "hsmzke:salt");

    (void)state;
    software_calls = 0;
    CHECK(((export_fn *)function_of(aes, EXPORT))(key, SECRET_KEY, take_nothing, NULL) == 0);
    CHECK_HAS(error_text(), "not exported");
    CHECK(((export_fn *)function_of(secrets, EXPORT))(secret, SECRET_KEY, take_nothing, NULL) == 0);
    CHECK_HAS(error_text(), "not exported");
    drop(aes, key);
    drop(secrets, secret);
    CHECK(software_calls == 0);
}

/* Raw bytes stay the default provider's. */
static void software_has_its_own(void **state)
{
    const OSSL_DISPATCH *types[] = { aes, secrets };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const OSSL_DISPATCH *type = types[i];
        void *key;

        software_calls = 0;
        key = import(type, SKEY_PARAM_RAW_BYTES, "thirty-two bytes of a raw key...");
        CHECK(key == raw && software_calls == 1);
        CHECK(((key_id_fn *)function_of(type, KEY_ID))(key) == NULL);
        CHECK(((export_fn *)function_of(type, EXPORT))(key, SECRET_KEY, take, NULL) == 1);
        drop(type, key);
        CHECK(software_calls == 3);
    }
}

static void generated(const OSSL_DISPATCH *type, const char *label, size_t length,
                      const char *words)
{
    char *copy = (char *)(uintptr_t)text("%s", label);
    const OSSL_PARAM params[] = { OSSL_PARAM_construct_utf8_string("label", copy, 0),
                                  length > 0 ? OSSL_PARAM_construct_size_t("key-length", &length)
                                             : OSSL_PARAM_construct_end(),
                                  OSSL_PARAM_construct_end() };
    void *key = ((generate_fn *)function_of(type, GENERATE))(provctx, params);

    CHECK((key != NULL) == (words == NULL));
    if (words != NULL)
        CHECK_HAS(error_text(), words);
    else
        drop(type, key);
}

static void keys_are_generated(void **state)
{
    (void)state;
    generated(aes, "made", 32, NULL);
    generated(aes, "made-too", 0, NULL);
    generated(secrets, "made-secret", 48, NULL);
    generated(aes, "made-short", 16, "32 bytes");
    generated(secrets, "made-long", 4096, "16 to 128 bytes");
    generated(aes, "made", 0, "made");
    generated(aes, "", 0, "needs a label");
}

/* ---- ciphers and MACs take them ---- */

static const OSSL_DISPATCH *functions_of(int operation, const char *name)
{
    int no_cache;
    const OSSL_ALGORITHM *table = OSSL_PROVIDER_query_operation(provider, operation, &no_cache);

    for (; table->algorithm_names != NULL; table++)
        if (strncmp(table->algorithm_names, name, strlen(name)) == 0 &&
            strchr(":", table->algorithm_names[strlen(name)]) != NULL)
            return table->implementation;
    CHECK(false);
    return NULL;
}

/* A message by the cipher's functions. @return 0: init refused the key */
static int encrypt(const char *name, void *keydata, bool encrypting, unsigned char *out,
                   size_t *size)
{
    static const unsigned char in[32] = "what is encrypted under the key";
    static const unsigned char iv[16] = "sixteen bytes..";
    const OSSL_DISPATCH *f = functions_of(OSSL_OP_CIPHER, name);
    void *ctx = ((OSSL_FUNC_cipher_newctx_fn *)function_of(f, OSSL_FUNC_CIPHER_NEWCTX))(provctx);
    skey_cipher_init_fn *init = (skey_cipher_init_fn *)function_of(
        f, encrypting ? SKEY_CIPHER_ENCRYPT_INIT : SKEY_CIPHER_DECRYPT_INIT);
    const size_t iv_size = strcmp(name, "AES-256-GCM") == 0 ? 12 : 16;
    int good;

    CHECK(ctx != NULL);
    good = init(ctx, keydata, iv, iv_size, NULL);
    /* NULL keeps the key. */
    if (good == 1 && keydata != raw)
        CHECK(init(ctx, NULL, iv, iv_size, NULL) == 1);
    if (good == 1)
        CHECK(((OSSL_FUNC_cipher_update_fn *)function_of(f, OSSL_FUNC_CIPHER_UPDATE))(
                  ctx, out, size, 64, in, sizeof(in)) == 1);
    ((OSSL_FUNC_cipher_freectx_fn *)function_of(f, OSSL_FUNC_CIPHER_FREECTX))(ctx);
    return good;
}

static void ciphers_take(const char *name, bool encrypting)
{
    static const unsigned char in[32] = "what is encrypted under the key";
    static const unsigned char iv[16] = "sixteen bytes..";
    unsigned char key[32], expected[64], out[64];
    struct message theirs = { name, key, iv, encrypting, 0, in, sizeof(in), expected, 0, 0 };
    void *gold = import(aes, "reference", "hsmzke:gold");
    void *salt = import(secrets, "reference", "hsmzke:salt");
    size_t size = 0;

    unhex(GOLD_KEY, key, sizeof(key));
    (void)message_run(context_default(), &theirs); /* no tag: what comes out counts */
    ERR_clear_error();
    CHECK(encrypt(name, gold, encrypting, out, &size) == 1);
    CHECK(size >= 16 && size <= theirs.out_size && memcmp(out, expected, size) == 0);
    CHECK(encrypt(name, salt, encrypting, out, &size) == 0);
    CHECK(*error_text() != '\0');
    /* Raw keys: raw-keys = software. */
    memcpy(raw, key, sizeof(raw));
    CHECK(encrypt(name, raw, encrypting, out, &size) == 1);
    CHECK(size >= 16 && memcmp(out, expected, size) == 0);
    /* And a reference among them is one. */
    reference_by_name(raw, "gold");
    CHECK(encrypt(name, raw, encrypting, out, &size) == 1 && memcmp(out, expected, size) == 0);
    drop(aes, gold);
    drop(secrets, salt);
}

static void ciphers_take_skeys(void **state)
{
    (void)state;
    for (int encrypting = 0; encrypting < 2; encrypting++) {
        ciphers_take("AES-256-CBC", encrypting == 1);
        ciphers_take("AES-256-CTR", encrypting == 1);
        ciphers_take("AES-256-GCM", encrypting == 1);
    }
}

static int mac(const char *name, const char *parameter, const char *algorithm, void *keydata,
               unsigned char *out, size_t *size)
{
    const OSSL_DISPATCH *f = functions_of(OSSL_OP_MAC, name);
    void *ctx = ((OSSL_FUNC_mac_newctx_fn *)function_of(f, OSSL_FUNC_MAC_NEWCTX))(provctx);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(parameter, (char *)(uintptr_t)algorithm, 0),
        OSSL_PARAM_construct_end(),
    };
    int good;

    CHECK(ctx != NULL);
    good = ((skey_mac_init_fn *)function_of(f, SKEY_MAC_INIT))(ctx, keydata, params);
    if (good == 1)
        CHECK(((OSSL_FUNC_mac_update_fn *)function_of(f, OSSL_FUNC_MAC_UPDATE))(
                  ctx, (const unsigned char *)"data", 4) == 1 &&
              ((OSSL_FUNC_mac_final_fn *)function_of(f, OSSL_FUNC_MAC_FINAL))(ctx, out, size, 64) ==
                  1);
    ((OSSL_FUNC_mac_freectx_fn *)function_of(f, OSSL_FUNC_MAC_FREECTX))(ctx);
    return good;
}

static void macs_take_skeys(void **state)
{
    void *gold = import(aes, "reference", "hsmzke:gold");
    void *salt = import(secrets, "reference", "hsmzke:salt");
    unsigned char key[32], out[64];
    struct mac_message cmac = { .mac = "CMAC",
                                .algorithm = "AES-256-CBC",
                                .key = key,
                                .key_size = 32,
                                .in = (const unsigned char *)"data",
                                .size = 4 };
    struct mac_message hmac = cmac;
    size_t size = 0;

    (void)state;
    hmac.mac = "HMAC";
    hmac.algorithm = "SHA256";
    unhex(GOLD_KEY, key, sizeof(key));
    CHECK(mac_run(context_default(), &cmac) == 1);
    CHECK(mac("CMAC", OSSL_MAC_PARAM_CIPHER, "AES-256-CBC", gold, out, &size) == 1);
    CHECK(size == cmac.out_size && memcmp(out, cmac.out, size) == 0);
    memcpy(raw, key, sizeof(raw));
    CHECK(mac("CMAC", OSSL_MAC_PARAM_CIPHER, "AES-256-CBC", raw, out, &size) == 1);
    CHECK(size == cmac.out_size && memcmp(out, cmac.out, size) == 0);
    CHECK(mac("CMAC", OSSL_MAC_PARAM_CIPHER, "AES-256-CBC", salt, out, &size) == 0);
    CHECK_HAS(error_text(), "AES");
    unhex(SILVER_KEY, key, sizeof(key));
    CHECK(mac_run(context_default(), &hmac) == 1);
    CHECK(mac("HMAC", OSSL_MAC_PARAM_DIGEST, "SHA256", salt, out, &size) == 1);
    CHECK(size == hmac.out_size && memcmp(out, hmac.out, size) == 0);
    CHECK(mac("HMAC", OSSL_MAC_PARAM_DIGEST, "SHA256", gold, out, &size) == 0);
    CHECK_HAS(error_text(), "GENERIC-SECRET");
    CHECK(mac("HMAC", OSSL_MAC_PARAM_DIGEST, "SHA256", NULL, out, &size) == 0);
    CHECK(*error_text() != '\0');
    drop(aes, gold);
    drop(secrets, salt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_named),
        cmocka_unit_test(what_names_no_key_is_refused),
        cmocka_unit_test(keys_of_the_hsm_are_never_exported),
        cmocka_unit_test(software_has_its_own),
        cmocka_unit_test(keys_are_generated),
        cmocka_unit_test(ciphers_take_skeys),
        cmocka_unit_test(macs_take_skeys),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
