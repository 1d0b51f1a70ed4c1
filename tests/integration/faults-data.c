/*
 * Data and calls that cannot be right: truncated files, wrong padding, parts of a block, a missing
 * IV or key.  A failing call writes nothing and leaves words on the queue.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>

static OSSL_LIB_CTX *context;
static unsigned char reference[32];
static const unsigned char iv[16] = "initial vector16";

static void data_setup(void)
{
    token_standard();
    context = context_with(settings_standard(), NULL);
    reference_by_name(reference, "gold");
}

static void done(void)
{
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

/* What `plain` becomes without padding. */
static void ciphertext_of(const unsigned char *plain, size_t size, unsigned char *out)
{
    struct message message = {
        .cipher = "AES-256-CBC", .key = reference, .iv = iv, .encrypt = 1, .out = out
    };

    message.in = plain;
    message.size = size;
    CHECK(message_run(context, &message) == 1 && message.out_size == size);
}

/* The final call of this message fails, with words, and writes nothing. */
static void final_fails(const unsigned char *in, size_t size, int encrypt, int padding)
{
    unsigned char out[128];
    struct message message = { .cipher = "AES-256-CBC",
                               .key = reference,
                               .iv = iv,
                               .encrypt = encrypt,
                               .padding = padding,
                               .in = in,
                               .size = size,
                               .out = out };

    blank_fill(out, sizeof(out));
    CHECK(message_run(context, &message) == 0);
    CHECK(ERR_peek_error() != 0 && *error_text() != '\0');
    CHECK(message.out_size <= size);
    CHECK(still_blank(out + message.out_size, sizeof(out) - message.out_size));
}

static void truncated_file(void)
{
    unsigned char plain[64] = "some text", cipher[64 + 32];

    data_setup();
    ciphertext_of(plain, sizeof(plain), cipher);
    final_fails(cipher, 0, 0, 1);
    final_fails(cipher, 1, 0, 1);
    final_fails(cipher, 15, 0, 1);
    final_fails(cipher, 17, 0, 1);
    final_fails(cipher, 48, 0, 1); /* whole blocks, but the last holds no padding */
    final_fails(cipher, 63, 0, 1);
    done();
}

static void wrong_padding(void)
{
    static const unsigned char ends[][3] = {
        { 0, 0, 0 }, { 0, 0, 17 }, { 0, 0, 255 }, { 2, 3, 3 }, { 3, 2, 3 }, { 1, 1, 2 },
    };
    unsigned char plain[32] = "", cipher[64];

    data_setup();
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        memset(plain, 0x41, sizeof(plain));
        memcpy(plain + 29, ends[i], 3);
        ciphertext_of(plain, sizeof(plain), cipher);
        final_fails(cipher, 32, 0, 1);
    }
    memset(plain, 16, sizeof(plain));
    plain[16] = 15; /* a whole block of padding with its first byte wrong */
    ciphertext_of(plain, sizeof(plain), cipher);
    final_fails(cipher, 32, 0, 1);
    done();
}

static void part_of_a_block(void)
{
    static const unsigned char data[64];

    data_setup();
    for (size_t size = 1; size < 50; size++) {
        if (size % 16 == 0)
            continue;
        final_fails(data, size, 1, 0);
        final_fails(data, size, 0, 0);
    }
    done();
}

static void iv_missing(void)
{
    static const char *const ciphers[] = { "AES-256-CBC", "AES-256-CTR" };
    static const unsigned char in[32];
    unsigned char out[64];

    data_setup();
    for (size_t i = 0; i < 4; i++) {
        struct message message = { .cipher = ciphers[i / 2],
                                   .key = reference,
                                   .encrypt = i % 2 == 0,
                                   .in = in,
                                   .size = sizeof(in),
                                   .out = out };

        blank_fill(out, sizeof(out));
        CHECK(message_run(context, &message) == 0 && message.out_size == 0);
        CHECK(still_blank(out, sizeof(out)));
        CHECK_HAS(error_text(), "IV");
    }
    done();
}

/* The cipher and an IV but no key, and the cipher alone. */
static void key_missing(void)
{
    static const char *const ciphers[] = { "AES-256-ECB", "AES-256-CBC", "AES-256-CTR" };
    static const unsigned char in[32];
    unsigned char out[64];

    data_setup();
    for (size_t i = 0; i < 6; i++) {
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, ciphers[i % 3], NULL);
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        int size;

        blank_fill(out, sizeof(out));
        CHECK(EVP_CipherInit_ex2(ctx, cipher, NULL, i < 3 ? iv : NULL, 1, NULL) == 1);
        CHECK(EVP_CipherUpdate(ctx, out, &size, in, sizeof(in)) == 0);
        CHECK(ERR_peek_error() != 0);
        ERR_clear_error();
        CHECK(EVP_Cipher(ctx, out, in, sizeof(in)) <= 0);
        ERR_clear_error();
        CHECK(still_blank(out, sizeof(out)));
        EVP_CIPHER_CTX_free(ctx);
        EVP_CIPHER_free(cipher);
    }
    done();
}

/* A key that is refused leaves no key behind: not the former one, either. */
static void refused_key_is_no_key(void)
{
    static const unsigned char in[32];
    unsigned char absent[32], out[64];
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int size, ok;

    data_setup();
    blank_fill(out, sizeof(out));
    cipher = EVP_CIPHER_fetch(context, "AES-256-CBC", NULL);
    reference_by_name(absent, "absent");
    CHECK(EVP_EncryptInit_ex2(ctx, cipher, reference, iv, NULL) == 1);
    CHECK(EVP_EncryptInit_ex2(ctx, NULL, absent, iv, NULL) == 0);
    ok = EVP_EncryptUpdate(ctx, out, &size, in, sizeof(in));
    CHECK(ok == 0 && still_blank(out, sizeof(out)));
    CHECK(*error_text() != '\0');
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(truncated_file), CHILD_TEST(wrong_padding), CHILD_TEST(part_of_a_block),
        CHILD_TEST(iv_missing),     CHILD_TEST(key_missing),   CHILD_TEST(refused_key_is_no_key),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
