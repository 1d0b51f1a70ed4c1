/*
 * Random jobs through a pair of contexts, hsmzke's and default's, in the ciphers that take a
 * message as a whole: both must agree in every byte, length and return value, and hsmzke gives out
 * nothing where default fails.  HSMZKE_TEST_SEED repeats a run, HSMZKE_TEST_JOBS sets the number of
 * jobs with each cipher.
 *
 * Left out because default itself does nothing sensible there: what EVP_Cipher() returns for data
 * that cannot be unwrapped (1 in default), EVP_Cipher() with a part of a block in CBC-CTS, and
 * CBC-CTS without any IV (zeros in default, an error in hsmzke).
 */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

enum { LONGEST = 600, ROOM = LONGEST + 32 };

struct cipher {
    const char *name, *mechanism;
    bool padded, stealing;
    EVP_CIPHER *ours, *theirs;
};

static struct cipher ciphers[] = {
    { .name = "AES-256-WRAP", .mechanism = "CKM_AES_ECB" },
    { .name = "AES-256-WRAP-PAD", .mechanism = "CKM_AES_ECB", .padded = true },
    { .name = "AES-256-WRAP-INV", .mechanism = "CKM_AES_ECB" },
    { .name = "AES-256-WRAP-PAD-INV", .mechanism = "CKM_AES_ECB", .padded = true },
    { .name = "AES-256-CBC-CTS", .mechanism = "CKM_AES_CBC", .padded = true, .stealing = true },
};
enum { CIPHERS = sizeof(ciphers) / sizeof(ciphers[0]), KEYS = 3 };

static struct pair_key keys[KEYS] = { { .name = "gold" },
                                      { .name = "silver" },
                                      { .name = "one-only" } };
static OSSL_LIB_CTX *context;
static struct prng prng;
static unsigned long agreed, refused, bytes_compared;

static const struct pair_key *pick_key(const struct cipher *cipher)
{
    /* The last key may only do what all ciphers but one are made of. */
    return &keys[prng_upto(&prng, cipher->stealing ? KEYS - 2 : KEYS - 1)];
}

static void first_init(struct pair *pair, const struct cipher *cipher)
{
    switch (prng_upto(&prng, cipher->stealing ? 2 : 4)) {
    case 0:
        pair_init(pair, PAIR_CIPHER | PAIR_DIRECTION);
        pair_init(pair, PAIR_KEY);
        pair_init(pair, PAIR_IV);
        break;
    case 1:
        pair_init(pair, PAIR_CIPHER | PAIR_DIRECTION);
        pair_init(pair, PAIR_IV);
        pair_init(pair, PAIR_KEY);
        break;
    case 2:
        pair_init(pair, PAIR_ALL);
        break;
    default: /* the IV that the standard has */
        pair_init(pair, PAIR_CIPHER | PAIR_KEY | PAIR_DIRECTION);
    }
}

static void next_init(struct pair *pair, const struct cipher *cipher)
{
    switch (prng_upto(&prng, 5)) {
    case 0:
        prng_fill(&prng, pair->iv, sizeof(pair->iv));
        pair_init(pair, PAIR_IV);
        break;
    case 1:
        pair_turn(pair);
        break;
    case 2:
        pair->key = pick_key(cipher);
        pair_init(pair, PAIR_KEY);
        break;
    case 3:
        prng_fill(&prng, pair->iv, sizeof(pair->iv));
        pair->encrypt = prng_one_in(&prng, 2);
        pair_init(pair, PAIR_KEY | PAIR_IV | PAIR_DIRECTION);
        break;
    default: /* the next message needs no init at all, but in CBC-CTS, and with default of 4.0 */
        if (OPENSSL_version_major() >= 4 && !cipher->stealing)
            pair_init(pair, 0);
        break;
    }
}

static size_t pick_size(void)
{
    const size_t limits[] = { 16, 40, 40, 72, 72, 72, 200, LONGEST };

    return prng_upto(&prng, limits[prng_upto(&prng, 7)]);
}

/* Data for a wrapping, or what default makes of them for an unwrapping. */
static size_t pick_data(const struct pair *pair, const struct cipher *cipher,
                        unsigned char data[ROOM])
{
    const bool padded = cipher->padded;
    size_t size = pick_size();
    EVP_CIPHER_CTX *ctx;
    int written = 0;

    prng_fill(&prng, data, ROOM);
    if (!padded && !prng_one_in(&prng, 6))
        size &= ~(size_t)7;
    if (pair->encrypt || cipher->stealing || prng_one_in(&prng, 8))
        return size;
    if (size < 16 && !padded)
        size = 16;
    size = padded && size == 0 ? 1 : padded ? size : size & ~(size_t)7;
    ctx = EVP_CIPHER_CTX_new();
    CHECK(EVP_CipherInit_ex2(ctx, pair->their_cipher, pair->key->bytes,
                             pair->has_iv ? pair->iv : NULL, 1, NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, data, &written, data, (int)size) == 1);
    EVP_CIPHER_CTX_free(ctx);
    return (size_t)written;
}

