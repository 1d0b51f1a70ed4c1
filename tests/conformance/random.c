/*
 * Random jobs through a pair of contexts, hsmzke's and default's, which must agree in every byte,
 * length and return value.  HSMZKE_TEST_SEED repeats a run, HSMZKE_TEST_JOBS sets the number of
 * jobs in each mode.
 *
 * Left out because default itself does nothing sensible there: EVP_Cipher() with a part of a block
 * in ECB and CBC, the other modes without any IV (zeros in default, an error in hsmzke), going on
 * after a final without an init.
 */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum { LONGEST = 200000, COPIES = 2 };

enum { ECB, CBC, CTR, CFB, CFB8, CFB1, OFB, MODES };
static struct mode {
    const char *name;
    const char *mechanism;
    unsigned long jobs;
    size_t longest; /* some take a call of the HSM for each block, byte or bit */
    EVP_CIPHER *ours, *theirs;
} modes[MODES] = {
    [ECB] = { "AES-256-ECB", "CKM_AES_ECB", 5000, LONGEST, NULL, NULL },
    [CBC] = { "AES-256-CBC", "CKM_AES_CBC", 5000, LONGEST, NULL, NULL },
    [CTR] = { "AES-256-CTR", "CKM_AES_ECB", 5000, LONGEST, NULL, NULL },
    [CFB] = { "AES-256-CFB", "CKM_AES_ECB", 150, LONGEST, NULL, NULL },
    [CFB8] = { "AES-256-CFB8", "CKM_AES_ECB", 150, 5000, NULL, NULL },
    [CFB1] = { "AES-256-CFB1", "CKM_AES_ECB", 150, 700, NULL, NULL },
    [OFB] = { "AES-256-OFB", "CKM_AES_ECB", 150, LONGEST, NULL, NULL },
};
/*
 * The fourth is a raw key, in software with hsmzke as well; the last three may do one mechanism
 * only, so that their mode has no other way.
 */
static struct pair_key keys[7] = { { .name = "gold" },     { .name = "silver" },
                                   { .name = "zinc" },     { .name = "raw" },
                                   { .name = "ecb-only" }, { .name = "cbc-only" },
                                   { .name = "ctr-only" } };
enum { FREE_KEYS = 4, RAW = 3, KEYS = 7 };

static OSSL_LIB_CTX *context;
static struct prng prng;
static unsigned long bytes_compared;

static const struct pair_key *pick_key(unsigned mode)
{
    const size_t pick = prng_upto(&prng, FREE_KEYS + 1);

    if (pick < FREE_KEYS)
        return &keys[pick];
    /* CTR must also work with a key that may only do ECB; the later modes are made of it. */
    if (mode > CTR || (mode == CTR && (prng_one_in(&prng, 2) || !module_offers("CKM_AES_CTR"))))
        mode = ECB;
    return &keys[FREE_KEYS + mode];
}

/* Half of the counters are so near a carry that a message crosses it. */
static void pick_iv(unsigned char iv[16])
{
    size_t ones[] = { 4, 8, 16 };

    prng_fill(&prng, iv, 16);
    if (prng_one_in(&prng, 2)) {
        size_t count = ones[prng_upto(&prng, 2)];

        memset(iv + 16 - count, 0xff, count);
        iv[15] = (unsigned char)(0xff - prng_upto(&prng, 20));
    }
}

static size_t pick_size(size_t longest)
{
    const size_t limits[] = { 0, 17, 64, 64, 300, 300, 1500, 1500, 20000, LONGEST };
    const size_t limit = limits[prng_upto(&prng, 9)];

    return prng_upto(&prng, limit < longest ? limit : longest);
}

static size_t pick_piece(const struct stream *stream)
{
    const size_t limits[] = { 0, 1, 15, 16, 33, 100, 1000, 5000, LONGEST, LONGEST };
    size_t left = stream->size - stream->consumed;
    size_t least = stream->size / 100;
    size_t piece = prng_upto(&prng, limits[prng_upto(&prng, 9)]);

    if (prng_one_in(&prng, 4))
        piece &= ~(size_t)15;
    /* No piece so small that a long message takes thousands of steps. */
    if (piece != 0 && piece < least)
        piece += least;
    return piece < left ? piece : left;
}

