/*
 * The two contexts of a pair and the calls that set them up.
 */
#include "pair.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

void pair_open(struct pair *pair)
{
    pair->ours = EVP_CIPHER_CTX_new();
    pair->theirs = EVP_CIPHER_CTX_new();
    CHECK(pair->ours != NULL && pair->theirs != NULL);
}

void pair_copy(struct pair *to, const struct pair *from)
{
    *to = *from;
    pair_open(to);
    CHECK(EVP_CIPHER_CTX_copy(to->ours, from->ours) == 1);
    CHECK(EVP_CIPHER_CTX_copy(to->theirs, from->theirs) == 1);
}

void pair_close(struct pair *pair)
{
    EVP_CIPHER_CTX_free(pair->ours);
    EVP_CIPHER_CTX_free(pair->theirs);
}

static void init_one(const struct pair *pair, bool ours, unsigned what)
{
    const EVP_CIPHER *cipher = ours ? pair->our_cipher : pair->their_cipher;
    const unsigned char *key = ours ? pair->key->reference : pair->key->bytes;

    CHECK(EVP_CipherInit_ex2(
              ours ? pair->ours : pair->theirs, (what & PAIR_CIPHER) == 0 ? NULL : cipher,
              (what & PAIR_KEY) == 0 ? NULL : key, (what & PAIR_IV) == 0 ? NULL : pair->iv,
              (what & PAIR_DIRECTION) == 0 ? -1 : pair->encrypt, NULL) == 1);
}

void pair_init(struct pair *pair, unsigned what)
{
    init_one(pair, true, what);
    init_one(pair, false, what);
    if ((what & PAIR_IV) != 0)
        pair->has_iv = true;
}

/* Then ours is default's as well. */
static bool is_raw(const struct pair *pair)
{
    return memcmp(pair->key->reference, pair->key->bytes, sizeof(pair->key->bytes)) == 0;
}

/*
 * A change of direction without a key: default would go on in ECB and CBC with the key schedule of
 * the old direction and compute garbage, so there it gets the key; from us too, if it is a raw one.
 */
static void turn(const struct pair *pair)
{
    init_one(pair, true, PAIR_DIRECTION | (pair->chained && is_raw(pair) ? PAIR_KEY : 0));
    init_one(pair, false, PAIR_DIRECTION | (pair->chained ? PAIR_KEY : 0));
}

void pair_turn(struct pair *pair)
{
    pair->encrypt = !pair->encrypt;
    turn(pair);
}

void pair_init_direction_last(struct pair *pair)
{
    init_one(pair, true, PAIR_CIPHER);
    init_one(pair, true, PAIR_KEY);
    init_one(pair, true, PAIR_IV);
    init_one(pair, false, PAIR_CIPHER);
    init_one(pair, false, PAIR_KEY);
    init_one(pair, false, PAIR_IV);
    turn(pair);
    pair->has_iv = true;
}

void pair_set_padding(struct pair *pair, int padding)
{
    int ours = EVP_CIPHER_CTX_set_padding(pair->ours, padding);

    CHECK(ours == EVP_CIPHER_CTX_set_padding(pair->theirs, padding));
}

/* default of 3.5 leaves entries on the queue though it succeeds; only ours are looked at. */
static int get_params(const struct pair *pair, EVP_CIPHER_CTX *ctx, OSSL_PARAM params[])
{
    int result;

    ERR_set_mark();
    result = EVP_CIPHER_CTX_get_params(ctx, params);
    if (ctx == pair->theirs || is_raw(pair))
        ERR_pop_to_mark();
    else
        ERR_clear_last_mark();
    return result;
}

static unsigned unsigned_parameter(EVP_CIPHER_CTX *ctx, const char *name)
{
    unsigned value = 4711;
    OSSL_PARAM parameters[] = { OSSL_PARAM_uint(name, &value), OSSL_PARAM_END };

    CHECK(EVP_CIPHER_CTX_get_params(ctx, parameters) == 1);
    return value;
}

int pair_padding(const struct pair *pair)
{
    unsigned ours = unsigned_parameter(pair->ours, OSSL_CIPHER_PARAM_PADDING);

    CHECK(ours == unsigned_parameter(pair->theirs, OSSL_CIPHER_PARAM_PADDING));
    return (int)ours;
}

static void compare_octets(const struct pair *pair, const char *name)
{
    unsigned char ours[16] = { 0 }, theirs[16] = { 0 };
    OSSL_PARAM from_ours[] = { OSSL_PARAM_octet_string(name, ours, sizeof(ours)), OSSL_PARAM_END };
    OSSL_PARAM from_theirs[] = { OSSL_PARAM_octet_string(name, theirs, sizeof(theirs)),
                                 OSSL_PARAM_END };

    CHECK(get_params(pair, pair->ours, from_ours) == get_params(pair, pair->theirs, from_theirs));
    CHECK(from_ours[0].return_size == from_theirs[0].return_size);
    CHECK(memcmp(ours, theirs, sizeof(ours)) == 0);
}

void pair_compare_parameters(const struct pair *pair)
{
    CHECK(EVP_CIPHER_CTX_get_num(pair->ours) == EVP_CIPHER_CTX_get_num(pair->theirs));
    CHECK(EVP_CIPHER_CTX_get_key_length(pair->ours) == EVP_CIPHER_CTX_get_key_length(pair->theirs));
    CHECK(EVP_CIPHER_CTX_get_iv_length(pair->ours) == EVP_CIPHER_CTX_get_iv_length(pair->theirs));
    CHECK(EVP_CIPHER_CTX_get_block_size(pair->ours) == EVP_CIPHER_CTX_get_block_size(pair->theirs));
    if (!pair->has_iv)
        return;
    compare_octets(pair, OSSL_CIPHER_PARAM_IV);
    compare_octets(pair, OSSL_CIPHER_PARAM_UPDATED_IV);
}
