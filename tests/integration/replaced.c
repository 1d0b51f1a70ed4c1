/*
 * A key that another one has taken the place of, while the token was away, or under the handle that
 * it had: contexts of before are refused the new one, and a new init with the same reference finds
 * it, as it would in a process that is begun now.  Whoever does not want that pins the identity
 * (identity.c).
 */
#include "testing.h"

#include <time.h>

#include <openssl/err.h>

static void found_anew(void)
{
    static const unsigned char iv[16], in[16];
    unsigned char reference[32], out[32];
    OSSL_LIB_CTX *context;
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    token_standard();
    spy_setup("", NULL);
    context = context_with(settings_spied(), NULL);
    cipher = EVP_CIPHER_fetch(context, "AES-256-CBC", NULL);
    reference_by_name(reference, "silver");
    CHECK(name_works(context, "AES-256-CBC", "silver", SILVER_KEY) == 1);
    CHECK(EVP_EncryptInit_ex2(ctx, cipher, reference, iv, NULL) == 1);
    spy_gone(0x32);
    CHECK(EVP_EncryptUpdate(ctx, out, &n, in, sizeof(in)) == 0 && *error_text() != '\0');
    spy_gone(0);
    token_destroy("prod", USER_PIN, "silver");
    token_import("prod", USER_PIN, "silver " GOLD_KEY);
    for (int i = 0; i < 2; i++) {
        CHECK(EVP_EncryptUpdate(ctx, out, &n, in, sizeof(in)) == 0);
        CHECK_HAS(error_text(), "another");
    }
    CHECK(name_works(context, "AES-256-CBC", "silver", GOLD_KEY) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &n, in, sizeof(in)) == 0 && *error_text() != '\0');
    CHECK(EVP_EncryptInit_ex2(ctx, NULL, reference, iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &n, in, sizeof(in)) == 1 && ERR_peek_error() == 0);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

/* With operation-reuse = 0 a key is looked for again where that is more than a second ago. */
static void pass_a_second(void)
{
    const struct timespec pause = { 1, 50000000 };

    nanosleep(&pause, NULL);
}

/* An HSM may give a handle again. */
static void same_handle(void)
{
    static const unsigned char iv[16], in[16];
    unsigned char reference[32], out[32];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    OSSL_LIB_CTX *context;
    EVP_CIPHER *cipher;
    int n;

    token_standard();
    spy_setup("", NULL);
    spy_script("renumber; reuse");
    context = context_with(text("%soperation-reuse = 0\n", settings_spied()), NULL);
    cipher = EVP_CIPHER_fetch(context, "AES-256-CBC", NULL);
    reference_by_name(reference, "silver");
    CHECK(EVP_EncryptInit_ex2(ctx, cipher, reference, iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &n, in, sizeof(in)) == 1);
    token_destroy("prod", USER_PIN, "silver");
    token_import("prod", USER_PIN, "silver " GOLD_KEY);
    pass_a_second();
    for (int i = 0; i < 2; i++) {
        CHECK(EVP_EncryptUpdate(ctx, out, &n, in, sizeof(in)) == 0);
        CHECK_HAS(error_text(), "another");
    }
    CHECK(name_works(context, "AES-256-CBC", "silver", GOLD_KEY) == 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

/* Finding a key asks for eight attributes; the last is CKA_ID. */
static void id_is_not_told_once(void)
{
    static const unsigned char in[16];
    unsigned char reference[32], out[32];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    OSSL_LIB_CTX *context;
    EVP_CIPHER *cipher;
    int n;

    token_standard();
    spy_setup("C_GetAttributeValue:16:0x30", NULL);
    context = context_with(text("%soperation-reuse = 0\n", settings_spied()), NULL);
    cipher = EVP_CIPHER_fetch(context, "AES-256-ECB", NULL);
    reference_by_name(reference, "gold");
    CHECK(EVP_EncryptInit_ex2(ctx, cipher, reference, NULL, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &n, in, sizeof(in)) == 1 && spy_failures() == 0);
    pass_a_second();
    CHECK(EVP_EncryptUpdate(ctx, out, &n, in, sizeof(in)) == 1 && spy_failures() == 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

/* How many operations a message takes, a second after the last one. */
static unsigned int begun(EVP_CIPHER_CTX *ctx)
{
    static const unsigned char iv[16], in[16];
    const unsigned int before = spy_calls("C_EncryptInit");
    unsigned char out[32];
    int n;

    pass_a_second();
    CHECK(EVP_EncryptInit_ex2(ctx, NULL, NULL, iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &n, in, sizeof(in)) == 1);
    return spy_calls("C_EncryptInit") - before;
}

/* Looking again asks for no mechanism that the key refused, and not for GCM under one IV. */
static void is_asked_for_little(void)
{
    static const struct {
        const char *cipher, *key;
        unsigned int operations;
    } cases[] = { { "AES-256-CBC", "gold", 2 },
                  { "AES-256-CBC", "cbc-only", 2 },
                  { "AES-256-GCM", "gcm-only", 1 } };
    OSSL_LIB_CTX *context;

    token_standard();
    token_import("prod", USER_PIN,
                 "cbc-only " GOLD_KEY " mechanisms=cbc\ngcm-only " GOLD_KEY " mechanisms=gcm\n");
    spy_setup("", NULL);
    context = context_with(text("%soperation-reuse = 0\n", settings_spied()), NULL);
    for (size_t i = quick() ? 2 : 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, cases[i].cipher, NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        unsigned char reference[32];

        reference_by_name(reference, cases[i].key);
        CHECK(EVP_EncryptInit_ex2(ctx, cipher, reference, NULL, NULL) == 1);
        CHECK(begun(ctx) == cases[i].operations);
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(cipher);
    }
    OSSL_LIB_CTX_free(context);
}

/* A right that the key's identity is computed by may go, and it is the same key. */
static void right_is_gone(void)
{
    static const unsigned char in[16];
    unsigned char reference[32], out[32];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    OSSL_LIB_CTX *context;
    EVP_CIPHER *cipher;
    int n;

    token_standard();
    context = context_with(text("%soperation-reuse = 0\n", settings_standard()), NULL);
    cipher = EVP_CIPHER_fetch(context, "AES-256-ECB", NULL);
    reference_by_name(reference, "silver");
    CHECK(EVP_DecryptInit_ex2(ctx, cipher, reference, NULL, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
    CHECK(EVP_DecryptUpdate(ctx, out, &n, in, sizeof(in)) == 1);
    token_set("prod", USER_PIN, "silver", "encrypt=no");
    pass_a_second();
    CHECK(EVP_DecryptUpdate(ctx, out, &n, in, sizeof(in)) == 1 && n == 16);
    token_set("prod", USER_PIN, "silver", "encrypt=yes");
    if (!quick())
        pass_a_second();
    CHECK(EVP_DecryptUpdate(ctx, out, &n, in, sizeof(in)) == 1 && n == 16);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(found_anew),    CHILD_TEST(same_handle),         CHILD_TEST(id_is_not_told_once),
        CHILD_TEST(right_is_gone), CHILD_TEST(is_asked_for_little),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
