/*
 * Messages that begin before an event and end after it, each compared with what the default
 * provider makes of the same: see survival.h.
 */
#include "survival.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/params.h>

enum { MOST = 3 * 512 * 1024, KEYS = 2, TAG = 16, STEPS = 4, ROOM = 32 };

static const char *const names[COLUMNS] = { "AES-256-ECB", "AES-256-CBC", "AES-256-CTR",
                                            "AES-256-GCM", "AES-256-GCM", "AES-256-WRAP",
                                            NULL };
static const size_t sizes[SIZES] = { 320, 160000, MOST };
static const size_t wrapped_sizes[SIZES] = { 32, 256, 256 };
static const unsigned char iv[16] = "initial vector16", aad[20] = "additional data";

static unsigned char data[MOST], raw[KEYS][32], references[KEYS][32];

/* What software makes of data; to decrypt it is the other way round. */
static struct sample {
    unsigned char *bytes, tag[TAG];
    size_t size;
} samples[COLUMNS][KEYS][2][SIZES]; /* [in_place] */

static struct sample *sample_of(const struct journey *journey)
{
    return &samples[journey->column][journey->key][journey->in_place][journey->size];
}

static size_t plain_size(const struct journey *journey)
{
    return journey->column == COLUMN_KW ? wrapped_sizes[journey->size] : sizes[journey->size];
}

static const unsigned char *input(const struct journey *journey, size_t *size)
{
    const struct sample *sample = sample_of(journey);

    *size = journey->encrypt ? plain_size(journey) : sample->size;
    return journey->encrypt ? data : sample->bytes;
}

static bool whole(const struct journey *journey)
{
    return journey->column == COLUMN_GCM || journey->column == COLUMN_KW;
}

/* Up to where an update goes: whole blocks in place, else not. */
static size_t step_end(const struct journey *journey, size_t size)
{
    static const size_t eighths[STEPS] = { 1, 4, 6, 8 };
    const size_t end = size * eighths[journey->step] / 8;

    if (whole(journey) || journey->step + 1 == STEPS)
        return size;
    return journey->in_place ? end & ~(size_t)15 : end - 3;
}

static unsigned steps_of(const struct journey *journey)
{
    return whole(journey) ? 1 : STEPS;
}

struct journey journey_of(size_t kind, enum size size)
{
    struct journey journey = { .size = size, .encrypt = true };

    journey.late = kind % 2 == 0;
    journey.column = (enum column)(kind / 8);
    if (kind < 6 * 8) {
        journey.encrypt = kind / 2 % 2 == 0;
        journey.in_place = kind / 4 % 2 == 0;
    }
    journey.key = kind / 8 % KEYS;
    return journey;
}

static bool start_cipher(struct journey *journey, OSSL_LIB_CTX *context, const unsigned char *key)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, names[journey->column], NULL);
    const bool gcm = journey->column == COLUMN_GCM || journey->column == COLUMN_GCM_STREAM;
    EVP_CIPHER_CTX *ctx = journey->cipher = EVP_CIPHER_CTX_new();
    int made;
    bool good;

    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    good = cipher != NULL &&
           EVP_CipherInit_ex2(ctx, cipher, key, journey->column == COLUMN_KW ? NULL : iv,
                              journey->encrypt, NULL) == 1 &&
           EVP_CIPHER_CTX_set_padding(ctx, !journey->in_place) == 1;
    EVP_CIPHER_free(cipher);
    if (good && gcm && !journey->encrypt)
        good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, sample_of(journey)->tag) == 1;
    return good && (!gcm || EVP_CipherUpdate(ctx, NULL, &made, aad, sizeof(aad)) == 1);
}

static bool start_mac(struct journey *journey, OSSL_LIB_CTX *context, const unsigned char *key)
{
    char cipher[] = "AES-256-CBC";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, sizeof(cipher) - 1), OSSL_PARAM_END
    };
    EVP_MAC *mac = EVP_MAC_fetch(context, "CMAC", NULL);

    if (mac == NULL) /* the provider may be away */
        return false;
    journey->mac = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    return journey->mac != NULL && EVP_MAC_init(journey->mac, key, 32, params) == 1;
}

static bool start(struct journey *journey, OSSL_LIB_CTX *context, const unsigned char *key)
{
    journey->bytes = calloc(1, plain_size(journey) + ROOM);
    CHECK(journey->bytes != NULL);
    return journey->column == COLUMN_CMAC ? start_mac(journey, context, key)
                                          : start_cipher(journey, context, key);
}

