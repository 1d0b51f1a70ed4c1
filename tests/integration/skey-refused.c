/*
 * EVP_SKEYs of keys in the HSM: libcrypto gets no bytes of them by any path, algorithms that are
 * not offered in the HSM refuse them, and what names no key is an error.  And those of raw bytes.
 */
#include "macs.h"
#include "skeys.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>

static OSSL_LIB_CTX *begin(const char *more)
{
    skeys_or_skip();
    mac_setup();
    return context_with(text("%s%s", settings_standard(), more), NULL);
}

static SKEY *gold(OSSL_LIB_CTX *context)
{
    SKEY *key = skey_named(context, "AES", "reference", "hsmzke:gold");

    CHECK(key != NULL);
    return key;
}

static int called(const OSSL_PARAM params[], void *calls)
{
    (void)params;
    ++*(int *)calls;
    return 1;
}

static void no_bytes(OSSL_LIB_CTX *context, const char *type, SKEY *key)
{
    const unsigned char *bytes = NULL;
    const char *words;
    OSSL_LIB_CTX *other = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(other, "default");
    size_t size = 4711;
    int calls = 0;

    CHECK(key != NULL && provider != NULL);
    for (int selection = 0; selection < 8; selection++) {
        CHECK(skeys.export(key, selection, called, &calls) == 0 && calls == 0);
        CHECK_HAS(error_text(), "not exported");
    }
    CHECK(skeys.get0_raw_key(key, &bytes, &size) == 0 && bytes == NULL && size == 4711);
    CHECK_HAS(error_text(), "not exported");
    /* A type with a cipher's name is nowhere else; AES is. */
    words = strcmp(type, "AES-256-GCM") == 0 ? "unsupported" : "not exported";
    CHECK(skeys.to_provider(key, other, provider, NULL) == NULL);
    CHECK_HAS(error_text(), words);
    CHECK(skeys.to_provider(key, other, NULL, NULL) == NULL);
    CHECK_HAS(error_text(), words);
    /* To where it is, it goes. */
    CHECK(skeys.to_provider(key, context, NULL, NULL) == key);
    skeys.free(key);
    /* Nor do the ciphers and MACs of another provider get it. */
    skey_refused(other, "AES-256-CBC", key);
    skey_refused(other, "AES-256-GCM", key);
    skey_mac_refused(other, "HMAC", "SHA256", key);
    OSSL_PROVIDER_unload(provider);
    OSSL_LIB_CTX_free(other);
}

static void never_exported(void **state)
{
    OSSL_LIB_CTX *context = begin("");
    static const char *const types[] = { "AES", "AES-256-GCM", "GENERIC-SECRET" };

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        SKEY *key = skey_named(context, types[i], "uri", i < 2 ? "hsmzke:gold" : "hsmzke:secret");

        no_bytes(context, types[i], key);
        skeys.free(key);
    }
    OSSL_LIB_CTX_free(context);
}

static void kdf_refuses(OSSL_LIB_CTX *context, const char *name, SKEY *key)
{
    EVP_KDF *kdf = EVP_KDF_fetch(context, name, NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);

    CHECK(kdf != NULL && ctx != NULL);
    CHECK(skeys.kdf_set(ctx, key, OSSL_KDF_PARAM_KEY) != 1);
    CHECK(*error_text() != '\0');
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
}

/* Whatever takes EVP_SKEYs beside our own ciphers and MACs, also where references may pass. */
static void algorithms_in_software(void **state)
{
    static const char *const ciphers[] = { "AES-128-CBC", "AES-192-CTR",  "AES-256-CCM",
                                           "AES-256-OCB", "ARIA-256-CBC", "CAMELLIA-256-CBC",
                                           "ChaCha20",    "AES-128-GCM" };
    static const char *const macs[] = { "KMAC-256", "POLY1305", "SIPHASH", "BLAKE2BMAC" };
    static const char *const kdfs[] = { "HKDF", "KBKDF", "SSKDF", "X963KDF", "TLS1-PRF" };

    (void)state;
    for (int allow = 0; allow < 2; allow++) {
        OSSL_LIB_CTX *context = begin(allow ? "references-elsewhere = allow\n" : "");
        SKEY *key = gold(context);

        for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
            skey_refused(context, ciphers[i], key);
        for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++)
            skey_mac_refused(context, macs[i], NULL, key);
        for (size_t i = 0; skeys.kdf_set != NULL && i < sizeof(kdfs) / sizeof(kdfs[0]); i++)
            kdf_refuses(context, kdfs[i], key);
        skeys.free(key);
        OSSL_LIB_CTX_free(context);
    }
}

