/*
 * EVP_SKEYs of keys in the HSM, of OpenSSL 3.5 and later: how they are named, and that every cipher
 * and MAC of ours does with them what software does with the key.
 */
#include "macs.h"
#include "skeys.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#define GOLD_REFERENCE "hsmzke:y4KctdcFRsGUNnVTruBnrxixw"

static const char *const ciphers[] = {
    "AES-256-ECB",      "AES-256-CBC",      "AES-256-CBC-CTS",      "AES-256-CTR", "AES-256-GCM",
    "AES-256-CFB",      "AES-256-CFB8",     "AES-256-CFB1",         "AES-256-OFB", "AES-256-WRAP",
    "AES-256-WRAP-PAD", "AES-256-WRAP-INV", "AES-256-WRAP-PAD-INV",
};

static OSSL_LIB_CTX *context;

static void begin(void)
{
    skeys_or_skip();
    mac_setup();
    context = context_with(settings_standard(), NULL);
}

/* By the type AES, and by that which has the cipher's name. */
static void every_cipher(void **state)
{
    (void)state;
    begin();
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        SKEY *aes = skey_named(context, "AES", "reference", "hsmzke:gold");
        SKEY *named = skey_named(context, ciphers[i], "reference", "hsmzke:gold");

        CHECK(aes != NULL && named != NULL);
        CHECK(strcmp(skeys.get0_provider_name(named), "hsmzke") == 0);
        CHECK(skey_works(context, ciphers[i], aes, GOLD_KEY) == 1);
        CHECK(skey_works(context, ciphers[i], named, GOLD_KEY) == 1);
        skeys.free(aes);
        skeys.free(named);
    }
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static void named_by(const char *parameter, const char *value, const char *digits, const char *id)
{
    SKEY *key = skey_named(context, "AES", parameter, value);

    CHECK(key != NULL && skey_works(context, "AES-256-CBC", key, digits) == 1);
    CHECK(strcmp(skeys.get0_key_id(key), id) == 0);
    skeys.free(key);
}

static void named_by_bytes(const char *parameter, unsigned type, const void *bytes, size_t size)
{
    void *copy = keep(size);
    OSSL_PARAM params[] = { { parameter, type, copy, size, 0 }, OSSL_PARAM_END };
    SKEY *key;

    memcpy(copy, bytes, size);
    if (type == OSSL_PARAM_OCTET_PTR)
        params[0].data = &copy;
    key = skeys.import(context, "AES", NULL, SKEY_SECRET, params);
    CHECK(key != NULL && skey_works(context, "AES-256-CTR", key, GOLD_KEY) == 1);
    CHECK(strcmp(skeys.get0_key_id(key), GOLD_REFERENCE) == 0);
    skeys.free(key);
}

/* A reference is one as text, as bytes, and as what a program takes for a raw key. */
static void names(void **state)
{
    unsigned char reference[32];

    (void)state;
    begin();
    named_by("reference", "hsmzke:gold", GOLD_KEY, GOLD_REFERENCE);
    named_by("reference", GOLD_REFERENCE, GOLD_KEY, GOLD_REFERENCE);
    named_by("uri", "hsmzke:gold", GOLD_KEY, GOLD_REFERENCE);
    named_by("reference", "hsmzke:silver", SILVER_KEY, "hsmzke:silver");
    named_by("uri", "pkcs11:object=gold;type=secret-key", GOLD_KEY, GOLD_REFERENCE);
    named_by("reference", "pkcs11:object=gold", GOLD_KEY, GOLD_REFERENCE);
    /* A PIN is no part of a key's id. */
    named_by("uri", "pkcs11:token=prod;object=silver?pin-value=" USER_PIN, SILVER_KEY,
             "pkcs11:token=prod;object=silver");
    reference_by_name(reference, "gold");
    named_by_bytes("reference", OSSL_PARAM_OCTET_STRING, reference, 32);
    named_by_bytes("reference", OSSL_PARAM_OCTET_PTR, reference, 32);
    named_by_bytes("raw-bytes", OSSL_PARAM_OCTET_STRING, reference, 32);
    named_by_bytes("raw-bytes", OSSL_PARAM_OCTET_STRING, "hsmzke:gold", 11);
    OSSL_LIB_CTX_free(context);
}

static void mac_agrees_with(const char *mac, SKEY *key)
{
    struct mac_message expected;
    EVP_MAC_CTX *ctx = mac_context(context, mac,
                                   strcmp(mac, "CMAC") == 0   ? "AES-256-CBC"
                                   : strcmp(mac, "GMAC") == 0 ? "AES-256-GCM"
                                                              : "SHA256");

    CHECK(key != NULL);
    mac_expect(mac, 1000, &expected);
    if (strcmp(mac, "GMAC") == 0)
        CHECK(mac_set_iv(ctx, mac_iv, IV) == 1);
    CHECK(skeys.mac_init(ctx, key, NULL) == 1);
    CHECK(EVP_MAC_update(ctx, large, 1000) == 1 && mac_agrees(ctx, &expected));
    EVP_MAC_CTX_free(ctx);
    skeys.free(key);
}

