/*
 * MACs whose key is not as it should be; and what `openssl mac` makes of references.
 */
#include "macs.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

static void unfit_keys(void)
{
    OSSL_LIB_CTX *context;

    mac_setup();
    context = context_with(settings_standard(), NULL);
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "no-sign"), "CKA_SIGN");
    CHECK_HAS(mac_refused(context, "HMAC", "SHA256", "secret-no-sign"), "CKA_SIGN");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "secret"), "no AES key");
    CHECK_HAS(mac_refused(context, "HMAC", "SHA256", "silver"), "no generic secret");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "absent"), "'absent'");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "cbc-only"), "CKM_AES_CMAC");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", ""), "names no key");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-128-CBC", "gold"), "'AES-128-CBC'");
    /* default of 3.5 takes no such cipher in the first place, and says so itself. */
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CTR", "gold"),
              mac_takes(context, "CMAC", "AES-256-CTR") ? "'AES-256-CTR'" : "invalid mode");
    CHECK_HAS(mac_refused(context, "CMAC", NULL, "gold"), "missing cipher");
    CHECK_HAS(mac_refused(context, "HMAC", "SHA3-256", "secret"), "'SHA3-256'");
    CHECK_HAS(mac_refused(context, "HMAC", "MD5", "secret"), "'MD5'");
    CHECK_HAS(mac_refused(context, "HMAC", NULL, "secret"), "missing message digest");
    mac_works(context, "CMAC", "mac-only", 100);
    mac_works(context, "HMAC", "secret", 100);
    OSSL_LIB_CTX_free(context);
}

static const char *refused_bytes(OSSL_LIB_CTX *context, const char *bytes, size_t size)
{
    EVP_MAC_CTX *ctx = mac_context(context, "CMAC", "AES-256-CBC");
    OSSL_PARAM params[] = { OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, keep(size), size),
                            OSSL_PARAM_END };
    const char *words;

    memcpy(params[0].data, bytes, size);
    CHECK(EVP_MAC_CTX_set_params(ctx, params) == 0);
    CHECK_HAS(error_text(), "malformed key reference");
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)bytes, size, NULL) == 0);
    words = error_text();
    /* No key of before is used. */
    CHECK(EVP_MAC_update(ctx, large, 5) == 0);
    CHECK_HAS(error_text(), "no key set");
    EVP_MAC_CTX_free(ctx);
    return words;
}

static void malformed_references(void)
{
    OSSL_LIB_CTX *context;

    mac_setup();
    context = context_with(settings_standard(), NULL);
    refused_bytes(context, "hsmzke:", 7);
    CHECK_HAS(refused_bytes(context, "hsmzke:gold\0x", 13), "after its first NUL");
    CHECK_HAS(refused_bytes(context, "hsmzke:a-name-of-more-than-24-bytes", 35), "32 bytes");
    CHECK_HAS(refused_bytes(context, "hsmzke:AAECAwQFBgcICQoLDA0ODxARx", 32), "check character");
    mac_works(context, "CMAC", "gold", 5);
    OSSL_LIB_CTX_free(context);
}

/* Raw keys are no matter of raw-keys; one that a reference replaced is gone. */
static void raw_keys(void)
{
    static const char *const wrong = "sessions = none\n";
    struct mac_message expected, message;
    OSSL_LIB_CTX *context;
    EVP_MAC_CTX *ctx;

    mac_setup();
    context = context_with(settings_standard(), NULL);
    mac_expect("CMAC", 100, &expected);
    message = expected;
    CHECK(mac_run(context, &message) == 1);
    CHECK(memcmp(message.out, expected.out, expected.out_size) == 0);

    ctx = mac_context(context, "CMAC", "AES-256-CBC");
    CHECK(EVP_MAC_init(ctx, expected.key, expected.key_size, NULL) == 1);
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)"hsmzke:absent", 13, NULL) == 0);
    CHECK_HAS(error_text(), "'absent'");
    CHECK(EVP_MAC_update(ctx, large, 5) == 0 && EVP_MAC_init(ctx, NULL, 0, NULL) == 0);
    CHECK_HAS(error_text(), "no key set");
    /* From one kind to the other and back; the cipher that was set holds. */
    CHECK(EVP_MAC_init(ctx, expected.key, expected.key_size, NULL) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && mac_agrees(ctx, &expected));
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)"hsmzke:gold", 11, NULL) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && mac_agrees(ctx, &expected));
    CHECK(EVP_MAC_update(ctx, large, 1) == 0);
    CHECK_HAS(error_text(), "was given out");
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);

    context = context_with(text("%s%s", settings_standard(), wrong), NULL);
    message = expected;
    CHECK(mac_run(context, &message) == 1);
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "gold"), "sessions = 'none'");
    OSSL_LIB_CTX_free(context);
}

/* TLS records are for raw keys, whenever they are announced. */
static void tls_records(void)
{
    size_t size = 77;
    OSSL_PARAM params[] = { OSSL_PARAM_size_t(OSSL_MAC_PARAM_TLS_DATA_SIZE, &size),
                            OSSL_PARAM_END };
    OSSL_LIB_CTX *context;
    EVP_MAC_CTX *ctx;

    mac_setup();
    context = context_with(settings_standard(), NULL);
    ctx = mac_keyed(context, "HMAC", "secret");
    CHECK(EVP_MAC_CTX_set_params(ctx, params) == 0);
    CHECK_HAS(error_text(), "TLS records");
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)"hsmzke:secret", 13, params) == 0);
    CHECK_HAS(error_text(), "TLS records");
    size = 0;
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)"hsmzke:secret", 13, params) == 1);
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

static void command_line(void)
{
    static const char *const digests[] = { "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" };
    const char *config;

    mac_setup();
    config = config_file(settings_standard(), NULL);
    mac_commands_agree(config, "-cipher AES-256-CBC -macopt key:hsmzke:gold CMAC",
                       "-cipher AES-256-CBC -macopt hexkey:" GOLD_KEY " CMAC");
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
        mac_commands_agree(config, text("-digest %s -macopt key:hsmzke:secret HMAC", digests[i]),
                           text("-digest %s -macopt hexkey:" SECRET " HMAC", digests[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(unfit_keys),  CHILD_TEST(malformed_references), CHILD_TEST(raw_keys),
        CHILD_TEST(tls_records), CHILD_TEST(command_line),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
