/*
 * The same as fuzz-cipher.c for CMAC, HMAC and GMAC: data in any pieces, copies, keys given again
 * or not.  A MAC that comes out is the default provider's; one during which the HSM fails does not.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "evp.h"

enum { STEPS = 24, MOST = 400000, MAC_MOST = 64, BLANK = 0xb1, IV_SIZE = 12 };

static const struct kind {
    const char *name, *parameter, *algorithm, *key;
    const unsigned char *bytes;
    size_t size;
    bool has_iv;
} kinds[] = {
    { "CMAC", OSSL_MAC_PARAM_CIPHER, "AES-256-CBC", "gold", fake_gold, 32, false },
    { "HMAC", OSSL_MAC_PARAM_DIGEST, "SHA256", "salt", fake_secret, 20, false },
    { "GMAC", OSSL_MAC_PARAM_CIPHER, "AES-256-GCM", "gold", fake_gold, 32, true },
};

struct pair {
    const struct kind *kind;
    struct input *input;
    EVP_MAC_CTX *ours, *theirs;
    bool open, breaks;
    unsigned char iv[IV_SIZE];
};

/* Key and all; `again`: without the key, which is as it was. */
static int init_one(const struct pair *pair, bool ours, bool again)
{
    char *algorithm = exact(pair->kind->algorithm, strlen(pair->kind->algorithm) + 1);
    unsigned char iv[IV_SIZE];
    OSSL_PARAM params[3] = { OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END };
    size_t n = 0;
    int result;

    memcpy(iv, pair->iv, sizeof(iv));
    if (!again)
        params[n++] = OSSL_PARAM_construct_utf8_string(pair->kind->parameter, algorithm, 0);
    if (pair->kind->has_iv)
        params[n++] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, iv, sizeof(iv));
    if (ours)
        result = EVP_MAC_init(pair->ours, again ? NULL : evp_reference(pair->kind->key),
                              again ? 0 : 32, params);
    else
        result = EVP_MAC_init(pair->theirs, again ? NULL : pair->kind->bytes,
                              again ? 0 : pair->kind->size, params);
    free(algorithm);
    return result;
}

static void init(struct pair *pair, bool again)
{
    input_fill(pair->input, pair->iv, 4);
    if (memcmp(pair->iv, "hsmz", 4) == 0)
        pair->iv[0] = 0; /* perhaps the reserved one */
    EXPECT(init_one(pair, true, again) == 1 && init_one(pair, false, again) == 1);
    pair->open = true;
}

/* While the HSM fails, if that is wanted: whether it went well all the same. */
static bool goes_well(struct pair *pair, int ours)
{
    fake.broken = false;
    if (ours == 1)
        return true;
    evp_expect_error();
    EXPECT(pair->breaks);
    pair->open = false;
    return false;
}

static void update(struct pair *pair)
{
    static unsigned char *bytes;
    const size_t kind = input_upto(pair->input, 31);
    const size_t size = kind == 31  ? MOST
                        : kind > 24 ? input_upto(pair->input, 5000)
                                    : input_upto(pair->input, 70);
    unsigned char *in;

    if (!pair->open)
        return;
    if (bytes == NULL) {
        bytes = malloc(MOST);
        EXPECT(bytes != NULL);
        for (size_t i = 0; i < MOST; i++)
            bytes[i] = (unsigned char)(i * 11);
    }
    in = exact(bytes, size);
    fake.broken = pair->breaks;
    if (goes_well(pair, EVP_MAC_update(pair->ours, in, size)))
        EXPECT(EVP_MAC_update(pair->theirs, in, size) == 1);
    free(in);
}

static void final(struct pair *pair)
{
    const size_t room = EVP_MAC_CTX_get_mac_size(pair->ours);
    unsigned char ours[MAC_MOST], theirs[MAC_MOST];
    size_t our_size = 0, their_size = 0;

    EXPECT(room == EVP_MAC_CTX_get_mac_size(pair->theirs) && room <= sizeof(ours));
    if (!pair->open)
        return;
    memset(ours, BLANK, sizeof(ours));
    fake.broken = pair->breaks;
    if (goes_well(pair, EVP_MAC_final(pair->ours, ours, &our_size, room))) {
        EXPECT(EVP_MAC_final(pair->theirs, theirs, &their_size, room) == 1);
        EXPECT(our_size == their_size && memcmp(ours, theirs, our_size) == 0);
    }
    for (size_t i = our_size; i < sizeof(ours); i++)
        EXPECT(ours[i] == BLANK || (i < room && ours[i] == 0));
    pair->open = false;
}

static void copy(struct pair *pair)
{
    struct pair fresh = *pair, old = *pair;

    fresh.ours = EVP_MAC_CTX_dup(pair->ours);
    if (fresh.ours == NULL) { /* much data, in a session of its own: docs/limits.md */
        evp_expect_error();
        return;
    }
    fresh.theirs = EVP_MAC_CTX_dup(pair->theirs);
    EXPECT(fresh.theirs != NULL);
    if (input_byte(pair->input) & 1) {
        update(&fresh);
        final(&fresh);
        old = fresh;
    } else {
        *pair = fresh;
    }
    EVP_MAC_CTX_free(old.ours);
    EVP_MAC_CTX_free(old.theirs);
}

static void step(struct pair *pair)
{
    pair->breaks = false;
    switch (input_upto(pair->input, 11)) {
    case 0:
    case 1:
        pair->breaks = true;
        input_byte(pair->input) & 1 ? final(pair) : update(pair);
        break;
    case 2:
    case 3:
        final(pair);
        break;
    case 4:
        copy(pair);
        break;
    case 5:
        init(pair, true);
        break;
    case 6:
        init(pair, false);
        break;
    default:
        update(pair);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static EVP_MAC *macs[2][sizeof(kinds) / sizeof(kinds[0])];
    struct input input = { data, size };
    const size_t what = input_upto(&input, sizeof(kinds) / sizeof(kinds[0]) - 1);
    struct pair pair = { .kind = &kinds[what], .input = &input };
    OSSL_LIB_CTX *context = evp_reset(EVP_AUTO);

    if (macs[0][what] == NULL) {
        macs[0][what] = EVP_MAC_fetch(context, pair.kind->name, NULL);
        macs[1][what] = EVP_MAC_fetch(NULL, pair.kind->name, NULL);
    }
    pair.ours = EVP_MAC_CTX_new(macs[0][what]);
    pair.theirs = EVP_MAC_CTX_new(macs[1][what]);
    EXPECT(pair.ours != NULL && pair.theirs != NULL);
    init(&pair, false);
    for (int i = 0; i < STEPS && input.left > 0; i++)
        step(&pair);
    EVP_MAC_CTX_free(pair.ours);
    EVP_MAC_CTX_free(pair.theirs);
    return 0;
}
