/*
 * Keys that are not there, not one, or not fit for use, and single-purpose keys.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>

#define ID_1 "000102030405060708090a0b0c0d0e0f1011"
#define ID_2 "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0ef00"
#define LONG_LABEL "a-label-of-24-characters"

static OSSL_LIB_CTX *context;

static void key_setup(void)
{
    token_standard();
    token_import("prod", USER_PIN,
                 "twin " GOLD_KEY " id=" ID_1 "\n"
                 "twin " SILVER_KEY " id=" ID_2 "\n"
                 "short 00112233445566778899aabbccddeeff\n"
                 "middle 00112233445566778899aabbccddeeff0011223344556677\n"
                 "generic " GOLD_KEY " type=generic\n"
                 "des 0123456789abcdef23456789abcdef01456789abcdef0123 type=des3\n"
                 "decrypt-only " GOLD_KEY " no-encrypt\n"
                 "encrypt-only " GOLD_KEY " no-decrypt\n"
                 "ecb-only " GOLD_KEY " mechanisms=ecb\n"
                 "cbc-only " GOLD_KEY " mechanisms=cbc\n"
                 "ctr-only " GOLD_KEY " mechanisms=ctr\n"
                 "mac-only " GOLD_KEY " mechanisms=cmac\n"
                 "public " GOLD_KEY " private=no\n" LONG_LABEL " " GOLD_KEY "\n");
    context = context_with(settings_standard(), NULL);
}

static void done(void)
{
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

static void no_such_key(void)
{
    unsigned char reference[32];

    key_setup();
    CHECK_HAS(name_refused(context, "AES-256-CBC", "absent"), "'absent'");
    /* Labels are matched as a whole, case and all. */
    name_refused(context, "AES-256-CBC", "gol");
    name_refused(context, "AES-256-CBC", "golden");
    name_refused(context, "AES-256-CBC", "Gold");
    reference_by_id(reference, "0102030405060708090a0b0c0d0e0f101112");
    key_refused(context, "AES-256-CBC", reference);
    done();
}

static void two_such_keys(void)
{
    unsigned char first[33] = "", second[33] = "";
    const char *words;

    key_setup();
    reference_by_id(first, ID_1);
    reference_by_id(second, ID_2);
    words = name_refused(context, "AES-256-CBC", "twin");
    CHECK_HAS(words, "'twin'");
    CHECK_HAS(words, (const char *)first + 7);
    CHECK_HAS(words, (const char *)second + 7);
    /* Their ids tell them apart. */
    CHECK(key_works(context, "AES-256-CBC", first, GOLD_KEY) == 1);
    CHECK(key_works(context, "AES-256-CBC", second, SILVER_KEY) == 1);
    done();
}

static void wrong_size(void)
{
    const char *words;

    key_setup();
    words = name_refused(context, "AES-256-CBC", "short");
    CHECK_HAS(words, "'short'");
    CHECK_HAS(words, "128");
    words = name_refused(context, "AES-256-CTR", "middle");
    CHECK_HAS(words, "'middle'");
    CHECK_HAS(words, "192");
    done();
}

static void wrong_type(void)
{
    key_setup();
    CHECK_HAS(name_refused(context, "AES-256-CBC", "generic"), "'generic'");
    CHECK_HAS(name_refused(context, "AES-256-ECB", "des"), "'des'");
    done();
}

/* One direction of a key, over a block without padding. */
static int direction_works(const char *cipher, const char *name, int encrypt, unsigned char out[48])
{
    static const unsigned char in[16], iv[16];
    unsigned char reference[32];
    struct message message = { .cipher = cipher,
                               .key = reference,
                               .iv = iv,
                               .encrypt = encrypt,
                               .in = in,
                               .size = sizeof(in),
                               .out = out };

    blank_fill(out, 48);
    reference_by_name(reference, name);
    return message_run(context, &message);
}

