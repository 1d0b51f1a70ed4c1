/*
 * AES-256-GCM when something goes wrong: calls that fail once, an HSM that is gone, a fork in
 * mid-message, an HSM that puts an IV of its own, keys that may do half, more messages than
 * sessions.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

enum { PIECE = 100000, PIECES = 3, SIZE = PIECE * PIECES };

static const unsigned char iv[12] = "twelve bytes", aad[9] = "nine more";
static unsigned char plain[SIZE], sealed[SIZE], out[SIZE], seal_tag[16];
static OSSL_LIB_CTX *context;
static EVP_CIPHER *cipher;

static void start(const char *settings)
{
    context = context_with(settings, NULL);
    cipher = EVP_CIPHER_fetch(context, "AES-256-GCM", "provider=hsmzke");
    CHECK(cipher != NULL);
}

static void finish(void)
{
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

static void by_software(size_t size)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char key[32];
    int n;

    CHECK(unhex(GOLD_KEY, key, sizeof(key)) == sizeof(key));
    CHECK(EVP_EncryptInit_ex2(ctx, EVP_aes_256_gcm(), key, iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, NULL, &n, aad, sizeof(aad)) == 1);
    CHECK(EVP_EncryptUpdate(ctx, sealed, &n, plain, (int)size) == 1);
    CHECK(EVP_EncryptFinal_ex(ctx, sealed, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, seal_tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

static EVP_CIPHER_CTX *begin(bool encrypt)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char reference[32];
    int n;

    reference_by_name(reference, "gold");
    CHECK(ctx != NULL && EVP_CipherInit_ex2(ctx, cipher, reference, iv, encrypt, NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, NULL, &n, aad, sizeof(aad)) == 1);
    return ctx;
}

/* The tag of an encryption is compared, that of a decryption set. */
static void end(EVP_CIPHER_CTX *ctx)
{
    const bool encrypt = EVP_CIPHER_CTX_is_encrypting(ctx);
    unsigned char tag[16], none[16];
    int n;

    memcpy(tag, seal_tag, 16);
    if (!encrypt)
        CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1);
    CHECK(EVP_CipherFinal_ex(ctx, none, &n) == 1);
    if (encrypt)
        CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
    CHECK(memcmp(tag, seal_tag, 16) == 0);
    EVP_CIPHER_CTX_free(ctx);
}

/* ---- a call fails once ---- */

static void whole_message(bool encrypt, size_t piece, bool in_place)
{
    EVP_CIPHER_CTX *ctx = begin(encrypt);
    const unsigned char *from = encrypt ? plain : sealed;
    int n;

    if (in_place)
        memcpy(out, from, SIZE);
    for (size_t at = 0; at < SIZE; at += piece) {
        const size_t size = SIZE - at < piece ? SIZE - at : piece;

        CHECK(EVP_CipherUpdate(ctx, out + at, &n, (in_place ? out : from) + at, (int)size) == 1);
    }
    end(ctx);
    CHECK(memcmp(out, encrypt ? sealed : plain, SIZE) == 0 && ERR_peek_error() == 0);
}

static void messages_child(void *argument)
{
    (void)argument;
    start(settings_spied());
    by_software(SIZE);
    for (int i = 0; i < 8; i++)
        whole_message(i % 2 == 0, i / 2 % 2 == 0 ? PIECE : 7777, i / 4 == 0);
    finish();
}

static void one_failure_is_survived(void **state)
{
    static const char *const calls[] = {
        "C_EncryptUpdate:1", "C_EncryptUpdate:2", "C_EncryptUpdate:3", "C_EncryptUpdate:7",
        "C_EncryptUpdate:9", "C_EncryptFinal:1",  "C_EncryptInit:1",   "C_EncryptInit:3",
        "C_Encrypt:1",       "C_Decrypt:1",       "C_DecryptInit:1",
    };
    static const unsigned long values[] = { 0x30, 0xb3, 0x05, 0x91 };
    unsigned made = 0;

    (void)state;
    token_standard();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        for (size_t j = 0; j < (quick() ? 1 : sizeof(values) / sizeof(values[0])); j++) {
            spy_setup(text("%s:0x%lx", calls[i], values[j]), NULL);
            printf("%s:0x%lx\n", calls[i], values[j]);
            CHECK(run_child(messages_child, NULL) == 0);
            made += spy_failures();
        }
    }
    printf("%u failures made\n", made);
    CHECK(made > 0);
}

/* ---- gone ---- */

