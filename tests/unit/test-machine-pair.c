/*
 * The state machine (cipher/machine.[ch]) over AES-256 beside EVP's ciphers of the default
 * provider: random events, and after each the same answer, the same bytes and the same parameters.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "engine.h"

enum {
    MOST = 300, /* bytes in one update */
    LAG_MOST = 40,
    ROOM = MOST + LAG_MOST + 2 * HSM_BLOCK,
};

struct pair {
    struct prng *prng;
    struct machine machine;
    struct aes aes;
    struct machine_engine engine;
    EVP_CIPHER_CTX *evp;
    unsigned char key[32];
    unsigned char in[ROOM], ours[ROOM], theirs[ROOM];
    size_t written;
    bool ended; /* by final: only a new message comes next */
};

static const EVP_CIPHER *cipher_of(enum machine_kind kind)
{
    if (kind == MACHINE_ECB)
        return EVP_aes_256_ecb();
    return kind == MACHINE_CBC ? EVP_aes_256_cbc() : EVP_aes_256_ctr();
}

/* Sometimes close before 2^32, 2^64 or 2^128, where counters carry or wrap. */
static void random_iv(struct pair *pair, unsigned char iv[HSM_BLOCK])
{
    static const size_t from[] = { 12, 8, 0 };

    prng_fill(pair->prng, iv, HSM_BLOCK);
    if (prng_one_in(pair->prng, 2)) {
        const size_t first = from[prng_upto(pair->prng, 2)];

        memset(iv + first, 0xff, HSM_BLOCK - first);
        iv[HSM_BLOCK - 1] = (unsigned char)(255 - prng_upto(pair->prng, 10));
    }
}

/* `with_iv` false: what a mode makes of its IV when none is given. */
static void begin(struct pair *pair, bool with_iv)
{
    const bool encrypt = prng_one_in(pair->prng, 2);
    unsigned char iv[HSM_BLOCK];

    random_iv(pair, iv);
    machine_init(&pair->machine, encrypt, with_iv ? iv : NULL);
    /* EVP gets the key again: its key schedule has a direction. */
    CHECK(EVP_CipherInit_ex(pair->evp, NULL, NULL, pair->key, with_iv ? iv : NULL, encrypt) == 1);
    pair->ended = false;
}

static void set_padding(struct pair *pair)
{
    pair->machine.padding = prng_one_in(pair->prng, 2);
    CHECK(EVP_CIPHER_CTX_set_padding(pair->evp, pair->machine.padding) == 1);
}

static void pair_open(struct pair *pair, struct prng *prng, enum machine_kind kind)
{
    *pair = (struct pair){ .prng = prng };
    prng_fill(prng, pair->key, sizeof(pair->key));
    aes_open(&pair->aes, kind, pair->key);
    pair->engine = aes_engine(&pair->aes);
    machine_new(&pair->machine, kind);
    pair->evp = EVP_CIPHER_CTX_new();
    CHECK(pair->evp != NULL);
    CHECK(EVP_CipherInit_ex(pair->evp, cipher_of(kind), NULL, pair->key, NULL, 1) == 1);
    begin(pair, true);
    set_padding(pair);
}

static void pair_close(struct pair *pair)
{
    EVP_CIPHER_CTX_free(pair->evp);
    aes_close(&pair->aes);
}

/* Puts `size` random bytes where the machine reads them, and says where it writes. */
static unsigned char *place(struct pair *pair, const unsigned char **in, size_t size)
{
    const size_t lag = prng_upto(pair->prng, LAG_MOST);
    unsigned char *from = pair->ours + (prng_one_in(pair->prng, 2) ? lag : 0);

    prng_fill(pair->prng, pair->in, size);
    memset(pair->ours, RIG_BLANK, sizeof(pair->ours));
    memset(pair->theirs, RIG_BLANK, sizeof(pair->theirs));
    *in = pair->in;
    /* In place a byte may only be written to when it has been read: `out` is never ahead. */
    if (pair->machine.waiting == 0 && prng_one_in(pair->prng, 2)) {
        memcpy(from, pair->in, size);
        *in = from;
    }
    return pair->ours;
}

static void same_bytes(const struct pair *pair, enum machine_result result, int answer, int size)
{
    assert_int_equal(result == MACHINE_DONE, answer == 1);
    if (answer == 1)
        assert_int_equal(pair->written, size);
    else
        assert_int_equal(pair->written, 0);
    assert_memory_equal(pair->ours, pair->theirs, pair->written);
    ERR_clear_error();
}

static void update(struct pair *pair)
{
    const size_t size = prng_upto(pair->prng, prng_one_in(pair->prng, 3) ? MOST : 20);
    const unsigned char *in;
    unsigned char *out = place(pair, &in, size);
    int theirs = 0;
    const int answer = EVP_CipherUpdate(pair->evp, pair->theirs, &theirs, pair->in, (int)size);

    same_bytes(pair,
               machine_update(&pair->machine, &pair->engine, out, &pair->written, ROOM, in, size),
               answer, theirs);
}

