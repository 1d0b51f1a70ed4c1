/*
 * A key that another one has taken the place of, while the token was away: contexts of before are
 * refused the new one, and a new init with the same reference finds it, as it would in a process
 * that is begun now.  Whoever does not want that pins the identity (identity.c).
 */
#include "testing.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(found_anew),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