/* Nothing is given out while the HSM is away; when it is back, the message goes on. */
static void gone_in_mid_message(void)
{
    static const unsigned long losses[] = { 0x30, 0x32, 0xb3, 0xe0, 0x190 };
    int n;

    token_standard();
    spy_setup(NULL, NULL);
    start(settings_spied());
    by_software(SIZE);
    for (size_t i = 0; i < 2 * sizeof(losses) / sizeof(losses[0]); i++) {
        EVP_CIPHER_CTX *ctx = begin(i % 2 == 0);
        const unsigned char *from = i % 2 == 0 ? plain : sealed;

        CHECK(EVP_CipherUpdate(ctx, out, &n, from, PIECE) == 1);
        CHECK(EVP_CipherUpdate(ctx, out + PIECE, &n, from + PIECE, PIECE) == 1);
        spy_gone(losses[i / 2]);
        blank_fill(out + 2 * PIECE, PIECE);
        n = 0;
        CHECK(EVP_CipherUpdate(ctx, out + 2 * PIECE, &n, from + 2 * PIECE, PIECE) == 0);
        CHECK(n == 0 && still_blank(out + 2 * PIECE, PIECE) && *error_text() != '\0');
        spy_gone(0);
        CHECK(EVP_CipherUpdate(ctx, out + 2 * PIECE, &n, from + 2 * PIECE, PIECE) == 1);
        end(ctx);
        CHECK(memcmp(out, i % 2 == 0 ? sealed : plain, SIZE) == 0);
        CHECK(ERR_peek_error() == 0);
    }
    finish();
}

/* ---- fork ---- */

struct half {
    EVP_CIPHER_CTX *ctx;
    bool encrypt;
};

static void second_half(void *argument)
{
    const struct half *half = argument;
    const unsigned char *from = half->encrypt ? plain : sealed;
    int n;

    CHECK(EVP_CipherUpdate(half->ctx, out + 200, &n, from + 200, 333) == 1);
    CHECK(EVP_CipherUpdate(half->ctx, out + 533, &n, from + 533, SIZE - 533) == 1);
    end(half->ctx);
    CHECK(memcmp(out, half->encrypt ? sealed : plain, SIZE) == 0);
}

/* With no, one and two updates before; the parent goes on before or after the child. */
static void forked(void)
{
    token_standard();
    start(settings_standard());
    by_software(SIZE);
    for (int i = 0; i < 8; i++) {
        struct half half = { begin(i % 2 == 0), i % 2 == 0 };
        const unsigned char *from = half.encrypt ? plain : sealed;
        const int first = i / 2 % 2 == 0 ? 200 : 100;
        int n, child;

        CHECK(EVP_CipherUpdate(half.ctx, out, &n, from, first) == 1);
        if (first < 200)
            CHECK(EVP_CipherUpdate(half.ctx, out + 100, &n, from + 100, 100) == 1);
        child = start_child(second_half, &half);
        if (i / 4 == 0)
            CHECK(wait_child(child) == 0);
        second_half(&half);
        if (i / 4 == 1)
            CHECK(wait_child(child) == 0);
    }
    finish();
}

/* ---- an HSM with IVs of its own ---- */

static void module_replaces_iv(void)
{
    static const int sizes[] = { 1, 1000, PIECE, 0 };
    int n = 0;

    token_standard();
    spy_setup(NULL, NULL);
    spy_gcm("own-iv");
    start(settings_spied());
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        EVP_CIPHER_CTX *ctx = begin(true);
        unsigned char tag[16];

        blank_fill(out, SIZE);
        CHECK(EVP_CipherUpdate(ctx, out, &n, plain, sizes[i]) == (sizes[i] == 0));
        CHECK(sizes[i] == 0 || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) != 1);
        CHECK(sizes[i] != 0 || EVP_CipherFinal_ex(ctx, tag, &n) == 0);
        CHECK(n == 0 && still_blank(out, SIZE));
        CHECK_HAS(error_text(), "IV");
        EVP_CIPHER_CTX_free(ctx);
    }
    finish();
}

/* ---- keys ---- */

