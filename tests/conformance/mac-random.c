/*
 * CMAC and HMAC: contexts that are given the same calls, ours with a reference, default's with the
 * key that the reference names.  Every call must return the same and give out the same.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#define LONG_KEY GOLD_KEY SILVER_KEY GOLD_KEY SILVER_KEY GOLD_KEY

enum { LARGEST = 3 * 1024 * 1024, KEPT = 1024 * 1024, KEYS = 4 };

struct key {
    const char *mac, *name, *digits;
    unsigned char bytes[256];
    size_t size;
};

static struct key keys[KEYS] = {
    { .mac = "CMAC", .name = "gold", .digits = GOLD_KEY },
    { .mac = "CMAC", .name = "silver", .digits = SILVER_KEY },
    { .mac = "HMAC", .name = "gold", .digits = GOLD_KEY SILVER_KEY },
    { .mac = "HMAC", .name = "long", .digits = LONG_KEY },
};

struct pair {
    EVP_MAC_CTX *ours, *theirs;
    const char *mac;
    size_t fed; /* since the last init */
};

static OSSL_LIB_CTX *context;
static struct prng prng;
static unsigned char *data;
static unsigned long updates, copies, inits, finals;

static const char *some_algorithm(const char *mac)
{
    static const char *const digests[] = { "SHA1", "SHA224", "SHA256", "SHA2-384", "SHA-512" };
    static const char *const ciphers[] = { "AES-256-CBC", "AES256" };

    return strcmp(mac, "HMAC") == 0 ? digests[prng_upto(&prng, 4)] : ciphers[prng_upto(&prng, 1)];
}

static const struct key *some_key(const char *mac)
{
    const struct key *key;

    do
        key = &keys[prng_upto(&prng, KEYS - 1)];
    while (strcmp(key->mac, mac) != 0);
    return key;
}

/* One call of init or set_params on one context, with the parts that were drawn for both. */
static int give(EVP_MAC_CTX *ctx, const char *mac, char *algorithm, const unsigned char *key,
                size_t key_size, bool key_as_parameter)
{
    const char *parameter =
        strcmp(mac, "HMAC") == 0 ? OSSL_MAC_PARAM_DIGEST : OSSL_MAC_PARAM_CIPHER;
    unsigned char copy[256];
    OSSL_PARAM params[3];
    size_t n = 0;

    if (key != NULL && key_as_parameter) {
        memcpy(copy, key, key_size);
        params[n++] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, copy, key_size);
        key = NULL;
        key_size = 0;
    }
    if (algorithm != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string(parameter, algorithm, 0);
    params[n] = OSSL_PARAM_construct_end();
    return EVP_MAC_init(ctx, key, key_size, params);
}

static void init(struct pair *pair, bool with_key, bool with_algorithm)
{
    const struct key *key = with_key ? some_key(pair->mac) : NULL;
    const bool as_parameter = prng_one_in(&prng, 2);
    const bool padded = prng_one_in(&prng, 2);
    unsigned char reference[32];
    char algorithm[32];

    snprintf(algorithm, sizeof(algorithm), "%s", some_algorithm(pair->mac));
    if (with_key)
        reference_by_name(reference, key->name);
    CHECK(give(pair->ours, pair->mac, with_algorithm ? algorithm : NULL,
               with_key ? reference : NULL, padded || !with_key ? 32 : 7 + strlen(key->name),
               as_parameter) == 1);
    CHECK(give(pair->theirs, pair->mac, with_algorithm ? algorithm : NULL,
               with_key ? key->bytes : NULL, with_key ? key->size : 0, as_parameter) == 1);
    pair->fed = 0;
    inits++;
}

static void open_pair(struct pair *pair, const char *mac)
{
    *pair = (struct pair){ mac_context(context, mac, NULL),
                           mac_context(context_default(), mac, NULL), mac, 0 };
    init(pair, true, true);
}

static void update(struct pair *pair)
{
    size_t size = prng_upto(&prng, prng_one_in(&prng, 4) ? 5000 : 40);

    if (prng_one_in(&prng, 60))
        size = prng_upto(&prng, LARGEST - 1);
    CHECK(EVP_MAC_update(pair->ours, data, size) == 1);
    CHECK(EVP_MAC_update(pair->theirs, data, size) == 1);
    pair->fed += size;
    updates++;
}

static void compare_sizes(const struct pair *pair)
{
    CHECK(EVP_MAC_CTX_get_mac_size(pair->ours) == EVP_MAC_CTX_get_mac_size(pair->theirs));
    CHECK(EVP_MAC_CTX_get_block_size(pair->ours) == EVP_MAC_CTX_get_block_size(pair->theirs));
}

static void finish(struct pair *pair)
{
    unsigned char ours[64], theirs[64];
    size_t our_size = 0, their_size = 0;

    compare_sizes(pair);
    CHECK(EVP_MAC_final(pair->ours, ours, &our_size, sizeof(ours)) == 1);
    CHECK(EVP_MAC_final(pair->theirs, theirs, &their_size, sizeof(theirs)) == 1);
    CHECK(our_size == their_size && memcmp(ours, theirs, our_size) == 0);
    finals++;
}

static void close_pair(struct pair *pair)
{
    EVP_MAC_CTX_free(pair->ours);
    EVP_MAC_CTX_free(pair->theirs);
}

/* Goes on with a copy, after an end of the original if so drawn. */
static void copy(struct pair *pair)
{
    struct pair other = *pair;

    if (pair->fed > KEPT)
        return;
    other.ours = EVP_MAC_CTX_dup(pair->ours);
    other.theirs = EVP_MAC_CTX_dup(pair->theirs);
    CHECK(other.ours != NULL && other.theirs != NULL);
    if (prng_one_in(&prng, 2)) {
        update(pair);
        finish(pair);
    }
    close_pair(pair);
    *pair = other;
    copies++;
}

static void job(const char *mac)
{
    const size_t steps = prng_upto(&prng, 8);
    struct pair pair;

    open_pair(&pair, mac);
    for (size_t i = 0; i < steps; i++) {
        switch (prng_upto(&prng, 9)) {
        case 0:
            init(&pair, true, prng_one_in(&prng, 2));
            break;
        case 1:
            init(&pair, false, prng_one_in(&prng, 2));
            break;
        case 2:
            finish(&pair);
            init(&pair, prng_one_in(&prng, 2), false);
            break;
        case 3:
            copy(&pair);
            break;
        default:
            update(&pair);
            break;
        }
    }
    finish(&pair);
    close_pair(&pair);
}

static void compare(void **state)
{
    const size_t jobs = quick() ? 300 : 6000;
    const char *lines = "";

    (void)state;
    prng.state = prng_seed();
    for (size_t i = 0; i < KEYS; i++) {
        keys[i].size = unhex(keys[i].digits, keys[i].bytes, sizeof(keys[i].bytes));
        if (strcmp(keys[i].mac, "HMAC") == 0)
            lines = text("%s%s %s type=generic\n", lines, keys[i].name, keys[i].digits);
    }
    token_standard();
    token_import("prod", USER_PIN, lines);
    context = context_with(settings_standard(), NULL);
    data = malloc(LARGEST);
    CHECK(data != NULL);
    prng_fill(&prng, data, LARGEST);
    for (size_t i = 0; i < jobs; i++)
        job(prng_one_in(&prng, 2) ? "CMAC" : "HMAC");
    free(data);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
    printf("%zu jobs: %lu inits, %lu updates, %lu copies, %lu MACs agree\n", jobs, inits, updates,
           copies, finals);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(compare) };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
