/*
 * The same as fuzz-cipher.c for AES-256-GCM: AAD, data, tags and IVs of any length, in any order,
 * copies, and a fake HSM that streams or does not, has CTR or not.  What hsmzke refuses and the
 * default provider takes is left out: docs/limits.md has it.
 */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "evp.h"

enum { STEPS = 40, MOST = 2000, IV_MOST = 128, BLANK = 0xb1 };

/* As in gcm-machine.h, as far as it decides which calls make sense. */
enum state { UNSET, READY, AAD, ONE, MORE, ENDED };

struct pair {
    struct input *input;
    enum evp_one_shot which;
    EVP_CIPHER_CTX *ours, *theirs;
    enum state state;
    bool encrypt, silver;
    bool breaks;
    bool spent; /* an encryption with this IV was begun */
    size_t iv_size;
    unsigned char iv[IV_MOST];
    bool tagged; /* the tag was set since the last init */
    unsigned char tag[16], past[MOST], aad[32];
    size_t past_size;
};

static void init_one(const struct pair *pair, EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
                     const unsigned char *key)
{
    EXPECT(EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, pair->encrypt, NULL) == 1);
    EXPECT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)pair->iv_size, NULL) == 1);
    EXPECT(EVP_CipherInit_ex2(ctx, NULL, key, pair->iv, pair->encrypt, NULL) == 1);
}

/* A new message, with all that it needs. */
static void init(struct pair *pair, bool encrypt)
{
    const unsigned int byte = input_byte(pair->input);

    pair->encrypt = encrypt;
    pair->silver = byte & 1;
    pair->iv_size = byte & 2 ? 1 + input_upto(pair->input, IV_MOST - 1) : 12;
    input_fill(pair->input, pair->iv, pair->iv_size < 4 ? pair->iv_size : 4);
    if (pair->iv_size == 12 && memcmp(pair->iv, "hsmz", 4) == 0)
        pair->iv[0] = 0; /* perhaps the reserved one */
    init_one(pair, pair->ours, evp_cipher(pair->which, "AES-256-GCM"),
             evp_reference(pair->silver ? "silver" : "gold"));
    init_one(pair, pair->theirs, evp_default_cipher("AES-256-GCM"),
             pair->silver ? fake_silver : fake_gold);
    pair->state = READY;
    pair->tagged = false;
    pair->past_size = encrypt ? 0 : pair->past_size;
}

/* The same contexts go on with another IV, key and direction as they are. */
static void init_again(struct pair *pair)
{
    input_fill(pair->input, pair->iv, pair->iv_size < 4 ? pair->iv_size : 4);
    if (pair->state == UNSET || (pair->iv_size == 12 && memcmp(pair->iv, "hsmz", 4) == 0))
        return;
    EXPECT(EVP_CipherInit_ex2(pair->ours, NULL, NULL, pair->iv, -1, NULL) == 1);
    EXPECT(EVP_CipherInit_ex2(pair->theirs, NULL, NULL, pair->iv, -1, NULL) == 1);
    pair->state = READY;
    pair->tagged = false;
    pair->past_size = pair->encrypt ? 0 : pair->past_size;
}

/* Another IV length: the IV that was given is void, and no other takes its place. */
static void change_iv_size(struct pair *pair)
{
    const int size = 1 + (int)input_upto(pair->input, IV_MOST - 1);
    unsigned char out[16], in[16] = { 0 };
    int n;

    EXPECT(EVP_CIPHER_CTX_ctrl(pair->ours, EVP_CTRL_AEAD_SET_IVLEN, size, NULL) == 1);
    EXPECT(EVP_CIPHER_CTX_ctrl(pair->theirs, EVP_CTRL_AEAD_SET_IVLEN, size, NULL) == 1);
    if ((size_t)size == pair->iv_size)
        return;
    pair->iv_size = (size_t)size;
    pair->state = UNSET;
    EXPECT(EVP_CipherUpdate(pair->theirs, out, &n, in, sizeof(in)) == 0);
    EXPECT(EVP_CipherUpdate(pair->ours, out, &n, in, sizeof(in)) == 0);
    evp_expect_error();
}

struct outcome {
    int result, size;
};

/* One call on ours, while the HSM fails if that is wanted: then nothing comes of it, or all. */
static struct outcome call_ours(struct pair *pair, bool final, unsigned char *out,
                                const unsigned char *in, size_t size)
{
    struct outcome ours = { 0, 0 };

    fake.broken = pair->breaks;
    ours.result = final ? EVP_CipherFinal_ex(pair->ours, out, &ours.size)
                        : EVP_CipherUpdate(pair->ours, out, &ours.size, in, (int)size);
    fake.broken = false;
    if (ours.result != 1)
        evp_expect_error();
    return ours;
}

