/*
 * An HSM that has AES-ECB and no other AES mechanism: what is made of single blocks works there and
 * is compared with software; all else is refused in words that name the mechanism and the cure.
 * The random programs run there as well, for the bytes of each mode.  A p11-kit of 0.25 or newer
 * carries the other mechanisms too: nothing is refused then.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

static OSSL_LIB_CTX *context;

static const char *const made_of_blocks[] = { "AES-256-ECB",  "AES-256-CTR",  "AES-256-CFB",
                                              "AES-256-CFB8", "AES-256-CFB1", "AES-256-OFB" };

static void skip_unless_ecb_only(void)
{
    if (module_offers("CKM_AES_CBC")) {
        puts("this system's p11-kit carries more than AES-ECB, so nothing is refused");
        skip();
    }
}

static void has_ecb_only(void **state)
{
    static const char *const others[] = { "CKM_AES_CBC",      "CKM_AES_CTR",    "CKM_AES_GCM",
                                          "CKM_AES_CMAC",     "CKM_AES_CFB128", "CKM_AES_OFB",
                                          "CKM_AES_KEY_WRAP", "CKM_AES_CTS" };

    (void)state;
    skip_unless_ecb_only();
    CHECK(module_offers("CKM_AES_ECB"));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        CHECK(!module_offers(others[i]));
}

static void what_blocks_make(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(made_of_blocks) / sizeof(made_of_blocks[0]); i++) {
        CHECK(name_works(context, made_of_blocks[i], "gold", GOLD_KEY) == 1);
        printf("works: %s\n", made_of_blocks[i]);
    }
}

/* One direction of a key wrap; the bytes written. */
static int wrap(OSSL_LIB_CTX *in_context, const char *name, const unsigned char *key, int encrypt,
                const unsigned char *in, int size, unsigned char *out)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(in_context, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int written = 0, last = 0;

    CHECK(cipher != NULL && EVP_CipherInit_ex2(ctx, cipher, key, NULL, encrypt, NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, out, &written, in, size) == 1);
    CHECK(EVP_CipherFinal_ex(ctx, out + written, &last) == 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return written + last;
}

static void key_wrap(void **state)
{
    static const char *const names[] = { "AES-256-WRAP", "AES-256-WRAP-PAD", "AES-256-WRAP-INV",
                                         "AES-256-WRAP-PAD-INV" };
    unsigned char reference[32], raw[32], ours[64], theirs[64], back[64];
    const unsigned char *secret = (const unsigned char *)"thirty-two bytes worth wrapping!";

    (void)state;
    reference_by_name(reference, "gold");
    CHECK(unhex(GOLD_KEY, raw, sizeof(raw)) == sizeof(raw));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const int n = wrap(context, names[i], reference, 1, secret, 32, ours);

        CHECK(n == wrap(context_default(), names[i], raw, 1, secret, 32, theirs));
        CHECK(n == 40 && memcmp(ours, theirs, (size_t)n) == 0);
        CHECK(wrap(context, names[i], reference, 0, ours, n, back) == 32);
        CHECK(memcmp(back, secret, 32) == 0);
        printf("works: %s\n", names[i]);
    }
}

/* name_refused() has checked that no byte came out. */
static void refusals(void **state)
{
    static const struct {
        const char *name, *mechanism;
    } refused[] = { { "AES-256-CBC", "CKM_AES_CBC" },
                    { "AES-256-CBC-CTS", "CKM_AES_CBC" },
                    { "AES-256-GCM", "CKM_AES_GCM" } };

    (void)state;
    skip_unless_ecb_only();
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        const char *words = name_refused(context, refused[i].name, "gold");

        printf("refused: %s: %s", refused[i].name, words);
        CHECK_HAS(words, refused[i].mechanism);
        CHECK_HAS(words, "does not offer this mechanism");
        CHECK_HAS(words, "use an algorithm that it offers");
    }
}

static void refused_macs(void **state)
{
    static const struct {
        const char *mac, *algorithm, *mechanism;
    } all[] = {
        { "CMAC", "AES-256-CBC", "CKM_AES_CMAC" }, { "HMAC", "SHA1", "CKM_SHA_1_HMAC" },
        { "HMAC", "SHA224", "CKM_SHA224_HMAC" },   { "HMAC", "SHA256", "CKM_SHA256_HMAC" },
        { "HMAC", "SHA384", "CKM_SHA384_HMAC" },   { "HMAC", "SHA512", "CKM_SHA512_HMAC" }
    };
    unsigned refused = 0;

    (void)state;
    skip_unless_ecb_only();
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        const char *words;

        if (module_offers(all[i].mechanism)) /* those that it carries: mac-random.c */
            continue;
        words = mac_refused(context, all[i].mac, all[i].algorithm, i == 0 ? "gold" : "generic");
        printf("refused: %s with %s: %s", all[i].mac, all[i].algorithm, words);
        CHECK_HAS(words, all[i].mechanism);
        CHECK_HAS(words, "use an algorithm that it offers");
        refused++;
    }
    CHECK(refused > 0);
}

/* A decryption that is refused gives nothing out either, whatever is in the update. */
static void nothing_is_decrypted(void **state)
{
    static const char *const names[] = { "AES-256-CBC", "AES-256-CBC-CTS", "AES-256-GCM" };
    unsigned char reference[32], in[64] = { 1 }, out[96];

    (void)state;
    skip_unless_ecb_only();
    reference_by_name(reference, "gold");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, names[i], NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int n = 0, all = 0;
        bool ok;

        CHECK(cipher != NULL);
        ok = EVP_DecryptInit_ex2(ctx, cipher, reference, in, NULL) == 1;
        if (ok && i == 2)
            CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, in) == 1);
        blank_fill(out, sizeof(out));
        ok = ok && EVP_DecryptUpdate(ctx, out, &n, in, sizeof(in)) == 1;
        all += n;
        ok = ok && EVP_DecryptFinal_ex(ctx, out + all, &n) == 1;
        CHECK(!ok && all == 0 && still_blank(out, sizeof(out)));
        CHECK_HAS(error_text(), "CKM_AES");
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(cipher);
    }
}

static int group_setup(void **state)
{
    if (testing_setup(state) != 0)
        return -1;
    token_standard();
    token_import("prod", USER_PIN, "generic " GOLD_KEY SILVER_KEY " type=generic\n");
    context = context_with(settings_standard(), NULL);
    return 0;
}

static int group_teardown(void **state)
{
    OSSL_LIB_CTX_free(context);
    return testing_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_ecb_only), cmocka_unit_test(what_blocks_make),
        cmocka_unit_test(key_wrap),     cmocka_unit_test(refusals),
        cmocka_unit_test(refused_macs), cmocka_unit_test(nothing_is_decrypted),
    };

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