static void compare(const unsigned char *ours, const unsigned char *theirs, int size)
{
    CHECK(size >= 0 && size <= ROOM);
    CHECK(memcmp(ours, theirs, (size_t)size) == 0);
    bytes_compared += (size_t)size;
    agreed++;
}

/* One message; `in` NULL: in place. */
static void run_update(const struct pair *pair, const unsigned char *in, size_t size,
                       unsigned char *ours, unsigned char *theirs)
{
    int our_size = -1, their_size = -1, our_result, their_result;

    their_result =
        EVP_CipherUpdate(pair->theirs, theirs, &their_size, in == NULL ? theirs : in, (int)size);
    ERR_clear_error();
    our_result = EVP_CipherUpdate(pair->ours, ours, &our_size, in == NULL ? ours : in, (int)size);
    CHECK(our_result == their_result);
    if (our_result == 1) {
        CHECK(our_size == their_size && ERR_peek_error() == 0);
        compare(ours, theirs, our_size);
        CHECK(EVP_CipherFinal_ex(pair->ours, ours, &our_size) == 1 && our_size == 0);
        CHECK(EVP_CipherFinal_ex(pair->theirs, theirs, &their_size) == 1 && their_size == 0);
        return;
    }
    CHECK(ERR_peek_error() != 0);
    ERR_clear_error();
    CHECK(our_size == 0 && (in == NULL || still_blank(ours, ROOM)));
    refused++;
}

static void run_evp_cipher(const struct pair *pair, const unsigned char *in, size_t size,
                           unsigned char *ours, unsigned char *theirs)
{
    int our_result, their_result;

    their_result = EVP_Cipher(pair->theirs, theirs, in, (unsigned int)size);
    ERR_clear_error();
    our_result = EVP_Cipher(pair->ours, ours, in, (unsigned int)size);
    if (our_result == 1) {
        CHECK(their_result == 1 && ERR_peek_error() == 0);
        compare(ours, theirs, pair->encrypt ? (int)size + 8 : (int)size - 16); /* at least */
        return;
    }
    CHECK(our_result == 0 && ERR_peek_error() != 0 && still_blank(ours, ROOM));
    ERR_clear_error();
    refused++;
}

/* In CBC-CTS it is CBC, as in default. */
static void run_evp_cipher_cbc(const struct pair *pair, const unsigned char *in, size_t size,
                               unsigned char *ours, unsigned char *theirs)
{
    CHECK(EVP_Cipher(pair->theirs, theirs, in, (unsigned int)size) == (int)size);
    CHECK(EVP_Cipher(pair->ours, ours, in, (unsigned int)size) == (int)size);
    compare(ours, theirs, (int)size);
}

/* The variant is set on both, in whatever letters, and told by both. */
static void set_stealing(const struct pair *pair)
{
    static const char *const names[] = { "CS1", "CS2", "CS3", "cs1", "Cs2", "cS3", "CS4" };
    char name[4], ours[8], theirs[8];
    OSSL_PARAM set[] = { OSSL_PARAM_utf8_string(OSSL_CIPHER_PARAM_CTS_MODE, name, 3),
                         OSSL_PARAM_END };
    OSSL_PARAM get_ours[] = { OSSL_PARAM_utf8_string(OSSL_CIPHER_PARAM_CTS_MODE, ours, 8),
                              OSSL_PARAM_END };
    OSSL_PARAM get_theirs[] = { OSSL_PARAM_utf8_string(OSSL_CIPHER_PARAM_CTS_MODE, theirs, 8),
                                OSSL_PARAM_END };
    int result;

    strcpy(name, names[prng_upto(&prng, 6)]);
    result = EVP_CIPHER_CTX_set_params(pair->theirs, set);
    CHECK(EVP_CIPHER_CTX_set_params(pair->ours, set) == result);
    ERR_clear_error();
    CHECK(EVP_CIPHER_CTX_get_params(pair->ours, get_ours) == 1);
    CHECK(EVP_CIPHER_CTX_get_params(pair->theirs, get_theirs) == 1);
    CHECK(strcmp(ours, theirs) == 0);
}

