/*
 * The 32 bytes themselves: malformed references, which are refused whatever is configured, and raw
 * keys, which are refused unless the configuration says `raw-keys = software`.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>

static OSSL_LIB_CTX *contexts[2]; /* raw keys refused, and allowed */

static void reference_setup(void)
{
    token_standard();
    token_import("prod", USER_PIN,
                 "uniform " GOLD_KEY " id=333333333333333333333333333333333333\n");
    contexts[0] = context_with(settings_standard(), NULL);
    contexts[1] = context_with(text("%sraw-keys = software\n", settings_standard()), NULL);
}

static void done(void)
{
    for (size_t i = 0; i < 2; i++) {
        CHECK(name_works(contexts[i], "AES-256-CBC", "gold", GOLD_KEY) == 1);
        OSSL_LIB_CTX_free(contexts[i]);
    }
}

/* Refused in each mode, in both contexts: never taken as key bytes. */
static void malformed(const void *bytes)
{
    for (size_t i = 0; i < 2; i++) {
        key_refused(contexts[i], "AES-256-ECB", bytes);
        key_refused(contexts[i], "AES-256-CBC", bytes);
        CHECK_HAS(key_refused(contexts[i], "AES-256-CTR", bytes), "reference");
    }
}

static void empty_name(void)
{
    unsigned char reference[32];

    reference_setup();
    reference_by_name(reference, "");
    malformed(reference);
    done();
}

static void bytes_after_nul(void)
{
    unsigned char reference[32];

    reference_setup();
    reference_by_name(reference, "gold");
    reference[31] = 1;
    malformed(reference);
    reference_by_name(reference, "gold");
    memcpy(reference + 12, "x", 1);
    malformed(reference);
    reference_by_name(reference, "");
    reference[8] = 'g';
    malformed(reference);
    done();
}

static void name_too_long(void)
{
    reference_setup();
    malformed("hsmzke:a name of 25 characters,,");
    malformed("hsmzke:twenty-five-characters-..");
    done();
}

static void wrong_check_character(void)
{
    unsigned char reference[32];

    reference_setup();
    reference_by_id(reference, GOLD_ID);
    CHECK(key_works(contexts[0], "AES-256-CBC", reference, GOLD_KEY) == 1);
    reference[31] = reference[31] == 'A' ? 'B' : 'A';
    malformed(reference);
    reference_by_id(reference, GOLD_ID);
    reference[15] = reference[15] == 'A' ? 'B' : 'A';
    malformed(reference);
    reference_by_id(reference, GOLD_ID);
    reference[20] = '+'; /* base64, but not base64url */
    malformed(reference);
    done();
}

static void published_examples(void)
{
    unsigned char reference[32];

    reference_by_id(reference, "000102030405060708090a0b0c0d0e0f1011");
    CHECK(memcmp(reference, "hsmzke:AAECAwQFBgcICQoLDA0ODxARo", 32) == 0);
    reference_by_id(reference, GOLD_ID);
    CHECK(memcmp(reference, "hsmzke:y4KctdcFRsGUNnVTruBnrxixw", 32) == 0);
}

/* Such an id would be no secret where the provider is missing. */
static void id_of_one_byte(void)
{
    unsigned char reference[32];

    reference_setup();
    reference_by_id(reference, "333333333333333333333333333333333333");
    malformed(reference);
    CHECK(name_works(contexts[0], "AES-256-CBC", "uniform", GOLD_KEY) == 1);
    done();
}

static void raw_key(void)
{
    unsigned char key[32];

    reference_setup();
    unhex(GOLD_KEY, key, sizeof(key));
    CHECK_HAS(key_refused(contexts[0], "AES-256-ECB", key), "raw-keys");
    CHECK_HAS(key_refused(contexts[0], "AES-256-CBC", key), "raw-keys");
    CHECK_HAS(key_refused(contexts[0], "AES-256-CTR", key), "raw-keys");
    CHECK(key_works(contexts[1], "AES-256-ECB", key, GOLD_KEY) == 1);
    CHECK(key_works(contexts[1], "AES-256-CBC", key, GOLD_KEY) == 1);
    CHECK(key_works(contexts[1], "AES-256-CTR", key, GOLD_KEY) == 1);
    done();
}

/* Nearly a reference is a raw key. */
static void nearly_a_reference(void)
{
    unsigned char key[32];

    reference_setup();
    reference_by_name(key, "gold");
    key[6] = ';';
    CHECK_HAS(key_refused(contexts[0], "AES-256-CBC", key), "raw-keys");
    CHECK(key_works(contexts[1], "AES-256-CBC", key, hex(key, 32)) == 1);
    reference_by_name(key, "gold");
    key[0] = 'H';
    CHECK_HAS(key_refused(contexts[0], "AES-256-CBC", key), "raw-keys");
    done();
}

/* One context that is given keys of both kinds in turn. */
static void both_kinds_in_one_context(void)
{
    static const unsigned char iv[16], in[16];
    unsigned char key[32], reference[32], hsm[32], software[32];
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int size;

    reference_setup();
    cipher = EVP_CIPHER_fetch(contexts[1], "AES-256-CBC", NULL);
    unhex(GOLD_KEY, key, sizeof(key));
    reference_by_name(reference, "gold");
    for (int i = 0; i < 4; i++) {
        CHECK(EVP_EncryptInit_ex2(ctx, i == 0 ? cipher : NULL, i % 2 ? key : reference, iv, NULL));
        CHECK(EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
        CHECK(EVP_EncryptUpdate(ctx, i % 2 ? software : hsm, &size, in, 16) == 1 && size == 16);
        CHECK(EVP_EncryptFinal_ex(ctx, software + 16, &size) == 1 && size == 0);
    }
    CHECK(memcmp(hsm, software, 16) == 0);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    done();
}

/* An IV for key wrap stays as it was given, whatever kind the next key is of. */
static void wrap_iv_for_both_kinds(void)
{
    static const unsigned char iv[8] = "wrap iv", in[16];
    unsigned char key[32], reference[32], first[24], out[24];
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int size;

    reference_setup();
    cipher = EVP_CIPHER_fetch(contexts[1], "AES-256-WRAP", NULL);
    unhex(GOLD_KEY, key, sizeof(key));
    reference_by_name(reference, "gold");
    for (int from = 0; from < 2; from++) {
        CHECK(EVP_EncryptInit_ex2(ctx, cipher, from ? key : reference, iv, NULL) == 1);
        CHECK(EVP_EncryptUpdate(ctx, first, &size, in, 16) == 1 && size == 24);
        CHECK(EVP_EncryptInit_ex2(ctx, NULL, from ? reference : key, NULL, NULL) == 1);
        CHECK(EVP_EncryptUpdate(ctx, out, &size, in, 16) == 1 && size == 24);
        CHECK(memcmp(first, out, 24) == 0);
    }
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(empty_name),
        CHILD_TEST(bytes_after_nul),
        CHILD_TEST(name_too_long),
        CHILD_TEST(wrong_check_character),
        CHILD_TEST(published_examples),
        CHILD_TEST(id_of_one_byte),
        CHILD_TEST(raw_key),
        CHILD_TEST(nearly_a_reference),
        CHILD_TEST(both_kinds_in_one_context),
        CHILD_TEST(wrap_iv_for_both_kinds),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
