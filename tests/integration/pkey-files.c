/*
 * Reference files, as EVP reads and writes them: there and back, of another key, damaged.  The form
 * itself: unit/test-reference-file.c.
 */
#include "testing.h"

#include <string.h>

#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/store.h>

#include <hsmzke/hsmzke.h>

static OSSL_LIB_CTX *context;

static void pkey_setup(void)
{
    token_standard();
    context = context_with(settings_standard(), NULL);
}

static EVP_PKEY *of_gold(void)
{
    return EVP_PKEY_new_raw_private_key_ex(context, HSMZKE_PKEY_TYPE, NULL,
                                           (const unsigned char *)"hsmzke:gold", 11);
}

static const char *encode(EVP_PKEY *pkey, const char *form, size_t *size)
{
    OSSL_ENCODER_CTX *encoder =
        OSSL_ENCODER_CTX_new_for_pkey(pkey, EVP_PKEY_KEYPAIR, form, "PrivateKeyInfo", NULL);
    unsigned char *out = NULL;
    char *kept;

    *size = 0;
    CHECK(encoder != NULL && OSSL_ENCODER_to_data(encoder, &out, size) == 1);
    OSSL_ENCODER_CTX_free(encoder);
    kept = keep(*size);
    memcpy(kept, out, *size);
    OPENSSL_free(out);
    return kept;
}

static EVP_PKEY *decode(const char *form, const void *bytes, size_t size)
{
    EVP_PKEY *pkey = NULL;
    OSSL_DECODER_CTX *decoder =
        OSSL_DECODER_CTX_new_for_pkey(&pkey, form, NULL, NULL, 0, context, NULL);
    const unsigned char *at = bytes;

    CHECK(decoder != NULL);
    if (!OSSL_DECODER_from_data(decoder, &at, &size))
        CHECK(pkey == NULL);
    OSSL_DECODER_CTX_free(decoder);
    return pkey;
}

static void reference_files(void)
{
    static const char *const forms[] = { "DER", "PEM" };
    unsigned char key[32];
    EVP_PKEY *pkey, *back;

    pkey_setup();
    unhex(GOLD_KEY, key, sizeof(key));
    pkey = of_gold();
    for (size_t i = 0; i < 2; i++) {
        size_t size;
        const char *bytes = encode(pkey, forms[i], &size);

        CHECK(memmem(bytes, size, key, 8) == NULL);
        back = decode(forms[i], bytes, size);
        CHECK(back != NULL && EVP_PKEY_eq(pkey, back) == 1);
        EVP_PKEY_free(back);
    }
    CHECK(ERR_peek_error() == 0);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

/* The file says which key it is for: one that took its place is refused at each use. */
static void reference_file_of_another_key(void)
{
    size_t size;
    const char *file;
    unsigned char out[64];
    size_t out_size = sizeof(out);
    EVP_PKEY_CTX *ctx;
    EVP_PKEY *pkey;

    pkey_setup();
    pkey = of_gold();
    file = encode(pkey, "DER", &size);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
    token_destroy("prod", USER_PIN, "gold");
    token_import("prod", USER_PIN, "gold " SILVER_KEY " id=" GOLD_ID "\n");
    context = context_with(settings_standard(), NULL);
    pkey = decode("DER", file, size);
    CHECK(pkey != NULL);
    ctx = EVP_PKEY_CTX_new_from_pkey(context, pkey, NULL);
    CHECK(EVP_PKEY_check(ctx) != 1);
    CHECK_HAS(error_text(), "made for another key");
    CHECK(EVP_PKEY_encrypt_init(ctx) != 1);
    CHECK_HAS(error_text(), "made for another key");
    CHECK(EVP_PKEY_encrypt(ctx, out, &out_size, (const unsigned char *)"x", 1) != 1);
    ERR_clear_error();
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

static EVP_PKEY *of_file(const char *path)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(path, context, NULL, NULL, NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO *info = store != NULL ? OSSL_STORE_load(store) : NULL;
    EVP_PKEY *pkey = info != NULL ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;

    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    return pkey;
}

/* Each use says `words`, and nothing comes out. */
static void useless(EVP_PKEY *pkey, const char *words)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(context, pkey, NULL);
    EVP_PKEY *copy = EVP_PKEY_dup(pkey);
    unsigned char raw[32];
    size_t size = sizeof(raw);

    CHECK(ctx != NULL && copy != NULL);
    ERR_clear_error();
    CHECK(EVP_PKEY_check(ctx) != 1);
    CHECK_HAS(error_text(), words);
    CHECK(EVP_PKEY_encrypt_init(ctx) != 1);
    CHECK_HAS(error_text(), words);
    CHECK(EVP_PKEY_get_raw_private_key(copy, raw, &size) != 1);
    CHECK_HAS(error_text(), words);
    CHECK(EVP_PKEY_eq(pkey, copy) != 1);
    ERR_clear_error();
    EVP_PKEY_free(copy);
    EVP_PKEY_CTX_free(ctx);
}

/* OSSL_STORE and OSSL_DECODER drop what decoders say: so the key that was read says it. */
static void damage_is_told(void)
{
    static const struct {
        size_t at;
        unsigned char change;
        const char *words;
    } damages[] = {
        { 35, 0x02 ^ 0x01, "the reference file has version 2" }, /* HsmzkeReference's version */
        { 50, 1, "the key id is wrong" },                        /* a character of the reference */
        { 33, 1, "the reference file is damaged" },              /* a tag */
    };
    size_t size;
    const char *file;

    pkey_setup();
    {
        EVP_PKEY *pkey = of_gold();

        file = encode(pkey, "DER", &size);
        EVP_PKEY_free(pkey);
    }
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        unsigned char *bytes = keep(size);
        EVP_PKEY *pkeys[2];

        memcpy(bytes, file, size);
        bytes[damages[i].at] ^= damages[i].change;
        pkeys[0] = decode("DER", bytes, size);
        pkeys[1] = of_file(write_file(text("damaged-%zu", i), bytes, size));
        for (size_t j = 0; j < 2; j++) {
            CHECK(pkeys[j] != NULL);
            useless(pkeys[j], damages[i].words);
            EVP_PKEY_free(pkeys[j]);
        }
    }
    OSSL_LIB_CTX_free(context);
}

/* A file changed at random is no key, or stands for a reference; nothing crashes. */
static void damaged_files(void)
{
    struct prng prng = { prng_seed() };
    size_t size;
    const char *file;
    unsigned char bytes[200];
    EVP_PKEY *pkey;

    pkey_setup();
    pkey = of_gold();
    file = encode(pkey, "DER", &size);
    EVP_PKEY_free(pkey);
    for (unsigned long job = jobs_to_run(400, 50); job > 0; job--) {
        size_t length = size;

        prng_fill(&prng, bytes, sizeof(bytes));
        memcpy(bytes, file, size);
        for (size_t changes = prng_upto(&prng, 3); changes > 0; changes--)
            bytes[prng_upto(&prng, size - 1)] = (unsigned char)prng_next(&prng);
        if (prng_one_in(&prng, 3))
            length = prng_upto(&prng, sizeof(bytes));
        EVP_PKEY_free(decode("DER", bytes, length));
        ERR_clear_error();
    }
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(reference_files),
        CHILD_TEST(reference_file_of_another_key),
        CHILD_TEST(damaged_files),
        CHILD_TEST(damage_is_told),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