static void wrong_types(void **state)
{
    OSSL_LIB_CTX *context = begin("");
    SKEY *aes = gold(context);
    SKEY *secret = skey_named(context, "GENERIC-SECRET", "reference", "hsmzke:secret");

    (void)state;
    CHECK_HAS(skey_refused(context, "AES-256-CBC", secret), "import the key as AES");
    CHECK_HAS(skey_refused(context, "AES-256-GCM", secret), "import the key as AES");
    CHECK_HAS(skey_mac_refused(context, "CMAC", "AES-256-CBC", secret), "as AES");
    CHECK_HAS(skey_mac_refused(context, "HMAC", "SHA256", aes), "as GENERIC-SECRET");
    CHECK_HAS(skey_not_named(context, "AES", "reference", "hsmzke:secret"), "no AES key");
    CHECK_HAS(skey_not_named(context, "GENERIC-SECRET", "reference", "hsmzke:silver"),
              "no generic secret");
    skeys.free(aes);
    skeys.free(secret);
    OSSL_LIB_CTX_free(context);
}

static void import_fails(OSSL_LIB_CTX *context, OSSL_PARAM params[], const char *words)
{
    CHECK(skeys.import(context, "AES", NULL, SKEY_ALL, params) == NULL);
    CHECK_HAS(error_text(), words);
}

static void bad_names(void **state)
{
    static const struct {
        const char *name, *words;
    } bad[] = {
        { "", "must be a reference" },
        { "gold", "must be a reference" },
        { "file:/etc/passwd", "must be a reference" },
        { "pkcs11", "must be a reference" },
        { "HSMZKE:gold", "must be a reference" },
        { "hsmzke:", "reference" },
        { "hsmzke:absent", "'absent'" },
        { "hsmzke:a name of more bytes than there is room", "reference" },
        { "hsmzke:y4KctdcFRsGUNnVTruBnrxixx", "check" },
        { "pkcs11:", "keys match" },
        { "pkcs11:object=absent", "pkcs11:object=absent" },
        { "pkcs11:object=gold;type=private", "not about a secret key" },
        { "pkcs11:object=gold;type=cert", "not about a secret key" },
        { "pkcs11:object=%zz", "no usable PKCS#11 URI" },
        { "pkcs11:token=elsewhere;object=gold", "elsewhere" },
    };
    OSSL_LIB_CTX *context = begin("");
    OSSL_PARAM twice[] = { OSSL_PARAM_utf8_string("reference", (char[]){ "hsmzke:gold" }, 11),
                           OSSL_PARAM_utf8_string("uri", (char[]){ "hsmzke:gold" }, 11),
                           OSSL_PARAM_END };
    OSSL_PARAM number[] = { OSSL_PARAM_int("reference", (int[]){ 7 }), OSSL_PARAM_END };
    OSSL_PARAM with_nul[] = {
        OSSL_PARAM_utf8_string("uri", (char[]){ "pkcs11:object=gold\0junk" }, 23), OSSL_PARAM_END
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_HAS(skey_not_named(context, "AES", "uri", bad[i].name), bad[i].words);
        CHECK_HAS(skey_not_named(context, "AES-256-CBC", "reference", bad[i].name), bad[i].words);
    }
    import_fails(context, twice, "one of");
    import_fails(context, number, "text or bytes");
    import_fails(context, with_nul, "must be a reference");
    twice[1] = (OSSL_PARAM)OSSL_PARAM_octet_string("raw-bytes", (char[]){ "0123456789abcdef" }, 16);
    import_fails(context, twice, "one of");
    twice[1] = (OSSL_PARAM)OSSL_PARAM_END;
    CHECK(skeys.import(context, "AES", NULL, 1, twice) == NULL); /* parameters only */
    CHECK_HAS(error_text(), "selected");
    /* An error in the configuration comes here, too. */
    OSSL_LIB_CTX_free(context);
    context = begin("sessions = 0\n");
    CHECK_HAS(skey_not_named(context, "AES", "reference", "hsmzke:gold"), "sessions");
    OSSL_LIB_CTX_free(context);
}