/* Under the IV of the identities the first bytes would be hidden by what is public. */
static void reserved_iv(void)
{
    unsigned char reserved[13] = "hsmzke-id-v1", none[16];
    EVP_CIPHER_CTX *ctx;
    int n;

    token_standard();
    start(settings_standard());
    for (int encrypt = 0; encrypt <= 1; encrypt++) {
        ctx = begin(encrypt);
        CHECK(EVP_CipherInit_ex2(ctx, NULL, NULL, reserved, encrypt, NULL) == 1);
        blank_fill(out, 16);
        CHECK(EVP_CipherUpdate(ctx, NULL, &n, aad, sizeof(aad)) != 1);
        CHECK(EVP_CipherUpdate(ctx, out, &n, plain, 16) != 1);
        CHECK(EVP_CipherFinal_ex(ctx, none, &n) != 1);
        CHECK(still_blank(out, 16));
        CHECK_HAS(error_text(), "'hsmzke-id-v1' is reserved");
        EVP_CIPHER_CTX_free(ctx);
    }
    by_software(SIZE);
    ctx = begin(true);
    CHECK(EVP_CipherInit_ex2(ctx, NULL, NULL, reserved, 1, NULL) == 1);
    CHECK(EVP_CipherInit_ex2(ctx, NULL, NULL, iv, 1, NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, NULL, &n, aad, sizeof(aad)) == 1);
    CHECK(EVP_CipherUpdate(ctx, out, &n, plain, SIZE) == 1 && memcmp(out, sealed, SIZE) == 0);
    end(ctx);
    finish();
}

static void keys_that_may_do_half(void)
{
    unsigned char reference[32];
    int n;

    token_standard();
    token_import("prod", USER_PIN,
                 "opens " GOLD_KEY " no-encrypt\nseals " GOLD_KEY " no-decrypt\n");
    start(settings_standard());
    for (int i = 0; i < 4; i++) {
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        const bool seals = i / 2 == 1, encrypt = i % 2 == 1;

        reference_by_name(reference, seals ? "seals" : "opens");
        CHECK(EVP_CipherInit_ex2(ctx, cipher, reference, iv, encrypt, NULL) == (seals == encrypt));
        CHECK((*error_text() == '\0') == (seals == encrypt));
        if (seals == encrypt) /* the other direction, then, with the same key */
            CHECK(EVP_CipherInit_ex2(ctx, NULL, NULL, NULL, !encrypt, NULL) == 0);
        CHECK(EVP_CipherInit_ex2(ctx, NULL, NULL, iv, !seals, NULL) == 1);
        CHECK(EVP_CipherUpdate(ctx, out, &n, plain, 32) == 0);
        CHECK_HAS(error_text(), "no key set");
        EVP_CIPHER_CTX_free(ctx);
    }
    finish();
}

/* A reference has 32 bytes: what begins like one is no key for AES-128 and AES-192. */
static void other_key_lengths(void)
{
    static const char *const names[] = { "AES-128-GCM", "AES-192-GCM" };
    unsigned char reference[32];

    token_standard();
    start(settings_standard());
    reference_by_name(reference, "gold");
    for (size_t i = 0; i < 2; i++) {
        EVP_CIPHER *other = EVP_CIPHER_fetch(context, names[i], NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

        CHECK(other != NULL);
        CHECK(EVP_EncryptInit_ex2(ctx, other, reference, iv, NULL) == 0);
        CHECK_HAS(error_text(), "hsmzke");
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(other);
    }
    finish();
}

/* ---- more messages than sessions ---- */

static void many_open(void)
{
    enum { MANY = 2000, EACH = 600 };
    EVP_CIPHER_CTX **open = keep(MANY * sizeof(*open));
    unsigned char *all = keep((size_t)MANY * EACH);
    const int many = quick() ? 200 : MANY;
    int n;

    token_standard();
    start(text("%ssessions = 8\n", settings_standard()));
    by_software(EACH);
    for (int i = 0; i < many; i++)
        open[i] = begin(i % 4 != 0);
    for (int at = 0; at < EACH; at += EACH / 3)
        for (int i = 0; i < many; i++)
            CHECK(EVP_CipherUpdate(open[i], all + i * EACH + at, &n,
                                   (i % 4 != 0 ? plain : sealed) + at, EACH / 3) == 1);
    for (int i = 0; i < many; i++) {
        end(open[i]);
        CHECK(memcmp(all + i * EACH, i % 4 != 0 ? sealed : plain, EACH) == 0);
    }
    CHECK(ERR_peek_error() == 0);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_failure_is_survived),
        CHILD_TEST(gone_in_mid_message),
        CHILD_TEST(forked),
        CHILD_TEST(module_replaces_iv),
        CHILD_TEST(reserved_iv),
        CHILD_TEST(keys_that_may_do_half),
        CHILD_TEST(other_key_lengths),
        CHILD_TEST(many_open),
    };

    for (size_t i = 0; i < SIZE; i++)
        plain[i] = (unsigned char)(i * 31 + i / 256);
    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
