/*
 * Ciphertext of CBC that decrypts to itself, or to its complement, in its first or last block: a
 * module that computes nothing gives the same, but software decrypts it.  Whoever knows or guesses
 * what a block decrypts to can make it, and an error would tell a good guess from a bad one.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>

enum { BLOCK = 16, MOST = 200 * 1024 };

static OSSL_LIB_CTX *context;
static unsigned char key[32], reference[32];

static int setup(void **state)
{
    if (testing_setup(state) != 0)
        return -1;
    token_standard();
    context = context_with(settings_standard(), NULL);
    unhex(GOLD_KEY, key, sizeof(key));
    reference_by_name(reference, "gold");
    return 0;
}

static int teardown(void **state)
{
    OSSL_LIB_CTX_free(context);
    return testing_teardown(state);
}

/* What goes before `block` so that it decrypts to itself, or to its complement. */
static void before(unsigned char *previous, const unsigned char *block, bool complement)
{
    struct message message = { "AES-256-ECB", key, NULL, 0, 0, block, BLOCK, NULL, 0, 0 };
    unsigned char out[3 * BLOCK];

    message.out = out;
    CHECK(message_run(context_default(), &message) == 1);
    for (size_t i = 0; i < BLOCK; i++)
        previous[i] = (unsigned char)(out[i] ^ (complement ? ~block[i] : block[i]));
}

static void decrypts(const unsigned char iv[BLOCK], const unsigned char *in, size_t size,
                     size_t piece, bool in_place)
{
    static unsigned char expected[MOST + 2 * BLOCK], out[MOST + 2 * BLOCK];
    struct message theirs = { "AES-256-CBC", key, iv, 0, 0, in, size, expected, 0, 0 };
    struct message ours = { "AES-256-CBC", reference, iv, 0, 0, in, size, out, 0, piece };

    if (in_place) {
        memcpy(out, in, size);
        ours.in = out;
    }
    CHECK(message_run(context_default(), &theirs) == 1);
    CHECK(message_run(context, &ours) == 1 && ERR_peek_error() == 0);
    CHECK(ours.out_size == size && memcmp(out, expected, size) == 0);
}

/* The IV and `blocks` of ciphertext, of which number `at` comes out as it went in. */
static void try(size_t blocks, size_t at, bool complement)
{
    static unsigned char whole[BLOCK + MOST]; /* with the IV in front */
    struct prng prng = { blocks * 31 + at };

    prng_fill(&prng, whole, (blocks + 1) * BLOCK);
    before(whole + at * BLOCK, whole + (at + 1) * BLOCK, complement);
    decrypts(whole, whole + BLOCK, blocks * BLOCK, 0, false);
    decrypts(whole, whole + BLOCK, blocks * BLOCK, 0, true);
    decrypts(whole, whole + BLOCK, blocks * BLOCK, (at + 1) * BLOCK, false);
}

static void comes_out_as_it_went_in(void **state)
{
    static const size_t sizes[] = { 1, 2, 5, 300, MOST / BLOCK };

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        try(sizes[i], 0, false);
        try(sizes[i], sizes[i] - 1, false);
        try(sizes[i], 0, true);
        try(sizes[i], sizes[i] - 1, true);
    }
}

/* The chain goes on from it. */
static void more_follows(void **state)
{
    unsigned char iv[BLOCK], blocks[8 * BLOCK];
    struct prng prng = { 8 };

    (void)state;
    prng_fill(&prng, blocks, sizeof(blocks));
    before(iv, blocks, false);
    before(blocks + 2 * BLOCK, blocks + 3 * BLOCK, false);
    before(blocks + 4 * BLOCK, blocks + 5 * BLOCK, true);
    for (size_t piece = 1; piece <= sizeof(blocks); piece++)
        decrypts(iv, blocks, sizeof(blocks), piece, piece % 2 == 0 && piece % BLOCK == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comes_out_as_it_went_in),
        cmocka_unit_test(more_follows),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
