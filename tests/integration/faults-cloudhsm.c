/*
 * A module like AWS CloudHSM's: a PIN that is "user:password", an IV of its own for CKM_AES_GCM, no
 * GCM in several updates, no message over 16 KiB.
 */
#include "testing.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

enum { MOST = 16384, ROOM = MOST + 64 };

static OSSL_LIB_CTX *context;
static unsigned char plain[ROOM], sealed[ROOM], out[ROOM], tag[16], iv[12];

static const char *settings(const char *pin)
{
    return settings_for(testing_path("HSMZKE_TEST_SPY_MODULE"),
                        text("token = pkcs11:token=prod\npin-source = %s\n", pin_file(pin)));
}

static void start(void)
{
    token_standard();
    spy_setup(NULL, NULL);
    spy_script("cloudhsm");
    context = context_with(settings("crypto_user:" USER_PIN), NULL);
    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (unsigned char)(i * 31 + i / 256);
}

static void pin_of_user_and_password(void)
{
    start();
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(name_works(context, "AES-256-CTR", "gold", GOLD_KEY) == 1);
    CHECK(spy_calls("C_Login") == 1);
    OSSL_LIB_CTX_free(context);
}

static void pin_without_user(void)
{
    start();
    OSSL_LIB_CTX_free(context);
    context = context_with(settings(USER_PIN), NULL);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "CKR_PIN_INCORRECT");
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "not tried again");
    CHECK(spy_calls("C_Login") == 1);
    OSSL_LIB_CTX_free(context);
}

static EVP_CIPHER_CTX *begin(OSSL_LIB_CTX *with, const unsigned char *key,
                             const unsigned char *given, bool encrypt)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(with, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    CHECK(cipher != NULL && EVP_CipherInit_ex2(ctx, cipher, key, given, encrypt, NULL) == 1);
    EVP_CIPHER_free(cipher);
    return ctx;
}

static int seal(const unsigned char *given, int size)
{
    unsigned char reference[32], none[16];
    EVP_CIPHER_CTX *ctx;
    int written = 0, ok;

    reference_by_name(reference, "gold");
    ctx = begin(context, reference, given, true);
    blank_fill(sealed, sizeof(sealed));
    ok = EVP_EncryptUpdate(ctx, sealed, &written, plain, size) == 1 &&
         EVP_EncryptFinal_ex(ctx, none, &written) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1 &&
         EVP_CIPHER_CTX_get_updated_iv(ctx, iv, sizeof(iv)) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static int open_with(OSSL_LIB_CTX *with, const unsigned char *key, int size)
{
    EVP_CIPHER_CTX *ctx = begin(with, key, iv, false);
    unsigned char none[16];
    int written = 0, ok;

    blank_fill(out, sizeof(out));
    ok = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1 &&
         EVP_DecryptUpdate(ctx, out, &written, sealed, size) == 1 &&
         EVP_DecryptFinal_ex(ctx, none, &written) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

/* Under the IV that was read back, software opens it, and so does the module. */
static void messages_up_to_the_limit(void)
{
    static const int sizes[] = { 1, 16, 1000, MOST };
    unsigned char key[32], reference[32], before[12] = { 0 };

    start();
    unhex(GOLD_KEY, key, sizeof(key));
    reference_by_name(reference, "gold");
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        CHECK(seal(NULL, sizes[i]) == 1);
        CHECK(memcmp(iv, before, sizeof(iv)) != 0);
        memcpy(before, iv, sizeof(iv));
        CHECK(open_with(context_default(), key, sizes[i]) == 1);
        CHECK(memcmp(out, plain, (size_t)sizes[i]) == 0);
        CHECK(open_with(context, reference, sizes[i]) == 1);
        CHECK(memcmp(out, plain, (size_t)sizes[i]) == 0 && ERR_peek_error() == 0);
    }
    OSSL_LIB_CTX_free(context);
}

static void messages_over_the_limit(void)
{
    unsigned char reference[32];

    start();
    CHECK(seal(NULL, MOST + 1) == 0 && still_blank(sealed, sizeof(sealed)));
    CHECK_HAS(error_text(), "CKR_DATA_LEN_RANGE");
    /* The limit of the module holds for decryption too. */
    reference_by_name(reference, "gold");
    CHECK(open_with(context, reference, MOST + 1) == 0 && still_blank(out, sizeof(out)));
    CHECK_HAS(error_text(), "CKR_DATA_LEN_RANGE");
    CHECK(seal(NULL, MOST) == 1);
    OSSL_LIB_CTX_free(context);
}

static void iv_of_the_program(void)
{
    static const unsigned char given[12] = "twelve bytes";

    start();
    CHECK(seal(given, 1000) == 0 && still_blank(sealed, sizeof(sealed)));
    CHECK_HAS(error_text(), "IV");
    CHECK(seal(NULL, 1000) == 1);
    OSSL_LIB_CTX_free(context);
}

static void more_updates_than_one(void)
{
    unsigned char reference[32];
    EVP_CIPHER_CTX *ctx;
    int size;

    start();
    reference_by_name(reference, "gold");
    ctx = begin(context, reference, NULL, true);
    CHECK(EVP_EncryptUpdate(ctx, sealed, &size, plain, 100) == 1 && size == 100);
    blank_fill(sealed, sizeof(sealed));
    CHECK(EVP_EncryptUpdate(ctx, sealed, &size, plain, 100) == 0);
    CHECK(still_blank(sealed, sizeof(sealed)));
    CHECK_HAS(error_text(), "give all data in one update");
    EVP_CIPHER_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(pin_of_user_and_password), CHILD_TEST(pin_without_user),
        CHILD_TEST(messages_up_to_the_limit), CHILD_TEST(messages_over_the_limit),
        CHILD_TEST(iv_of_the_program),        CHILD_TEST(more_updates_than_one),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