/* In whole blocks; what EVP does with other lengths is not to be followed. */
static void at_once(struct pair *pair)
{
    size_t size = prng_upto(pair->prng, 100);
    const unsigned char *in;
    unsigned char *out;
    int answer;

    if (pair->machine.kind != MACHINE_CTR)
        size = size / HSM_BLOCK * HSM_BLOCK;
    out = place(pair, &in, size);
    answer = EVP_Cipher(pair->evp, pair->theirs, pair->in, (unsigned int)size);
    same_bytes(pair,
               machine_at_once(&pair->machine, &pair->engine, out, &pair->written, ROOM, in, size),
               answer >= 0, answer);
}

/* A block that decrypts to right padding, which random bytes hardly ever do. */
static void update_with_padding(struct pair *pair)
{
    unsigned char block[HSM_BLOCK], chain[HSM_BLOCK];
    const struct hsm_data data = { .in = block, .size = HSM_BLOCK, .out = block };
    const size_t padding = prng_upto(pair->prng, HSM_BLOCK - 1) + 1;
    int theirs = 0;

    /* The chain value is at hand only where nothing waits. */
    if (pair->machine.kind == MACHINE_CTR || pair->machine.encrypt || pair->machine.waiting > 0)
        return;
    memset(block, (int)padding, HSM_BLOCK);
    memcpy(chain, pair->machine.iv, HSM_BLOCK);
    CHECK(pair->engine.blocks(pair->engine.argument, true, chain, &data));
    CHECK(EVP_CipherUpdate(pair->evp, pair->theirs, &theirs, block, HSM_BLOCK) == 1);
    same_bytes(pair,
               machine_update(&pair->machine, &pair->engine, pair->ours, &pair->written, ROOM,
                              block, HSM_BLOCK),
               1, theirs);
}

static void final(struct pair *pair)
{
    int theirs = 0;
    const int answer = EVP_CipherFinal_ex(pair->evp, pair->theirs, &theirs);
    const enum machine_result result =
        machine_final(&pair->machine, &pair->engine, pair->ours, &pair->written, ROOM);

    same_bytes(pair, result, answer, theirs);
    pair->ended = result != MACHINE_DONE || prng_one_in(pair->prng, 2);
}

/* Whichever of the two goes on, original or copy. */
static void copy(struct pair *pair)
{
    EVP_CIPHER_CTX *other = EVP_CIPHER_CTX_new();
    struct machine machine = pair->machine;

    CHECK(other != NULL && EVP_CIPHER_CTX_copy(other, pair->evp) == 1);
    if (prng_one_in(pair->prng, 2)) {
        machine_wipe(&pair->machine);
        pair->machine = machine;
        EVP_CIPHER_CTX_free(pair->evp);
        pair->evp = other;
    } else {
        machine_wipe(&machine);
        EVP_CIPHER_CTX_free(other);
    }
}

/* Newer releases of OpenSSL refuse some numbers that older ones took; what both take is the same.
 */
static void set_num(struct pair *pair)
{
    const unsigned int num = (unsigned int)prng_upto(pair->prng, HSM_BLOCK - 1);
    const int before = EVP_CIPHER_CTX_get_num(pair->evp);

    if (EVP_CIPHER_CTX_set_num(pair->evp, (int)num) != 1) {
        ERR_clear_error();
    } else if (machine_set_num(&pair->machine, num) != MACHINE_DONE) {
        assert_true(pair->machine.kind == MACHINE_CTR && num != 0);
        CHECK(EVP_CIPHER_CTX_set_num(pair->evp, before) == 1);
    }
}

static void same_parameters(struct pair *pair)
{
    unsigned char original[HSM_BLOCK], updated[HSM_BLOCK];

    assert_int_equal(EVP_CIPHER_CTX_get_num(pair->evp), (int)pair->machine.num);
    if (pair->machine.kind == MACHINE_ECB)
        return;
    CHECK(EVP_CIPHER_CTX_get_original_iv(pair->evp, original, HSM_BLOCK) == 1);
    CHECK(EVP_CIPHER_CTX_get_updated_iv(pair->evp, updated, HSM_BLOCK) == 1);
    assert_memory_equal(pair->machine.original_iv, original, HSM_BLOCK);
    assert_memory_equal(pair->machine.iv, updated, HSM_BLOCK);
}

static void random_event(struct pair *pair)
{
    const size_t event = pair->ended ? 0 : prng_upto(pair->prng, 19);

    if (event <= 1)
        begin(pair, prng_one_in(pair->prng, 2));
    else if (event == 2)
        set_padding(pair);
    else if (event == 3)
        copy(pair);
    else if (event == 4)
        set_num(pair);
    else if (event == 5)
        at_once(pair);
    else if (event <= 7)
        update_with_padding(pair);
    else if (event <= 9)
        final(pair);
    else
        update(pair);
    same_parameters(pair);
}

static void random_events(enum machine_kind kind)
{
    struct prng prng = { prng_seed() };
    const int messages = quick() ? 30 : 600;

    for (int i = 0; i < messages; i++) {
        struct pair pair;

        pair_open(&pair, &prng, kind);
        for (int event = 0; event < 100; event++)
            random_event(&pair);
        pair_close(&pair);
    }
}

static void ecb(void **state)
{
    (void)state;
    random_events(MACHINE_ECB);
}

static void cbc(void **state)
{
    (void)state;
    random_events(MACHINE_CBC);
}

static void ctr(void **state)
{
    (void)state;
    random_events(MACHINE_CTR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ecb),
        cmocka_unit_test(cbc),
        cmocka_unit_test(ctr),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