/* A message that the HSM failed in is as it was, or is lost and says so until the next init. */
static bool survives(struct pair *pair, const struct outcome *ours, const unsigned char *out,
                     const unsigned char *in, size_t size)
{
    if (!pair->breaks || ours->result == 1)
        return true;
    for (size_t i = 0; out != NULL && out != in && i < size; i++)
        EXPECT(out[i] == BLANK || out[i] == 0);
    pair->state = UNSET;
    return false;
}

static void compare(struct pair *pair, struct outcome ours, struct outcome theirs)
{
    fuzz_trace("%s, state %d: %d, %d; default: %d, %d\n",
               pair->encrypt ? "encryption" : "decryption", pair->state, ours.result, ours.size,
               theirs.result, theirs.size);
    ERR_clear_error();
    EXPECT(ours.result == theirs.result && (ours.result != 1 || ours.size == theirs.size));
}

/* Whether data and AAD may come: what else there is, hsmzke refuses. */
static bool takes_data(const struct pair *pair)
{
    const bool first = pair->state == READY || pair->state == AAD;

    if (first)
        return pair->iv_size == 12 || pair->encrypt || (pair->tagged && pair->which == EVP_AUTO);
    return (pair->state == ONE || pair->state == MORE) && pair->iv_size == 12 && !fake.no_ctr;
}

static void aad(struct pair *pair)
{
    const size_t size = input_upto(pair->input, sizeof(pair->aad));
    struct outcome ours, theirs;

    if (size == 0 || (pair->state != READY && pair->state != AAD))
        return;
    memset(pair->aad, 'a', sizeof(pair->aad));
    ours = call_ours(pair, false, NULL, pair->aad, size);
    theirs.result = EVP_CipherUpdate(pair->theirs, NULL, &theirs.size, pair->aad, (int)size);
    compare(pair, ours, theirs);
    pair->state = AAD;
}

/* The bytes of the message: new ones, or those that an encryption gave before. */
static size_t pick(struct pair *pair, unsigned char *in)
{
    const size_t kind = input_upto(pair->input, 5);
    const size_t size = kind == 0 ? pair->past_size : input_upto(pair->input, kind < 5 ? 90 : MOST);

    for (size_t i = 0; i < size; i++)
        in[i] = (unsigned char)(i * 5);
    if (kind == 0)
        memcpy(in, pair->past, size);
    return size;
}

static void data(struct pair *pair)
{
    unsigned char in[MOST], *ours_out = malloc(MOST), theirs_out[MOST];
    const bool in_place = input_byte(pair->input) & 1;
    const size_t size = pick(pair, in);
    struct outcome ours, theirs;

    EXPECT(ours_out != NULL);
    memset(ours_out, BLANK, MOST);
    if (in_place)
        memcpy(ours_out, in, size);
    if (size > 0 && takes_data(pair)) {
        ours = call_ours(pair, false, ours_out, in_place ? ours_out : in, size);
        if (survives(pair, &ours, ours_out, in_place ? ours_out : in, size)) {
            theirs.result = EVP_CipherUpdate(pair->theirs, theirs_out, &theirs.size, in, (int)size);
            /* Other IVs have no CTR: a forged message in one piece is refused before it came. */
            if (pair->iv_size != 12 && !pair->encrypt && ours.result != 1) {
                pair->state = UNSET;
            } else {
                compare(pair, ours, theirs);
                EXPECT(ours.result != 1 || memcmp(ours_out, theirs_out, size) == 0);
                pair->state = pair->state <= AAD ? ONE : MORE;
            }
            for (size_t i = size; i < MOST; i++)
                EXPECT(ours_out[i] == BLANK);
            if (pair->encrypt && pair->past_size + size <= MOST) {
                memcpy(pair->past + pair->past_size, theirs_out, size);
                pair->past_size += size;
            }
        }
    }
    free(ours_out);
}

static void get_tag(struct pair *pair)
{
    unsigned char ours[16] = { 0 }, theirs[16] = { 0 };
    const int size = 4 + (int)input_upto(pair->input, 12);
    const int our_result = EVP_CIPHER_CTX_ctrl(pair->ours, EVP_CTRL_AEAD_GET_TAG, size, ours);
    const int their_result = EVP_CIPHER_CTX_ctrl(pair->theirs, EVP_CTRL_AEAD_GET_TAG, size, theirs);

    fuzz_trace("tag of %d bytes, state %d: %d; default: %d\n", size, pair->state, our_result,
               their_result);
    ERR_clear_error();
    if (pair->state != ENDED || !pair->encrypt) { /* default may give that of an earlier message */
        EXPECT(our_result != 1);
        return;
    }
    EXPECT(our_result == their_result && memcmp(ours, theirs, sizeof(ours)) == 0);
    if (our_result == 1 && size == 16)
        memcpy(pair->tag, ours, sizeof(ours));
}