static void check_direction_refused(const char *cipher, const char *name, int encrypt)
{
    unsigned char out[48];
    const char *words;

    CHECK(direction_works(cipher, name, encrypt, out) == 0);
    CHECK(still_blank(out, sizeof(out)));
    words = error_text();
    CHECK_HAS(words, text("'%s'", name));
    CHECK_HAS(words, encrypt ? "CKA_ENCRYPT" : "CKA_DECRYPT");
}

static void may_not_encrypt(void)
{
    unsigned char out[48];

    key_setup();
    check_direction_refused("AES-256-CBC", "decrypt-only", 1);
    check_direction_refused("AES-256-ECB", "decrypt-only", 1);
    check_direction_refused("AES-256-CTR", "decrypt-only", 1);
    check_direction_refused("AES-256-CBC-CTS", "decrypt-only", 1);
    CHECK(direction_works("AES-256-CBC-CTS", "decrypt-only", 0, out) == 1);
    CHECK(direction_works("AES-256-CBC", "decrypt-only", 0, out) == 1);
    done();
}

static void may_not_decrypt(void)
{
    unsigned char out[48];

    key_setup();
    check_direction_refused("AES-256-CBC", "encrypt-only", 0);
    check_direction_refused("AES-256-ECB", "encrypt-only", 0);
    CHECK(direction_works("AES-256-CBC", "encrypt-only", 1, out) == 1);
    CHECK(direction_works("AES-256-CTR", "encrypt-only", 1, out) == 1);
    done();
}

/* A program that passes over the refusal gets nothing done, in the direction of before either. */
static void data_after_a_refused_direction(void)
{
    static const unsigned char zeros[32];
    unsigned char reference[32], out[48];
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int size;

    key_setup();
    cipher = EVP_CIPHER_fetch(context, "AES-256-ECB", NULL);
    CHECK(cipher != NULL);
    reference_by_name(reference, "encrypt-only");
    for (int i = 0; i < 2; i++) { /* with the key, and without it */
        if (i == 1)
            CHECK(EVP_EncryptInit_ex2(ctx, cipher, reference, NULL, NULL) == 1);
        CHECK(EVP_DecryptInit_ex2(ctx, i == 0 ? cipher : NULL, i == 0 ? reference : NULL, NULL,
                                  NULL) == 0);
        CHECK_HAS(error_text(), "CKA_DECRYPT");
        blank_fill(out, sizeof(out));
        CHECK(EVP_DecryptUpdate(ctx, out, &size, zeros, sizeof(zeros)) == 0);
        CHECK(still_blank(out, sizeof(out)));
        CHECK_HAS(error_text(), "no key set");
    }
    CHECK(EVP_EncryptInit_ex2(ctx, NULL, reference, NULL, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &size, zeros, sizeof(zeros)) == 1);
    EVP_CIPHER_free(cipher);
    EVP_CIPHER_CTX_free(ctx);
    done();
}

/* Key wrap with the inverse function asks the other right of a key. */
static void wrap_directions(void)
{
    unsigned char out[48];

    key_setup();
    check_direction_refused("AES-256-WRAP", "decrypt-only", 1);
    check_direction_refused("AES-256-WRAP", "encrypt-only", 0);
    CHECK(direction_works("AES-256-WRAP", "encrypt-only", 1, out) == 1);
    CHECK(direction_works("AES-256-WRAP-INV", "decrypt-only", 1, out) == 1);
    CHECK(direction_works("AES-256-WRAP-INV", "encrypt-only", 1, out) == 0);
    CHECK_HAS(error_text(), "CKA_DECRYPT");
    done();
}

/* CFB and OFB decrypt by encrypting in the HSM; a key that may do one thing only does not. */
static void feedback_directions(void)
{
    unsigned char out[48];

    key_setup();
    check_direction_refused("AES-256-CFB", "decrypt-only", 1);
    check_direction_refused("AES-256-CFB8", "encrypt-only", 0);
    check_direction_refused("AES-256-OFB", "encrypt-only", 0);
    CHECK(direction_works("AES-256-CFB1", "encrypt-only", 1, out) == 1);
    CHECK(direction_works("AES-256-OFB", "decrypt-only", 0, out) == 0);
    CHECK_HAS(error_text(), "AES-256-OFB decrypts by encrypting");
    CHECK_HAS(name_refused(context, "AES-256-CFB", "cbc-only"), "'cbc-only'");
    CHECK(name_works(context, "AES-256-CFB", "ecb-only", GOLD_KEY) == 1);
    done();
}