static void first_init(struct pair *pair)
{
    bool padding_first = prng_one_in(&prng, 5);

    if (padding_first) {
        pair_set_padding(pair, 0);
        ERR_clear_error(); /* EVP keeps it for init, and says 0 as there is no cipher yet */
    }
    switch (prng_upto(&prng, 6)) {
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
        pair_init_direction_last(pair);
        break;
    case 3:
        pair_init(pair, PAIR_CIPHER);
        pair_init(pair, PAIR_KEY | PAIR_IV | PAIR_DIRECTION);
        break;
    case 4:
        pair_init(pair, PAIR_CIPHER | PAIR_KEY | PAIR_DIRECTION);
        pair_init(pair, PAIR_IV);
        break;
    default:
        pair_init(pair, PAIR_ALL);
    }
}

static void reset_and_init(struct pair *pair)
{
    CHECK(EVP_CIPHER_CTX_reset(pair->ours) == 1 && EVP_CIPHER_CTX_reset(pair->theirs) == 1);
    pair->has_iv = false;
    first_init(pair);
}

/* The key alone. A counter that goes from the HSM to software is what that tells of its first IV.
 */
static void change_key(struct pair *pair, unsigned mode)
{
    const struct pair_key *before = pair->key;

    pair->key = pick_key(mode);
    pair_init(pair, PAIR_KEY);
    if (mode == CTR && before != pair->key && pair->key == &keys[RAW])
        pair->has_iv = false; /* not compared */
}

/* Another message on contexts that were used before. */
static void next_init(struct pair *pair, unsigned mode)
{
    pick_iv(pair->iv);
    switch (prng_upto(&prng, 7)) {
    case 0:
        pair->key = pick_key(mode);
        pair->encrypt = prng_one_in(&prng, 2);
        pair_init(pair, PAIR_KEY | PAIR_IV | PAIR_DIRECTION);
        break;
    case 1:
        pair_init(pair, PAIR_IV);
        break;
    case 2:
        pair_init(pair, 0); /* again from the IV given last; CTR goes on counting */
        break;
    case 3:
        pair_turn(pair);
        pair_init(pair, PAIR_IV);
        break;
    case 4:
        change_key(pair, mode);
        break;
    case 5:
        pair->encrypt = prng_one_in(&prng, 2);
        pair_init(pair, PAIR_ALL);
        break;
    default:
        pair->encrypt = prng_one_in(&prng, 2);
        reset_and_init(pair);
    }
}

/* What the pair will decrypt with success: the padding must be right. */
static size_t encrypt_padded(const struct pair *pair, unsigned char *data, size_t size)
{
    unsigned char iv[16] = { 0 };
    unsigned char *out = malloc(size + 32);
    struct message message = { .cipher = EVP_CIPHER_get0_name(pair->their_cipher),
                               .key = pair->key->bytes,
                               .iv = iv,
                               .encrypt = 1,
                               .padding = 1,
                               .in = data,
                               .size = size,
                               .out = out };

    ERR_set_mark(); /* default of 3.5 leaves an entry though it succeeds */
    CHECK(out != NULL && EVP_CIPHER_CTX_get_updated_iv(pair->theirs, iv, sizeof(iv)) == 1);
    ERR_pop_to_mark();
    CHECK(message_run(context_default(), &message) == 1);
    memcpy(data, out, message.out_size);
    free(out);
    return message.out_size;
}

static size_t damage(unsigned char *data, size_t size)
{
    size_t less = prng_upto(&prng, 20);

    if (prng_one_in(&prng, 2))
        return less < size ? size - less : 0;
    if (size > 0)
        data[size - 1 - prng_upto(&prng, size < 20 ? size - 1 : 19)] ^= 0x10;
    return size;
}

/* Random data for the pair's direction and padding. */
static size_t pick_data(const struct pair *pair, size_t longest, bool whole_blocks,
                        unsigned char *data)
{
    size_t size = pick_size(longest);

    prng_fill(&prng, data, size);
    if (!pair->chained)
        return size;
    if (whole_blocks)
        return size & ~(size_t)15;
    if (pair_padding(pair) == 0)
        return prng_one_in(&prng, 4) ? size : size & ~(size_t)15;
    if (!pair->encrypt)
        size = encrypt_padded(pair, data, size);
    if (!pair->encrypt && prng_one_in(&prng, 6))
        size = damage(data, size);
    return size;
}

static void step(struct stream *stream, bool evp_cipher)
{
    size_t piece = pick_piece(stream);

    if (evp_cipher && stream->pair->chained)
        piece = piece < 16 ? stream->size - stream->consumed : piece & ~(size_t)15;
    if (stream->consumed == stream->size) {
        if (evp_cipher)
            stream->finished = true;
        else
            stream_final(stream);
    } else if (evp_cipher) {
        stream_evp_cipher(stream, piece);
    } else {
        stream_update(stream, piece);
    }
    CHECK(ERR_peek_error() == 0);
}