/* The one that the last encryption gave; or that one, changed. */
static void set_tag(struct pair *pair)
{
    const unsigned int byte = input_byte(pair->input);
    const int size = byte & 1 ? 16 : 4 + (int)input_upto(pair->input, 12);
    unsigned char tag[16];
    int ours, theirs;

    memcpy(tag, pair->tag, sizeof(tag));
    tag[1] ^= byte & 2;
    if (pair->state == UNSET || pair->state == ENDED)
        return;
    ours = EVP_CIPHER_CTX_ctrl(pair->ours, EVP_CTRL_AEAD_SET_TAG, size, tag);
    theirs = EVP_CIPHER_CTX_ctrl(pair->theirs, EVP_CTRL_AEAD_SET_TAG, size, tag);
    ERR_clear_error();
    EXPECT(ours == theirs);
    pair->tagged = pair->tagged || ours == 1;
}

static void final(struct pair *pair)
{
    unsigned char none[16];
    struct outcome ours, theirs = { 0, 0 };

    if (pair->state == UNSET || pair->state == ENDED || (!pair->encrypt && !pair->tagged))
        return;
    memset(none, BLANK, sizeof(none));
    ours = call_ours(pair, true, none, NULL, 0);
    for (size_t i = 0; i < sizeof(none); i++)
        EXPECT(none[i] == BLANK);
    if (!survives(pair, &ours, NULL, NULL, 0))
        return;
    theirs.result = EVP_CipherFinal_ex(pair->theirs, none, &theirs.size);
    compare(pair, ours, theirs);
    pair->state = theirs.result == 1 ? ENDED : UNSET;
}

static void copy(struct pair *pair)
{
    struct pair fresh = *pair;

    fresh.ours = EVP_CIPHER_CTX_new();
    fresh.theirs = EVP_CIPHER_CTX_new();
    EXPECT(fresh.ours != NULL && EVP_CIPHER_CTX_copy(fresh.ours, pair->ours) == 1);
    EXPECT(fresh.theirs != NULL && EVP_CIPHER_CTX_copy(fresh.theirs, pair->theirs) == 1);
    if (input_byte(pair->input) & 1) { /* both go on */
        data(&fresh);
        final(&fresh);
    } else {
        struct pair old = *pair;

        *pair = fresh;
        fresh = old;
    }
    EVP_CIPHER_CTX_free(fresh.ours);
    EVP_CIPHER_CTX_free(fresh.theirs);
}

static void compare_iv(const struct pair *pair)
{
    unsigned char ours[IV_MOST] = { 0 }, theirs[IV_MOST] = { 0 };

    if (pair->state == UNSET)
        return;
    EXPECT(EVP_CIPHER_CTX_get_iv_length(pair->ours) == EVP_CIPHER_CTX_get_iv_length(pair->theirs));
    EXPECT(EVP_CIPHER_CTX_get_original_iv(pair->ours, ours, pair->iv_size) ==
           EVP_CIPHER_CTX_get_original_iv(pair->theirs, theirs, pair->iv_size));
    EXPECT(memcmp(ours, theirs, sizeof(ours)) == 0);
    EXPECT(EVP_CIPHER_CTX_get_tag_length(pair->ours) ==
           EVP_CIPHER_CTX_get_tag_length(pair->theirs));
    ERR_clear_error();
}

static void step(struct pair *pair)
{
    pair->breaks = false;
    switch (input_upto(pair->input, 15)) {
    case 0:
    case 1:
        aad(pair);
        break;
    case 2:
        pair->breaks = true;
        data(pair);
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        data(pair);
        break;
    case 7:
        get_tag(pair);
        break;
    case 8:
    case 9:
        set_tag(pair);
        break;
    case 10:
        pair->breaks = true;
        final(pair);
        break;
    case 11:
        final(pair);
        get_tag(pair);
        break;
    case 12:
        copy(pair);
        break;
    case 13:
        init_again(pair);
        break;
    case 14:
        if (pair->state != UNSET && pair->state != ENDED)
            change_iv_size(pair);
        break;
    default:
        init(pair, input_byte(pair->input) & 1);
    }
    compare_iv(pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct input input = { bytes, size };
    const unsigned int what = input_byte(&input);
    struct pair pair = { .input = &input, .which = what & 1 ? EVP_NEVER : EVP_AUTO };

    evp_reset(pair.which);
    fake.no_streams = what & 2;
    fake.no_ecb = what & 4;
    pair.ours = EVP_CIPHER_CTX_new();
    pair.theirs = EVP_CIPHER_CTX_new();
    EXPECT(pair.ours != NULL && pair.theirs != NULL);
    init(&pair, !(what & 8));
    for (int i = 0; i < STEPS && input.left > 0; i++)
        step(&pair);
    EVP_CIPHER_CTX_free(pair.ours);
    EVP_CIPHER_CTX_free(pair.theirs);
    return 0;
}