/* CTR is made of ECB where the key allows that. */
static void one_mechanism(void)
{
    key_setup();
    CHECK(name_works(context, "AES-256-ECB", "ecb-only", GOLD_KEY) == 1);
    CHECK(name_works(context, "AES-256-CTR", "ecb-only", GOLD_KEY) == 1);
    CHECK(name_works(context, "AES-256-CBC", "cbc-only", GOLD_KEY) == 1);
    CHECK(name_works(context, "AES-256-CTR", "ctr-only", GOLD_KEY) == 1);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "ecb-only"), "'ecb-only'");
    CHECK_HAS(name_refused(context, "AES-256-ECB", "cbc-only"), "'cbc-only'");
    CHECK_HAS(name_refused(context, "AES-256-CTR", "cbc-only"), "'cbc-only'");
    CHECK_HAS(name_refused(context, "AES-256-ECB", "ctr-only"), "'ctr-only'");
    CHECK_HAS(name_refused(context, "AES-256-CBC", "mac-only"), "'mac-only'");
    done();
}

static void usual_keys(void)
{
    static const char *const ciphers[] = { "AES-256-ECB", "AES-256-CBC", "AES-256-CTR" };
    unsigned char reference[32];

    key_setup();
    reference_by_id(reference, GOLD_ID);
    for (size_t i = 0; i < 3; i++) {
        CHECK(key_works(context, ciphers[i], reference, GOLD_KEY) == 1);
        CHECK(name_works(context, ciphers[i], "silver", SILVER_KEY) == 1);
        CHECK(name_works(context, ciphers[i], "public", GOLD_KEY) == 1);
        CHECK(name_works(context, ciphers[i], LONG_LABEL, GOLD_KEY) == 1);
    }
    done();
}

/* A key that goes while the program runs stops working within operation-reuse seconds. */
static void destroyed_key(void)
{
    OSSL_LIB_CTX *short_reuse;

    key_setup();
    short_reuse = context_with(text("%soperation-reuse = 1\n", settings_standard()), NULL);
    for (int i = 0; i < 5; i++)
        CHECK(name_works(short_reuse, "AES-256-CBC", "silver", SILVER_KEY) == 1);
    token_destroy("prod", USER_PIN, "silver");
    CHECK(run_shell("sleep 2.2", NULL) == 0);
    CHECK_HAS(name_refused(short_reuse, "AES-256-CBC", "silver"), "'silver'");
    OSSL_LIB_CTX_free(short_reuse);
    done();
}

static void disabled_key(void)
{
    OSSL_LIB_CTX *no_reuse;

    key_setup();
    no_reuse = context_with(text("%soperation-reuse = 0\n", settings_standard()), NULL);
    for (int i = 0; i < 5; i++)
        CHECK(name_works(no_reuse, "AES-256-CBC", "silver", SILVER_KEY) == 1);
    token_set("prod", USER_PIN, "silver", "encrypt=no");
    CHECK_HAS(name_refused(no_reuse, "AES-256-CBC", "silver"), "'silver'");
    OSSL_LIB_CTX_free(no_reuse);
    done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(no_such_key),
        CHILD_TEST(two_such_keys),
        CHILD_TEST(wrong_size),
        CHILD_TEST(wrong_type),
        CHILD_TEST(may_not_encrypt),
        CHILD_TEST(may_not_decrypt),
        CHILD_TEST(data_after_a_refused_direction),
        CHILD_TEST(wrap_directions),
        CHILD_TEST(feedback_directions),
        CHILD_TEST(one_mechanism),
        CHILD_TEST(usual_keys),
        CHILD_TEST(destroyed_key),
        CHILD_TEST(disabled_key),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
