/*
 * On each kind of module: keys are generated with what protects them, whatever else the module
 * refuses, are found again by their references, listed, and do what they were made for.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include <hsmzke/hsmzke.h>

static OSSL_LIB_CTX *context;

static EVP_PKEY *generate(const char *usage)
{
    const char *type = strcmp(usage, "hmac") == 0 ? HSMZKE_PKEY_HMAC_TYPE : HSMZKE_PKEY_TYPE;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(context, type, NULL);
    OSSL_PARAM params[3] = { 0 };
    EVP_PKEY *pkey = NULL;

    params[0] =
        OSSL_PARAM_construct_utf8_string(HSMZKE_PKEY_PARAM_LABEL, (char *)(uintptr_t)usage, 0);
    params[1] =
        OSSL_PARAM_construct_utf8_string(HSMZKE_PKEY_PARAM_USAGE, (char *)(uintptr_t)usage, 0);
    params[2] = OSSL_PARAM_construct_end();
    CHECK(EVP_PKEY_keygen_init(ctx) == 1 && EVP_PKEY_CTX_set_params(ctx, params) == 1);
    if (EVP_PKEY_generate(ctx, &pkey) != 1)
        testing_failed(__FILE__, __LINE__, text("%s: %s", usage, error_text()));
    CHECK(ERR_peek_error() == 0);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static void is_protected(const char *label)
{
    static const char *const lines[] = { "keys=1\n",    "sensitive=1\n", "extractable=0\n",
                                         "private=1\n", "wrap=0\n",      "unwrap=0\n",
                                         "derive=0\n" };
    const char *shown = token_show("prod", USER_PIN, label);

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        CHECK_HAS(shown, lines[i]);
    if (module_limits_keys() && strcmp(label, "any") != 0)
        CHECK_HAS(shown, "allowed=");
}

/* AES-256-ECB of the identity's block begins with the identity: it is this key. */
static void is_this_key(EVP_PKEY *pkey)
{
    static const unsigned char block[17] = "hsmzke-id-v1\0\0\0\2";
    unsigned char reference[32], out[48];
    size_t size = sizeof(reference);
    char identity[64];
    struct message message = {
        .cipher = "AES-256-ECB", .key = reference, .encrypt = 1, .in = block, .size = 16, .out = out
    };

    CHECK(EVP_PKEY_get_raw_private_key(pkey, reference, &size) == 1);
    CHECK(message_run(context, &message) == 1);
    CHECK(EVP_PKEY_get_utf8_string_param(pkey, "identity", identity, sizeof(identity), NULL));
    assert_string_equal(identity, text("aes:%s", hex(out, 8)));
}

/* An HMAC by the EVP_PKEY is the one by its reference. */
static void makes_hmacs(EVP_PKEY *pkey)
{
    unsigned char reference[32], mac[32];
    struct mac_message message = { .mac = "HMAC",
                                   .algorithm = "SHA256",
                                   .key = reference,
                                   .key_size = sizeof(reference),
                                   .in = (const unsigned char *)"data",
                                   .size = 4 };
    size_t size = sizeof(reference);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    CHECK(EVP_PKEY_get_raw_private_key(pkey, reference, &size) == 1);
    CHECK(mac_run(context, &message) == 1 && message.out_size == sizeof(mac));
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", context, NULL, pkey, NULL) == 1);
    size = sizeof(mac);
    CHECK(EVP_DigestSign(ctx, mac, &size, message.in, message.size) == 1);
    assert_memory_equal(mac, message.out, sizeof(mac));
    EVP_MD_CTX_free(ctx);
}

static unsigned count(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, context, NULL, NULL, NULL, NULL, NULL, NULL);
    unsigned found = 0;

    CHECK(store != NULL);
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        found += info != NULL;
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return found;
}

static void made(void)
{
    static const char *const usages[] = {
        "cipher", "any", "wrap", "gcm", "gcm-only", "mac", "hmac"
    };
    const size_t many = sizeof(usages) / sizeof(usages[0]);

    token_store();
    token_init("prod", USER_PIN);
    context = context_with(settings_standard(), NULL);
    for (size_t i = 0; i < many; i++) {
        EVP_PKEY *pkey = generate(usages[i]);

        is_protected(usages[i]);
        if (i < 2)
            is_this_key(pkey);
        if (strcmp(usages[i], "hmac") == 0)
            makes_hmacs(pkey);
        EVP_PKEY_free(pkey);
    }
    CHECK(count("hsmzke:") == many);
    CHECK(count("hsmzke:gcm-only") == 1);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = { CHILD_TEST(made) };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