/* How much room is needed is told without an output buffer, and without computing anything. */
static void compare_told_size(const struct pair *pair, const unsigned char *in, size_t size)
{
    int our_size = -1, their_size = -1;
    const int theirs = EVP_CipherUpdate(pair->theirs, NULL, &their_size, in, (int)size);
    const int ours = EVP_CipherUpdate(pair->ours, NULL, &our_size, in, (int)size);

    ERR_clear_error();
    CHECK(ours == theirs && our_size == their_size);
}

static void run_message(const struct pair *pair, const struct cipher *cipher)
{
    unsigned char in[ROOM], ours[ROOM], theirs[ROOM];
    size_t size = pick_data(pair, cipher, in);

    if (cipher->stealing && prng_one_in(&prng, 2))
        set_stealing(pair);
    if (!pair->encrypt && size > 0 && prng_one_in(&prng, 4))
        in[prng_upto(&prng, size - 1)] ^= (unsigned char)(1 << prng_upto(&prng, 7));
    if (prng_one_in(&prng, 4))
        compare_told_size(pair, in, size);
    blank_fill(ours, ROOM);
    blank_fill(theirs, ROOM);
    if (cipher->stealing && prng_one_in(&prng, 8)) {
        run_evp_cipher_cbc(pair, in, size & ~(size_t)15, ours, theirs);
    } else if (!cipher->stealing && prng_one_in(&prng, 8) && size >= 16) {
        run_evp_cipher(pair, in, size, ours, theirs);
    } else if (prng_one_in(&prng, 3)) {
        memcpy(ours, in, size);
        memcpy(theirs, in, size);
        run_update(pair, NULL, size, ours, theirs);
    } else {
        run_update(pair, in, size, ours, theirs);
    }
    pair_compare_parameters(pair);
}

static void run_job(const struct cipher *cipher)
{
    struct pair copy, pair = { .our_cipher = cipher->ours,
                               .their_cipher = cipher->theirs,
                               .key = pick_key(cipher),
                               .encrypt = prng_one_in(&prng, 2),
                               .chained = true };
    const size_t messages = 1 + prng_upto(&prng, 5);

    prng_fill(&prng, pair.iv, sizeof(pair.iv));
    pair_open(&pair);
    for (size_t i = 0; i < messages; i++) {
        if (i == 0)
            first_init(&pair, cipher);
        else
            next_init(&pair, cipher);
        if (prng_one_in(&prng, 4))
            pair_set_padding(&pair, prng_one_in(&prng, 2)); /* changes nothing in the bytes */
        CHECK(pair_padding(&pair) == cipher->padded || cipher->stealing);
        if (prng_one_in(&prng, 4)) {
            pair_copy(&copy, &pair);
            run_message(&copy, cipher);
            pair_close(&copy);
        }
        run_message(&pair, cipher);
    }
    pair_close(&pair);
}

static void run_cipher(void **state)
{
    struct cipher *cipher = *state;
    const unsigned long jobs = jobs_to_run(5000, 400);
    const uint64_t seed = prng_seed();
    unsigned long job = 0;

    if (!module_offers(cipher->mechanism)) {
        printf("%s has no %s\n", module_name(), cipher->mechanism);
        CHECK_HAS(name_refused(context, cipher->name, "gold"), cipher->mechanism);
        return;
    }
    cipher->ours = EVP_CIPHER_fetch(context, cipher->name, NULL);
    cipher->theirs = EVP_CIPHER_fetch(context_default(), cipher->name, NULL);
    CHECK(cipher->ours != NULL && cipher->theirs != NULL);
    agreed = refused = bytes_compared = 0;
    for (; job < jobs; job++) {
        prng.state = seed + job; /* so that a failing one can be run alone */
        run_job(cipher);
    }
    printf("%lu messages agree (%lu bytes), %lu refused by both\n", agreed, bytes_compared,
           refused);
    jobs_done(job, jobs, cipher->name);
    EVP_CIPHER_free(cipher->ours);
    EVP_CIPHER_free(cipher->theirs);
}

static int group_setup(void **state)
{
    struct prng bytes = { 1 };
    const char *lines = "";

    if (testing_setup(state) != 0)
        return -1;
    for (size_t i = 0; i < KEYS; i++) {
        prng_fill(&bytes, keys[i].bytes, 32);
        reference_by_name(keys[i].reference, keys[i].name);
        lines = text("%s%s %s %s\n", lines, keys[i].name, hex(keys[i].bytes, 32),
                     i == KEYS - 1 && module_limits_keys() ? "mechanisms=ecb" : "");
    }
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, lines);
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
    struct CMUnitTest tests[CIPHERS];

    for (size_t i = 0; i < CIPHERS; i++)
        tests[i] = (struct CMUnitTest){ ciphers[i].name, run_cipher, NULL, NULL, &ciphers[i] };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