static void macs(void **state)
{
    (void)state;
    begin();
    mac_agrees_with("CMAC", skey_named(context, "AES", "reference", "hsmzke:gold"));
    mac_agrees_with("GMAC", skey_named(context, "AES", "reference", "hsmzke:gold"));
    mac_agrees_with("HMAC", skey_named(context, "GENERIC-SECRET", "reference", "hsmzke:secret"));
    /* Of raw bytes too: `raw-keys` does not concern MACs. */
    mac_agrees_with("CMAC", skey_raw(context, "AES", GOLD_KEY));
    mac_agrees_with("HMAC", skey_raw(context, "GENERIC-SECRET", SECRET));
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* EVP_CipherInit_SKEY() without a key keeps the one that is there. */
static void key_is_kept(void **state)
{
    unsigned char in[32] = { 1 }, first[32], second[32], iv[16] = { 9 };
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    EVP_CIPHER *cipher;
    SKEY *key;
    int n;

    (void)state;
    begin();
    key = skey_named(context, "AES", "reference", "hsmzke:gold");
    cipher = EVP_CIPHER_fetch(context, "AES-256-CTR", NULL);
    CHECK(key != NULL && skeys.cipher_init(ctx, cipher, key, iv, 16, 1, NULL) == 1);
    skeys.free(key); /* the context has its own hold on it */
    CHECK(EVP_CipherUpdate(ctx, first, &n, in, 32) == 1);
    CHECK(skeys.cipher_init(ctx, NULL, NULL, iv, 16, 1, NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, second, &n, in, 32) == 1 && memcmp(first, second, 32) == 0);
    CHECK(EVP_CipherInit_ex2(ctx, NULL, NULL, iv, 1, NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, second, &n, in, 32) == 1 && memcmp(first, second, 32) == 0);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

static SKEY *generate(const char *type, const char *label, size_t length)
{
    char copy[32];
    OSSL_PARAM params[] = { OSSL_PARAM_utf8_string("label", copy, strlen(label)),
                            OSSL_PARAM_size_t("key-length", &length), OSSL_PARAM_END };

    strcpy(copy, label);
    return skeys.generate(context, type, NULL, params);
}

/* What was generated is found by the id that is told. */
static void generated(void **state)
{
    unsigned char in[48] = { 3 }, out[80], iv[16] = { 0 };
    struct message message = { "AES-256-CBC", NULL, iv, 1, 1, in, sizeof(in), out, 0, 0 };
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char ours[80];
    EVP_CIPHER *cipher;
    const char *id;
    int n = 0, last = 0;
    SKEY *key;

    (void)state;
    begin();
    key = generate("AES", "fresh", 32);
    CHECK(key != NULL);
    id = skeys.get0_key_id(key);
    CHECK(id != NULL && strlen(id) == 32 && strncmp(id, "hsmzke:", 7) == 0);
    cipher = EVP_CIPHER_fetch(context, "AES-256-CBC", NULL);
    CHECK(skeys.cipher_init(ctx, cipher, key, iv, 16, 1, NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, ours, &n, in, sizeof(in)) == 1);
    CHECK(EVP_CipherFinal_ex(ctx, ours + n, &last) == 1);
    message.key = (const unsigned char *)id;
    CHECK(message_run(context, &message) == 1 && message.out_size == (size_t)(n + last));
    CHECK(memcmp(out, ours, message.out_size) == 0);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    skeys.free(key);
    CHECK(generate("AES", "fresh", 32) == NULL); /* there is one */
    CHECK_HAS(error_text(), "fresh");
    CHECK(generate("AES", "shorter", 16) == NULL);
    CHECK_HAS(error_text(), "32 bytes");
    CHECK(generate("AES", "", 32) == NULL);
    CHECK_HAS(error_text(), "label");
    OSSL_LIB_CTX_free(context);
}

/* The same for a secret: HMACs by the key and by its id are one. */
static void generated_secrets(void **state)
{
    EVP_MAC_CTX *ctx;
    unsigned char mac[32];
    size_t size = 0;
    const char *id;
    SKEY *key;

    (void)state;
    begin();
    ctx = mac_context(context, "HMAC", "SHA256");
    key = generate("GENERIC-SECRET", "fresh-secret", 48);
    CHECK(key != NULL);
    id = skeys.get0_key_id(key);
    CHECK(id != NULL && strlen(id) == 32 && strncmp(id, "hsmzke:", 7) == 0);
    CHECK(skeys.mac_init(ctx, key, NULL) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && EVP_MAC_final(ctx, mac, &size, 32) == 1);
    {
        struct mac_message by_id = { .mac = "HMAC",
                                     .algorithm = "SHA256",
                                     .key = (const unsigned char *)id,
                                     .key_size = 32,
                                     .in = large,
                                     .size = 100 };

        CHECK(mac_run(context, &by_id) == 1 && by_id.out_size == 32);
        CHECK(memcmp(by_id.out, mac, 32) == 0);
    }
    EVP_MAC_CTX_free(ctx);
    skeys.free(key);
    CHECK(ERR_peek_error() == 0);
    CHECK(generate("GENERIC-SECRET", "fresh-secret", 48) == NULL); /* there is one */
    CHECK_HAS(error_text(), "fresh-secret");
    CHECK(generate("GENERIC-SECRET", "shorter", 8) == NULL);
    CHECK_HAS(error_text(), "16 to 128 bytes");
    OSSL_LIB_CTX_free(context);
}

static void enc_agrees(const char *config, const char *cipher, const char *options)
{
    const char *plain = write_file("plain", large, 5000), *a, *b;

    CHECK(run_shell(text("OPENSSL_CONF=%s openssl enc -%s %s -iv 00112233445566778899aabbccddeeff "
                         "-in %s | base64",
                         config, cipher, options, plain),
                    &a) == 0);
    CHECK(run_shell(text("openssl enc -%s -K " GOLD_KEY " -iv 00112233445566778899aabbccddeeff "
                         "-in %s | base64",
                         cipher, plain),
                    &b) == 0);
    CHECK(strlen(a) > 5000 && strcmp(a, b) == 0);
}

static void begin_with_openssl(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    print_message("openssl(1) is not built with a sanitizer, and cannot load what is\n");
    skip();
#endif
    begin();
}

static void command_line(void **state)
{
    const char *config, *words;

    (void)state;
    begin_with_openssl();
    config = config_file(settings_standard(), NULL);
    enc_agrees(config, "aes-256-cbc", "-skeymgmt AES -skeyopt reference:hsmzke:gold");
    enc_agrees(config, "aes-256-cbc", "-skeyopt reference:hsmzke:gold");
    enc_agrees(config, "aes-256-ctr", "-skeyopt uri:pkcs11:object=gold");
    CHECK(run_shell(text("OPENSSL_CONF=%s openssl skeyutl -genkey -skeymgmt AES -skeyopt "
                         "label:made -skeyopt usage:gcm",
                         config),
                    &words) == 0);
    CHECK_HAS(words, "identified by hsmzke:");
    CHECK_HAS(words, "Provider: hsmzke");
    CHECK(run_shell(text("OPENSSL_CONF=%s openssl list -skey-managers", config), &words) == 0);
    CHECK_HAS(words, "AES-256-CBC");
    CHECK_HAS(words, "GENERIC-SECRET");
    OSSL_LIB_CTX_free(context);
}

/* OpenSSL 4.0's STORE has EVP_SKEYs. */
static void store_command_line(void **state)
{
    const char *config, *words;

    (void)state;
    if (OPENSSL_version_major() < 4) {
        puts("the STORE has EVP_SKEYs from OpenSSL 4.0 on");
        skip();
    }
    begin_with_openssl();
    config = config_file(settings_standard(), NULL);
    enc_agrees(config, "aes-256-cbc", "-skeyuri hsmzke:gold");
    enc_agrees(config, "aes-256-ctr", "-skeyuri 'pkcs11:object=gold;type=secret-key'");
    CHECK(run_shell(text("OPENSSL_CONF=%s openssl storeutl -skeys hsmzke:gold", config), &words) ==
          0);
    CHECK_HAS(words, "Symmetric key");
    CHECK_HAS(words, "Total found: 1");
    CHECK(run_shell(text("OPENSSL_CONF=%s openssl storeutl -skeys hsmzke:", config), &words) == 0);
    CHECK_HAS(words, "Total found: 9"); /* with the two secrets for HMAC */
    CHECK(run_shell(text("OPENSSL_CONF=%s openssl enc -aes-256-cbc -skeyuri hsmzke:absent -iv 00 "
                         "-in /dev/null",
                         config),
                    &words) != 0);
    CHECK_HAS(words, "absent");
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cipher), cmocka_unit_test(names),
        cmocka_unit_test(macs),         cmocka_unit_test(key_is_kept),
        cmocka_unit_test(generated),    cmocka_unit_test(generated_secrets),
        cmocka_unit_test(command_line), cmocka_unit_test(store_command_line),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