/* One message; in mid-stream the contexts may be copied, and then all go on in a random order. */
static void run_message(struct pair *pair, const unsigned char *data, size_t size, bool evp_cipher)
{
    struct pair copies[COPIES];
    struct stream streams[1 + COPIES];
    size_t count = 1, open = 1;
    bool abandon = prng_one_in(&prng, 8);

    stream_open(&streams[0], pair, data, size, prng_one_in(&prng, 3));
    while (open > 0) {
        size_t pick = prng_upto(&prng, count - 1);
        struct stream *stream = &streams[pick];

        if (stream->finished)
            continue;
        if (count <= COPIES && prng_one_in(&prng, 12)) {
            pair_copy(&copies[count - 1], stream->pair);
            stream_copy(&streams[count], stream, &copies[count - 1]);
            count++;
            open++;
        }
        step(stream, evp_cipher);
        if (abandon && pick == 0 && stream->consumed > size / 2)
            stream->finished = true;
        open -= stream->finished;
    }
    for (size_t i = 0; i < count; i++) {
        bytes_compared += streams[i].produced;
        stream_close(&streams[i]);
        if (i > 0)
            pair_close(streams[i].pair);
    }
}

static void run_job(unsigned mode, unsigned char *data)
{
    struct pair pair = { .our_cipher = modes[mode].ours,
                         .their_cipher = modes[mode].theirs,
                         .key = pick_key(mode),
                         .encrypt = prng_one_in(&prng, 2),
                         .chained = mode == ECB || mode == CBC };
    size_t messages = 1 + prng_upto(&prng, 4);

    pick_iv(pair.iv);
    pair_open(&pair);
    for (size_t i = 0; i < messages; i++) {
        bool evp_cipher = prng_one_in(&prng, 6);

        if (i == 0)
            first_init(&pair);
        else
            next_init(&pair, mode);
        if (prng_one_in(&prng, 3))
            pair_set_padding(&pair, prng_one_in(&prng, 2));
        pair_compare_parameters(&pair);
        run_message(&pair, data, pick_data(&pair, modes[mode].longest, evp_cipher, data),
                    evp_cipher);
    }
    pair_close(&pair);
}

static void run_mode(void **state)
{
    struct mode *mode = *state;
    const unsigned long jobs = jobs_to_run(mode->jobs, 150);
    unsigned char *data = malloc(LONGEST + 64);
    const uint64_t seed = prng_seed();
    unsigned long agreed = 0;

    if (!module_offers(mode->mechanism)) {
        printf("%s has no %s\n", module_name(), mode->mechanism);
        CHECK_HAS(name_refused(context, mode->name, "gold"), mode->mechanism);
        free(data);
        return;
    }
    CHECK(data != NULL);
    mode->ours = EVP_CIPHER_fetch(context, mode->name, NULL);
    mode->theirs = EVP_CIPHER_fetch(context_default(), mode->name, NULL);
    CHECK(mode->ours != NULL && mode->theirs != NULL);
    bytes_compared = 0;
    for (unsigned long job = 0; job < jobs; job++) {
        /* Each job has its own start, so that a failing one can be run alone. */
        prng.state = seed + job;
        run_job((unsigned)(mode - modes), data);
        agreed++;
    }
    printf("%lu bytes compared\n", bytes_compared);
    jobs_done(agreed, jobs, mode->name);
    EVP_CIPHER_free(mode->ours);
    EVP_CIPHER_free(mode->theirs);
    free(data);
}

static int group_setup(void **state)
{
    static const char *const options[KEYS] = {
        "", "", "", "", "mechanisms=ecb", "mechanisms=cbc", "mechanisms=ctr"
    };
    struct prng bytes = { 1 };
    const char *lines = "";

    if (testing_setup(state) != 0)
        return -1;
    for (size_t i = 0; i < KEYS; i++) {
        prng_fill(&bytes, keys[i].bytes, 32);
        if (i == RAW) {
            memcpy(keys[i].reference, keys[i].bytes, 32);
            continue;
        }
        reference_by_name(keys[i].reference, keys[i].name);
        lines = text("%s%s %s %s\n", lines, keys[i].name, hex(keys[i].bytes, 32),
                     module_limits_keys() ? options[i] : "");
    }
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, lines);
    context = context_with(text("%sraw-keys = software\n", settings_standard()), NULL);
    return 0;
}

static int group_teardown(void **state)
{
    OSSL_LIB_CTX_free(context);
    return testing_teardown(state);
}

int main(void)
{
    struct CMUnitTest tests[MODES];

    for (size_t i = 0; i < MODES; i++)
        tests[i] = (struct CMUnitTest){ modes[i].name, run_mode, NULL, NULL, &modes[i] };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
