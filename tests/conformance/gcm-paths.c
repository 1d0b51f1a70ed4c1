/*
 * AES-256-GCM's less common paths, against software: every single-bit forgery of a small message,
 * IVs that the HSM makes, IVs put together from fixed and counting parts, key streams never used
 * twice.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>

enum { AAD = 5, IV = 12, TEXT = 23, TAG = 16, ALL = AAD + IV + TEXT + TAG };

static OSSL_LIB_CTX *context;
static EVP_CIPHER *ours, *theirs;
static unsigned char reference[32], raw[32];
static const unsigned char zeros[256];

static void start(const char *lines)
{
    token_standard();
    context = context_with(text("%s%s", settings_standard(), lines), NULL);
    ours = EVP_CIPHER_fetch(context, "AES-256-GCM", "provider=hsmzke");
    theirs = EVP_CIPHER_fetch(context_default(), "AES-256-GCM", NULL);
    reference_by_name(reference, "gold");
    CHECK(ours != NULL && theirs != NULL && unhex(GOLD_KEY, raw, sizeof(raw)) == sizeof(raw));
}

static void finish(void)
{
    EVP_CIPHER_free(ours);
    EVP_CIPHER_free(theirs);
    OSSL_LIB_CTX_free(context);
}

/* ---- forgeries ---- */

/* How a message is given to EVP: when its tag comes, and whether its text comes in two updates. */
struct order {
    bool tag_first, split;
};

