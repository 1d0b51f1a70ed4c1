/*
 * CMAC and HMAC: contexts that are given the same calls, ours with a reference, default's with the
 * key that the reference names.  Every call must return the same and give out the same.
 * HSMZKE_TEST_SEED repeats a run, HSMZKE_TEST_JOBS sets the number of jobs with each of both.
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
    static const char *const digests[][2] = { { "SHA1", "CKM_SHA_1_HMAC" },
                                              { "SHA224", "CKM_SHA224_HMAC" },
                                              { "SHA256", "CKM_SHA256_HMAC" },
                                              { "SHA2-384", "CKM_SHA384_HMAC" },
                                              { "SHA-512", "CKM_SHA512_HMAC" } };
    static const char *const ciphers[] = { "AES-256-CBC", "AES256" };
    size_t pick;

    if (strcmp(mac, "HMAC") != 0)
        return ciphers[prng_upto(&prng, 1)];
    do
        pick = prng_upto(&prng, 4);
    while (!module_offers(digests[pick][1]));
    return digests[pick][0];
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

static const struct mac {
    const char *name, *mechanism;
} macs[] = { { "CMAC", "CKM_AES_CMAC" }, { "HMAC", "CKM_SHA256_HMAC" } };

static void run_mac(void **state)
{
    const struct mac *mac = *state;
    const unsigned long jobs = jobs_to_run(5000, 150);
    const uint64_t seed = prng_seed();
    unsigned long done = 0;

    if (!module_offers(mac->mechanism)) {
        const char *algorithm = strcmp(mac->name, "HMAC") == 0 ? "SHA256" : "AES-256-CBC";

        printf("%s has no %s\n", module_name(), mac->mechanism);
        CHECK_HAS(mac_refused(context, mac->name, algorithm, "gold"), mac->mechanism);
        return;
    }
    inits = updates = copies = finals = 0;
    for (; done < jobs; done++) {
        prng.state = seed + done; /* so that a failing one can be run alone */
        job(mac->name);
    }
    CHECK(ERR_peek_error() == 0);
    printf("%lu inits, %lu updates, %lu copies, %lu MACs agree\n", inits, updates, copies, finals);
    jobs_done(done, jobs, mac->name);
}

static int group_setup(void **state)
{
    struct prng bytes = { 1 };
    const char *lines = "";

    if (testing_setup(state) != 0)
        return -1;
    for (size_t i = 0; i < KEYS; i++) {
        keys[i].size = unhex(keys[i].digits, keys[i].bytes, sizeof(keys[i].bytes));
        if (strcmp(keys[i].mac, "HMAC") == 0)
            lines = text("%s%s %s type=generic\n", lines, keys[i].name, keys[i].digits);
    }
    token_standard();
    token_import("prod", USER_PIN, lines);
    context = context_with(settings_standard(), NULL);
    data = keep(LARGEST);
    prng_fill(&bytes, data, LARGEST);
    return 0;
}

static int group_teardown(void **state)
{
    OSSL_LIB_CTX_free(context);
    return testing_teardown(state);
}

int main(void)
{
    enum { MACS = sizeof(macs) / sizeof(macs[0]) };
    struct CMUnitTest tests[MACS];

    for (size_t i = 0; i < MACS; i++)
        tests[i] =
            (struct CMUnitTest){ macs[i].name, run_mac, NULL, NULL, (void *)(uintptr_t)&macs[i] };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