static bool update(struct journey *journey)
{
    size_t size;
    const unsigned char *in = input(journey, &size) + journey->in;
    unsigned char *out = journey->bytes + journey->out;
    const size_t piece = step_end(journey, size) - journey->in;
    int made = 0;

    if (journey->mac != NULL) {
        if (EVP_MAC_update(journey->mac, in, piece) != 1)
            return false;
    } else {
        if (journey->in_place)
            in = memcpy(out, in, piece);
        if (EVP_CipherUpdate(journey->cipher, out, &made, in, (int)piece) != 1)
            return false;
    }
    journey->in += piece;
    journey->out += (size_t)made;
    journey->step++;
    return true;
}

static bool finish(struct journey *journey)
{
    size_t size;
    int made = 0;

    if (journey->mac != NULL) {
        if (EVP_MAC_final(journey->mac, journey->bytes, &size, TAG) != 1)
            return false;
        journey->out = size;
    } else {
        if (EVP_CipherFinal_ex(journey->cipher, journey->bytes + journey->out, &made) != 1)
            return false;
        journey->out += (size_t)made;
    }
    journey->step++;
    return true;
}

bool journey_step(struct journey *journey)
{
    return journey->step < steps_of(journey) ? update(journey) : finish(journey);
}

/* A wrap before the event and one after it: the mode has nothing in between. */
static bool wrap_before(struct journey *journey)
{
    if (!update(journey) || !finish(journey))
        return false;
    journey->step = 0;
    journey->in = journey->out = 0;
    return true;
}

bool journey_begin(struct journey *journey, OSSL_LIB_CTX *context)
{
    const unsigned before = journey->late ? steps_of(journey) : steps_of(journey) / 2;

    if (!start(journey, context, references[journey->key]))
        return false;
    if (journey->column == COLUMN_KW)
        return wrap_before(journey);
    while (journey->step < before) {
        if (!update(journey))
            return false;
    }
    return true;
}

void journey_free(struct journey *journey)
{
    EVP_CIPHER_CTX_free(journey->cipher);
    EVP_MAC_CTX_free(journey->mac);
    free(journey->bytes);
    journey->cipher = NULL;
    journey->mac = NULL;
    journey->bytes = NULL;
}

static bool tag_is(const struct journey *journey, const struct sample *sample)
{
    unsigned char tag[TAG];

    if (!journey->encrypt ||
        (journey->column != COLUMN_GCM && journey->column != COLUMN_GCM_STREAM))
        return true;
    return EVP_CIPHER_CTX_ctrl(journey->cipher, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1 &&
           memcmp(tag, sample->tag, TAG) == 0;
}

enum verdict journey_end(struct journey *journey)
{
    const struct sample *sample = sample_of(journey);
    const unsigned char *expected = journey->encrypt ? sample->bytes : data;
    const size_t size = journey->encrypt ? sample->size : plain_size(journey);

    while (journey->step <= steps_of(journey)) {
        if (!journey_step(journey))
            return FAILED;
    }
    return journey->out == size && memcmp(journey->bytes, expected, size) == 0 &&
                   tag_is(journey, sample)
               ? RIGHT
               : WRONG;
}

static void make_sample(struct journey *journey)
{
    struct sample *sample = sample_of(journey);

    CHECK(start(journey, context_default(), raw[journey->key]));
    while (journey->step <= steps_of(journey))
        CHECK(journey_step(journey));
    sample->bytes = keep(journey->out);
    sample->size = journey->out;
    memcpy(sample->bytes, journey->bytes, journey->out);
    if (journey->column == COLUMN_GCM || journey->column == COLUMN_GCM_STREAM)
        CHECK(EVP_CIPHER_CTX_ctrl(journey->cipher, EVP_CTRL_AEAD_GET_TAG, TAG, sample->tag) == 1);
    journey_free(journey);
}

void journeys_setup(void)
{
    struct prng prng = { 7 };

    prng_fill(&prng, data, sizeof(data));
    unhex(GOLD_KEY, raw[0], 32);
    unhex(SILVER_KEY, raw[1], 32);
    reference_by_name(references[0], "gold");
    reference_by_name(references[1], "silver");
    for (size_t i = 0; i < (size_t)COLUMNS * KEYS * 2 * SIZES; i++) {
        struct journey journey = { .column = (enum column)(i / (KEYS * 2 * SIZES)),
                                   .key = i / (2 * SIZES) % KEYS,
                                   .in_place = i / SIZES % 2 != 0,
                                   .size = (enum size)(i % SIZES),
                                   .encrypt = true };

        if (journey.size != SIZE_BEYOND || journey.column == COLUMN_GCM_STREAM ||
            journey.column == COLUMN_CMAC)
            make_sample(&journey);
    }
}
