/*
 * One context whose key goes from the HSM to software and back, whose IV has another length than it
 * was given with, whose tag comes before the key: as in the default provider, beside which each
 * call is made.
 */
#include "pair.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

static OSSL_LIB_CTX *context;
static struct pair_key gold = { .name = "gold" }, silver = { .name = "silver" }, software;

static void start(void)
{
    token_standard();
    reference_by_name(gold.reference, gold.name);
    reference_by_name(silver.reference, silver.name);
    CHECK(unhex(GOLD_KEY, gold.bytes, 32) == 32 && unhex(SILVER_KEY, silver.bytes, 32) == 32);
    memset(software.bytes, 0x2b, 32);
    memcpy(software.reference, software.bytes, 32);
    context = context_with(text("%sraw-keys = software\n", settings_standard()), NULL);
}

static struct pair pair_of(const char *cipher, const struct pair_key *key, bool encrypt)
{
    struct pair pair = { .our_cipher = EVP_CIPHER_fetch(context, cipher, NULL),
                         .their_cipher = EVP_CIPHER_fetch(context_default(), cipher, NULL),
                         .key = key,
                         .encrypt = encrypt };

    CHECK(pair.our_cipher != NULL && pair.their_cipher != NULL);
    for (size_t i = 0; i < sizeof(pair.iv); i++)
        pair.iv[i] = (unsigned char)(0xf0 + i);
    pair_open(&pair);
    return pair;
}

static void drop(struct pair *pair)
{
    EVP_CIPHER_free(pair->our_cipher);
    EVP_CIPHER_free(pair->their_cipher);
    pair_close(pair);
}

/* The same data to both. @return what both return */
static int update(const struct pair *pair, size_t size)
{
    unsigned char in[64], ours[96], theirs[96];
    int our_size = -1, their_size = -1;
    const int result =
        EVP_CipherUpdate(pair->theirs, theirs, &their_size, memset(in, 'm', sizeof(in)), (int)size);

    ERR_clear_error();
    CHECK(EVP_CipherUpdate(pair->ours, ours, &our_size, in, (int)size) == result);
    CHECK((ERR_peek_error() == 0) == (result == 1));
    ERR_clear_error();
    CHECK(result != 1 || (our_size == their_size && memcmp(ours, theirs, (size_t)our_size) == 0));
    return result;
}

/* ---- from one key to the other, and no IV with it ---- */

static const struct {
    const char *cipher;
    size_t first, second; /* sizes of data that it takes, and can go on after */
} modes[] = {
    { "AES-256-ECB", 21, 32 }, { "AES-256-CBC", 37, 48 },     { "AES-256-CTR", 37, 41 },
    { "AES-256-CFB", 37, 41 }, { "AES-256-CFB8", 5, 7 },      { "AES-256-CFB1", 2, 3 },
    { "AES-256-OFB", 37, 41 }, { "AES-256-CBC-CTS", 37, 41 }, { "AES-256-WRAP", 32, 24 },
};

static void change(size_t mode, const struct pair_key *from, const struct pair_key *to,
                   bool encrypt, bool data)
{
    struct pair pair = pair_of(modes[mode].cipher, from, encrypt);

    pair_init(&pair, PAIR_ALL);
    if (data) /* nothing unwraps that was not wrapped */
        update(&pair, modes[mode].first);
    pair.key = to;
    pair_init(&pair, PAIR_KEY);
    CHECK(update(&pair, modes[mode].second) == (encrypt || mode != 8));
    pair.key = from;
    pair_init(&pair, PAIR_KEY);
    CHECK(update(&pair, modes[mode].second) == (encrypt || mode != 8));
    drop(&pair);
}

static void keys_change(void)
{
    const struct pair_key *const keys[] = { &gold, &silver, &software };

    start();
    for (size_t mode = 0; mode < sizeof(modes) / sizeof(modes[0]); mode++)
        for (size_t i = 0; i < 4 * 9; i++)
            change(mode, keys[i % 3], keys[i / 3 % 3], i / 9 % 2 == 1, i / 18 == 1);
    OSSL_LIB_CTX_free(context);
}

/* ---- AES-256-GCM ---- */

static int control(const struct pair *pair, int type, int size, void *bytes)
{
    const int result = EVP_CIPHER_CTX_ctrl(pair->theirs, type, size, bytes);

    CHECK(EVP_CIPHER_CTX_ctrl(pair->ours, type, size, bytes) == result);
    ERR_clear_error();
    return result;
}

static int final(const struct pair *pair)
{
    unsigned char none[16];
    int size = -1;
    const int result = EVP_CipherFinal_ex(pair->theirs, none, &size);

    CHECK(EVP_CipherFinal_ex(pair->ours, none, &size) == result);
    ERR_clear_error();
    return result;
}

/* The IV is void, and no other one takes its place behind the program's back. */
static void iv_before_its_length(void)
{
    start();
    for (int i = 0; i < 8; i++) {
        struct pair pair = pair_of("AES-256-GCM", i & 4 ? &software : &gold, i & 1);
        const bool key_last = i & 2;

        pair_init(&pair, key_last ? PAIR_CIPHER | PAIR_DIRECTION | PAIR_IV : PAIR_ALL);
        CHECK(control(&pair, EVP_CTRL_AEAD_SET_IVLEN, 16, NULL) == 1);
        if (key_last)
            pair_init(&pair, PAIR_KEY);
        CHECK(update(&pair, 20) == 0 && final(&pair) == 0);
        pair_init(&pair, PAIR_IV);
        if (pair.encrypt)
            CHECK(update(&pair, 20) == 1 && final(&pair) == 1);
        drop(&pair);
    }
    OSSL_LIB_CTX_free(context);
}