/* `key-policy` is asked however a key is named: gold was imported, and so was the secret. */
static void strict_policy(void **state)
{
    OSSL_LIB_CTX *context;
    static const char *const ways[] = { "hsmzke:gold", "pkcs11:object=gold" };
    char label[] = "made";
    OSSL_PARAM params[] = { OSSL_PARAM_utf8_string("label", label, 4), OSSL_PARAM_END };
    SKEY *made;

    (void)state;
    unsetenv("HSMZKE_KEY_POLICY"); /* which would overrule the file; each test runs by itself */
    context = begin("key-policy = strict\n");
    for (size_t i = 0; i < 2; i++)
        CHECK_HAS(skey_not_named(context, "AES", "uri", ways[i]), "history (high)");
    CHECK_HAS(skey_not_named(context, "GENERIC-SECRET", "uri", "hsmzke:secret"), "history (high)");
    CHECK_HAS(skey_not_named(context, "GENERIC-SECRET", "uri", "pkcs11:object=secret"),
              "history (high)");
    CHECK((made = skeys.generate(context, "AES", NULL, params)) != NULL);
    skeys.free(made);
    CHECK((made = skey_named(context, "AES", "uri", "pkcs11:object=made")) != NULL);
    skeys.free(made);
    OSSL_LIB_CTX_free(context);
}

/* Those of raw bytes are the default provider's own; our ciphers take them where raw keys may be
 * used. */
static void raw_bytes(void **state)
{
    OSSL_LIB_CTX *context = begin(""),
                 *lenient =
                     context_with(text("%sraw-keys = software\n", settings_standard()), NULL);
    SKEY *strict_key = skey_raw(context, "AES", GOLD_KEY);
    SKEY *key = skey_raw(lenient, "AES-256-CBC", GOLD_KEY);
    SKEY *half = skey_raw(context, "AES", "000102030405060708090a0b0c0d0e0f");
    SKEY *theirs = skey_raw(context_default(), "AES", GOLD_KEY), *moved;
    const unsigned char *bytes;
    size_t size;

    (void)state;
    CHECK(strict_key != NULL && key != NULL && half != NULL && theirs != NULL);
    CHECK_HAS(skey_refused(context, "AES-256-CBC", strict_key), "raw-keys");
    CHECK_HAS(skey_refused(context, "AES-256-GCM", strict_key), "raw-keys");
    CHECK(skey_works(lenient, "AES-256-CBC", key, GOLD_KEY) == 1);
    CHECK(skey_works(lenient, "AES-256-GCM", key, GOLD_KEY) == 1);
    CHECK(skey_works(lenient, "AES-256-WRAP", key, GOLD_KEY) == 1);
    CHECK(skey_works(context, "AES-128-CBC", half, "000102030405060708090a0b0c0d0e0f") == 1);
    CHECK(skeys.get0_raw_key(half, &bytes, &size) == 1 && size == 16 && bytes[15] == 15);
    CHECK(skeys.get0_key_id(half) == NULL);
    /* default's own keys come over as raw bytes. */
    skey_refused(lenient, "AES-256-CBC", theirs);
    moved = skeys.to_provider(theirs, lenient, NULL, NULL);
    CHECK(moved != NULL && skey_works(lenient, "AES-256-CBC", moved, GOLD_KEY) == 1);
    CHECK(skey_raw(context, "AES", "0001") == NULL);
    ERR_clear_error();
    skeys.free(strict_key);
    skeys.free(key);
    skeys.free(half);
    skeys.free(theirs);
    skeys.free(moved);
    OSSL_LIB_CTX_free(context);
    OSSL_LIB_CTX_free(lenient);
}

/* After a key that was refused there is none, not the one of before. */
static void refused_after_another(void **state)
{
    static const char *const ciphers[] = { "AES-256-CBC", "AES-256-GCM" };
    OSSL_LIB_CTX *context = begin("");
    SKEY *good = gold(context), *bad = skey_raw(context, "AES", SILVER_KEY);
    unsigned char iv[16] = { 0 }, out[64];
    int n;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, ciphers[i], NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

        CHECK(skeys.cipher_init(ctx, cipher, good, iv, i == 0 ? 16 : 12, 1, NULL) == 1);
        CHECK(skeys.cipher_init(ctx, NULL, bad, iv, i == 0 ? 16 : 12, 1, NULL) == 0);
        CHECK_HAS(error_text(), "raw-keys");
        CHECK(EVP_CipherUpdate(ctx, out, &n, iv, 16) == 0);
        CHECK_HAS(error_text(), "no key set");
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(cipher);
    }
    skeys.free(good);
    skeys.free(bad);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_exported),        cmocka_unit_test(algorithms_in_software),
        cmocka_unit_test(wrong_types),           cmocka_unit_test(bad_names),
        cmocka_unit_test(strict_policy),         cmocka_unit_test(raw_bytes),
        cmocka_unit_test(refused_after_another),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