/* `whole`: AAD, IV, ciphertext and tag. @return whether all of EVP's calls went well */
static bool opens(const EVP_CIPHER *cipher, const unsigned char *key, const unsigned char *whole,
                  struct order order, unsigned char out[TEXT])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const unsigned char *iv = whole + AAD, *cipher_text = iv + IV;
    unsigned char *tag = (unsigned char *)(uintptr_t)(cipher_text + TEXT);
    const int first = order.split ? 7 : TEXT;
    int n = 0;
    bool ok;

    CHECK(ctx != NULL && EVP_DecryptInit_ex2(ctx, cipher, key, iv, NULL) == 1);
    ok = EVP_DecryptUpdate(ctx, NULL, &n, whole, AAD) == 1;
    if (order.tag_first)
        CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1);
    ok = ok && EVP_DecryptUpdate(ctx, out, &n, cipher_text, first) == 1;
    if (order.split)
        ok = ok && EVP_DecryptUpdate(ctx, out + 7, &n, cipher_text + 7, TEXT - 7) == 1;
    if (!order.tag_first)
        CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1);
    ok = ok && EVP_DecryptFinal_ex(ctx, out, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

static void sealed(const EVP_CIPHER *cipher, const unsigned char *key, unsigned char *whole)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *iv = whole + AAD, *cipher_text = iv + IV;
    int n;

    CHECK(ctx != NULL && EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, NULL, &n, whole, AAD) == 1);
    CHECK(EVP_EncryptUpdate(ctx, cipher_text, &n, cipher_text, TEXT) == 1);
    CHECK(EVP_EncryptFinal_ex(ctx, cipher_text, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, cipher_text + TEXT) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

static void no_forgery_opens(struct order order)
{
    unsigned char whole[ALL], out[TEXT];
    const char *words = NULL;

    for (size_t i = 0; i < ALL; i++)
        whole[i] = (unsigned char)(7 * i);
    sealed(theirs, raw, whole);
    CHECK(opens(ours, reference, whole, order, out) && ERR_peek_error() == 0);
    for (size_t bit = 0; bit < (size_t)8 * ALL; bit++) {
        const char *said;

        whole[bit / 8] ^= (unsigned char)(1U << bit % 8);
        CHECK(!opens(ours, reference, whole, order, out));
        said = error_text();
        CHECK(*said != '\0');
        /* What is said does not tell where: but for the thread's number it is always the same. */
        CHECK(words == NULL || strcmp(strchr(said, ':'), strchr(words, ':')) == 0);
        words = said;
        whole[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    CHECK(opens(ours, reference, whole, order, out) && ERR_peek_error() == 0);
}

static void flips(void)
{
    start("");
    for (unsigned i = 0; i < 4; i++)
        no_forgery_opens((struct order){ .tag_first = i % 2 == 0, .split = i / 2 == 1 });
    finish();
}

static void flips_without_trial(void)
{
    start("gcm-one-shot = never\n");
    for (unsigned i = 0; i < 4; i++)
        no_forgery_opens((struct order){ .tag_first = i % 2 == 0, .split = i / 2 == 1 });
    finish();
}

static void flips_with_one_shot_only(void)
{
    start("gcm-one-shot = always\n");
    no_forgery_opens((struct order){ .tag_first = true, .split = false });
    finish();
}

/* ---- IVs ---- */

/* Encrypts zeros under the IV that the context has, and checks them and the tag by software. */
static void zeros_agree(EVP_CIPHER_CTX *ctx, const unsigned char *iv, size_t size, size_t first)
{
    unsigned char out[sizeof(zeros)], expected[sizeof(zeros)], tag[16], expected_tag[16];
    EVP_CIPHER_CTX *software = EVP_CIPHER_CTX_new();
    int n;

    CHECK(EVP_EncryptUpdate(ctx, out, &n, zeros, (int)first) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out + first, &n, zeros, (int)(size - first)) == 1);
    CHECK(EVP_EncryptFinal_ex(ctx, out, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
    CHECK(EVP_EncryptInit_ex2(software, theirs, raw, iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(software, expected, &n, zeros, (int)size) == 1);
    CHECK(EVP_EncryptFinal_ex(software, expected, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(software, EVP_CTRL_AEAD_GET_TAG, 16, expected_tag) == 1);
    CHECK(memcmp(out, expected, size) == 0 && memcmp(tag, expected_tag, 16) == 0);
    EVP_CIPHER_CTX_free(software);
}

/* An encryption without an IV gets one from the HSM; EVP reads it back. */
static void iv_of_the_hsm(void)
{
    unsigned char iv[50][12];
    int n;

    start("");
    for (size_t i = 0; i < 50; i++) {
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        unsigned char none[12];

        CHECK(EVP_EncryptInit_ex2(ctx, ours, reference, NULL, NULL) == 1);
        CHECK(EVP_CIPHER_CTX_get_updated_iv(ctx, none, 12) == 0);
        ERR_clear_error();
        CHECK(EVP_EncryptUpdate(ctx, NULL, &n, zeros, 0) == 1);
        CHECK(EVP_EncryptUpdate(ctx, iv[i], &n, zeros, 1) == 1); /* now there is one */
        CHECK(EVP_CIPHER_CTX_get_updated_iv(ctx, iv[i], 12) == 1);
        CHECK(EVP_EncryptInit_ex2(ctx, NULL, NULL, iv[i], NULL) == 1);
        zeros_agree(ctx, iv[i], i, i / 2);
        for (size_t j = 0; j < i; j++)
            CHECK(memcmp(iv[i], iv[j], 12) != 0);
        CHECK(ERR_peek_error() == 0);
        EVP_CIPHER_CTX_free(ctx);
    }
    finish();
}

/* A fixed part of 4 bytes, the rest begins at random and counts; the other side is told the rest.
 */
static void fixed_and_invocation(void)
{
    unsigned char fixed[4] = "fix!", last[8], before[8] = { 0 }, iv[12];
    EVP_CIPHER_CTX *seal, *open;
    int n;

    start("");
    seal = EVP_CIPHER_CTX_new();
    open = EVP_CIPHER_CTX_new();
    CHECK(EVP_EncryptInit_ex2(seal, ours, reference, NULL, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_GCM_IV_GEN, 8, last) <= 0); /* nothing is fixed yet */
    CHECK(EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_GCM_SET_IV_FIXED, 3, fixed) <= 0);
    CHECK(EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_GCM_SET_IV_FIXED, 5, fixed) <= 0);
    ERR_clear_error();
    CHECK(EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_GCM_SET_IV_FIXED, 4, fixed) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_GCM_SET_IV_INV, 8, last) <= 0); /* decryption's */
    CHECK(EVP_DecryptInit_ex2(open, ours, reference, NULL, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(open, EVP_CTRL_GCM_SET_IV_INV, 8, last) <= 0);
    ERR_clear_error();
    CHECK(EVP_CIPHER_CTX_ctrl(open, EVP_CTRL_GCM_SET_IV_FIXED, 4, fixed) == 1);
    for (int round = 0; round < 20; round++) {
        unsigned char out[5], back[5], tag[16];

        CHECK(EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_GCM_IV_GEN, 8, last) == 1);
        CHECK(memcmp(last, before, 8) != 0);
        memcpy(before, last, 8);
        memcpy(iv, fixed, 4);
        memcpy(iv + 4, last, 8);
        zeros_agree(seal, iv, 200, 100);
        CHECK(EVP_EncryptInit_ex2(seal, NULL, NULL, iv, NULL) == 1);
        CHECK(EVP_EncryptUpdate(seal, out, &n, zeros, 5) == 1);
        CHECK(EVP_EncryptFinal_ex(seal, out, &n) == 1);
        CHECK(EVP_CIPHER_CTX_ctrl(seal, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
        CHECK(EVP_CIPHER_CTX_ctrl(open, EVP_CTRL_GCM_SET_IV_INV, 8, last) == 1);
        CHECK(EVP_CIPHER_CTX_ctrl(open, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1);
        CHECK(EVP_DecryptUpdate(open, back, &n, out, 5) == 1);
        CHECK(EVP_DecryptFinal_ex(open, back, &n) == 1 && memcmp(back, zeros, 5) == 0);
    }
    CHECK(ERR_peek_error() == 0);
    EVP_CIPHER_CTX_free(seal);
    EVP_CIPHER_CTX_free(open);
    finish();
}

/* ---- one IV, one message ---- */

/* After a message nothing but a new IV lets the context encrypt: a key without one does not. */
static void iv_serves_once(void)
{
    static const unsigned char iv[12] = "an IV once  ";
    EVP_CIPHER_CTX *ctx;
    unsigned char out[32];
    int n;

    start("");
    ctx = EVP_CIPHER_CTX_new();
    for (int data = 0; data < 3; data++) { /* no, one and two updates before */
        CHECK(EVP_EncryptInit_ex2(ctx, ours, reference, iv, NULL) == 1);
        CHECK(EVP_EncryptUpdate(ctx, NULL, &n, zeros, 3) == 1);
        for (int i = 0; i < data; i++)
            CHECK(EVP_EncryptUpdate(ctx, out, &n, zeros, 16) == 1);
        CHECK(EVP_EncryptInit_ex2(ctx, NULL, reference, NULL, NULL) == 1);
        blank_fill(out, sizeof(out));
        CHECK(EVP_EncryptUpdate(ctx, out, &n, zeros, 16) == 0 && still_blank(out, sizeof(out)));
        CHECK(EVP_EncryptUpdate(ctx, NULL, &n, zeros, 16) == 0);
        CHECK(EVP_EncryptFinal_ex(ctx, out, &n) == 0);
        CHECK_HAS(error_text(), "an IV serves one encryption");
    }
    CHECK(EVP_EncryptInit_ex2(ctx, NULL, NULL, iv, NULL) == 1);
    zeros_agree(ctx, iv, 40, 11);
    EVP_CIPHER_CTX_free(ctx);
    finish();
}

/* Two updates of zeros: the key stream itself comes out, and no block of it twice. */
static void no_key_stream_twice(void)
{
    static const unsigned char iv[12] = "zeros' IV   ";
    unsigned char out[256];
    EVP_CIPHER_CTX *ctx;
    int n;

    start("");
    ctx = EVP_CIPHER_CTX_new();
    for (int first = 16; first < 256; first += 16) {
        CHECK(EVP_EncryptInit_ex2(ctx, ours, reference, iv, NULL) == 1);
        CHECK(EVP_EncryptUpdate(ctx, out, &n, zeros, first) == 1);
        CHECK(EVP_EncryptUpdate(ctx, out + first, &n, zeros, 256 - first) == 1);
        for (size_t i = 0; i < 256; i += 16)
            for (size_t j = 0; j < i; j += 16)
                CHECK(memcmp(out + i, out + j, 16) != 0);
    }
    EVP_CIPHER_CTX_free(ctx);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(flips),
        CHILD_TEST(flips_without_trial),
        CHILD_TEST(flips_with_one_shot_only),
        CHILD_TEST(iv_of_the_hsm),
        CHILD_TEST(fixed_and_invocation),
        CHILD_TEST(iv_serves_once),
        CHILD_TEST(no_key_stream_twice),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