/* None is made up of fewer than 96 bits. */
static void no_iv_of_a_short_length(void)
{
    static const int sizes[] = { 1, 4, 8, 11, 12, 13, 128 };

    start();
    for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct pair pair = pair_of("AES-256-GCM", i % 2 == 0 ? &gold : &software, true);
        unsigned char in[16] = { 0 }, out[16];
        int size;

        pair_init(&pair, PAIR_CIPHER | PAIR_DIRECTION);
        CHECK(control(&pair, EVP_CTRL_AEAD_SET_IVLEN, sizes[i / 2], NULL) == 1);
        pair_init(&pair, PAIR_KEY);
        CHECK(EVP_CipherUpdate(pair.theirs, out, &size, in, 16) == (sizes[i / 2] >= 12));
        CHECK(EVP_CipherUpdate(pair.ours, out, &size, in, 16) == (sizes[i / 2] >= 12));
        ERR_clear_error();
        if (sizes[i / 2] < 12)
            CHECK(final(&pair) == 0);
        drop(&pair);
    }
    OSSL_LIB_CTX_free(context);
}

/* A message of 20 bytes and its tag, by software. */
static void seal(const struct pair *pair, unsigned char sealed[20], unsigned char tag[16])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int size;

    CHECK(EVP_EncryptInit_ex2(ctx, pair->their_cipher, pair->key->bytes, pair->iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, sealed, &size, memset(sealed, 'c', 20), 20) == 1);
    CHECK(EVP_EncryptFinal_ex(ctx, NULL, &size) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

/* gcm-min-tag is for keys of the HSM; which key it will be shows after the tag. */
static void short_tag_before_the_key(void)
{
    unsigned char sealed[20], tag[16], out[20];
    struct pair pair;
    int size;

    start();
    pair = pair_of("AES-256-GCM", &software, false);
    for (int i = 0; i < 2; i++) {
        pair.key = i == 0 ? &software : &gold;
        seal(&pair, sealed, tag);
        pair_init(&pair, PAIR_CIPHER | PAIR_DIRECTION);
        CHECK(control(&pair, EVP_CTRL_AEAD_SET_TAG, 8, tag) == 1);
        pair_init(&pair, PAIR_KEY | PAIR_IV);
        CHECK(EVP_CipherUpdate(pair.ours, out, &size, sealed, 20) == 1 && out[19] == 'c');
        CHECK(EVP_CipherFinal_ex(pair.ours, NULL, &size) == (i == 0));
        CHECK(i == 0 || strstr(error_text(), "gcm-min-tag") != NULL);
    }
    drop(&pair);
    OSSL_LIB_CTX_free(context);
}

static void tag_without_bytes(void)
{
    struct pair pair;

    start();
    pair = pair_of("AES-256-GCM", &gold, false);
    pair_init(&pair, PAIR_CIPHER | PAIR_DIRECTION);
    CHECK(control(&pair, EVP_CTRL_AEAD_SET_TAG, 16, NULL) == 0);
    pair_init(&pair, PAIR_KEY | PAIR_IV);
    CHECK(control(&pair, EVP_CTRL_AEAD_SET_TAG, 16, NULL) == 0);
    drop(&pair);
    OSSL_LIB_CTX_free(context);
}

/* An IV that the default provider was told by other means than an init is the one that counts. */
static void fixed_iv_before_a_raw_key(void)
{
    unsigned char fixed[12] = "another one";
    struct pair pair;

    start();
    pair = pair_of("AES-256-GCM", &software, true);
    pair_init(&pair, PAIR_CIPHER | PAIR_DIRECTION | PAIR_IV);
    CHECK(control(&pair, EVP_CTRL_GCM_SET_IV_FIXED, -1, fixed) == 1);
    pair_init(&pair, PAIR_KEY);
    CHECK(update(&pair, 20) == 1 && final(&pair) == 1);
    drop(&pair);
    OSSL_LIB_CTX_free(context);
}

/* Not beside the default provider, which crashes. */
static void fixed_iv_of_no_size(void)
{
    static const int sizes[] = { -2, -5, -8, -12, 0, 3, 5, 12, 13, 1000 };
    unsigned char fixed[12] = "another one";
    struct pair pair;

    start();
    pair = pair_of("AES-256-GCM", &gold, true);
    pair_init(&pair, PAIR_ALL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        CHECK(EVP_CIPHER_CTX_ctrl(pair.ours, EVP_CTRL_GCM_SET_IV_FIXED, sizes[i], fixed) == 0);
    CHECK(EVP_CIPHER_CTX_ctrl(pair.ours, EVP_CTRL_GCM_SET_IV_FIXED, 4, fixed) == 1);
    ERR_clear_error();
    drop(&pair);
    OSSL_LIB_CTX_free(context);
}

static void iv_serves_once_with_any_key(void)
{
    struct pair pair;

    start();
    pair = pair_of("AES-256-GCM", &gold, true);
    pair_init(&pair, PAIR_ALL);
    CHECK(update(&pair, 20) == 1 && final(&pair) == 1);
    pair.key = &software;
    pair_init(&pair, PAIR_KEY);
    CHECK(update(&pair, 20) == 0 && final(&pair) == 0);
    drop(&pair);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(keys_change),
        CHILD_TEST(iv_before_its_length),
        CHILD_TEST(no_iv_of_a_short_length),
        CHILD_TEST(short_tag_before_the_key),
        CHILD_TEST(tag_without_bytes),
        CHILD_TEST(fixed_iv_before_a_raw_key),
        CHILD_TEST(fixed_iv_of_no_size),
        CHILD_TEST(iv_serves_once_with_any_key),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
