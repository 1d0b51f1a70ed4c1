/*
 * EVP's calls in any order and size, on a context of hsmzke over the fake HSM and on one of the
 * default provider: ECB, CBC, CTS, CTR, CFB, OFB and key wrap.  Keys are references, and raw keys
 * between them.  Every call returns the same and writes the same.  A call during which the HSM
 * fails changes nothing and can be made again.
 *
 * Left out is what the default provider does nothing sensible with (tests/conformance/random.c).
 */
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "evp.h"

enum { STEPS = 40, MOST = 2000, ROOM = MOST + 64, BLANK = 0xb1 };

static const struct mode {
    const char *name;
    bool schedule; /* its key has a direction: default wants it again when that changes */
    bool no_iv;
    bool padded; /* and EVP_Cipher() takes whole blocks only */
    bool wraps;
    bool counts; /* OSSL_CIPHER_PARAM_NUM means something */
    bool counter;
    size_t most; /* some take a call for each byte or bit */
} modes[] = {
    { "AES-256-ECB", true, true, true, false, false, false, MOST },
    { "AES-256-CBC", true, false, true, false, false, false, MOST },
    { "AES-256-CBC-CTS", true, false, false, false, false, false, MOST },
    { "AES-256-CTR", false, false, false, false, false, true, MOST },
    { "AES-256-CFB", false, false, false, false, true, false, 600 },
    { "AES-256-CFB8", false, false, false, false, false, false, 80 },
    { "AES-256-CFB1", false, false, false, false, false, false, 40 },
    { "AES-256-OFB", false, false, false, false, true, false, 600 },
    { "AES-256-WRAP", true, true, false, true, false, false, 300 },
    { "AES-256-WRAP-PAD", true, true, false, true, false, false, 300 },
    { "AES-256-WRAP-INV", true, true, false, true, false, false, 300 },
    { "AES-256-WRAP-PAD-INV", true, true, false, true, false, false, 300 },
};

/* Two contexts, and as much of their state as decides which calls make sense. */
struct pair {
    const struct mode *mode;
    struct input *input;
    EVP_CIPHER *our_cipher, *their_cipher;
    EVP_CIPHER_CTX *ours, *theirs;
    bool silver, encrypt, has_iv, over;
    bool raw;        /* ours has the key itself, for software */
    bool first_lost; /* which IV came first: a counter that goes to software does not tell it */
    bool breaks;     /* the HSM fails at the next call's first try */
    unsigned char iv[16];
    size_t waiting;           /* what went in and did not come out */
    unsigned char past[ROOM]; /* what came out since the last init, to be put in again */
    size_t past_size;
};

static void open_pair(struct pair *pair)
{
    pair->ours = EVP_CIPHER_CTX_new();
    pair->theirs = EVP_CIPHER_CTX_new();
    EXPECT(pair->ours != NULL && pair->theirs != NULL);
    EVP_CIPHER_CTX_set_flags(pair->ours, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    EVP_CIPHER_CTX_set_flags(pair->theirs, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
}

static void close_pair(struct pair *pair)
{
    EVP_CIPHER_CTX_free(pair->ours);
    EVP_CIPHER_CTX_free(pair->theirs);
}

enum { GIVE_CIPHER = 1, GIVE_KEY = 2, GIVE_IV = 4, GIVE_DIRECTION = 8, GIVE_ALL = 15 };

static void init_one(const struct pair *pair, bool ours, unsigned int what)
{
    const EVP_CIPHER *cipher = ours ? pair->our_cipher : pair->their_cipher;
    const unsigned char *key = pair->silver ? fake_silver : fake_gold;

    if (ours && !pair->raw)
        key = evp_reference(pair->silver ? "silver" : "gold");
    EXPECT(EVP_CipherInit_ex2(ours ? pair->ours : pair->theirs, what & GIVE_CIPHER ? cipher : NULL,
                              what & GIVE_KEY ? key : NULL, what & GIVE_IV ? pair->iv : NULL,
                              what & GIVE_DIRECTION ? pair->encrypt : -1, NULL) == 1);
}

static void init(struct pair *pair, unsigned int what)
{
    if (what & GIVE_IV)
        input_fill(pair->input, pair->iv, sizeof(pair->iv));
    init_one(pair, true, what);
    init_one(pair, false, what);
    /* A cipher that is given makes the context anew. */
    pair->has_iv = what & GIVE_IV || (pair->has_iv && !(what & GIVE_CIPHER));
    pair->first_lost = pair->first_lost && !(what & GIVE_IV);
    pair->over = false;
    pair->waiting = 0;
}

/* The direction changes, and the key is not given again. */
static void turn(struct pair *pair)
{
    pair->encrypt = !pair->encrypt;
    init_one(pair, true, GIVE_DIRECTION | (pair->mode->schedule && pair->raw ? GIVE_KEY : 0));
    init_one(pair, false, GIVE_DIRECTION | (pair->mode->schedule ? GIVE_KEY : 0));
    pair->over = false;
    pair->waiting = 0;
}

/* What goes into both contexts, and comes out: room is what EVP asks of a program, and no more. */
struct buffers {
    unsigned char *in, *ours, *theirs;
    size_t size, room;
    size_t at; /* in place: in what comes out, behind what waits */
    bool in_place;
};

static struct buffers buffers_new(struct pair *pair, bool whole)
{
    struct buffers buffers = { .in_place = input_byte(pair->input) & 1, .at = pair->waiting };
    const size_t kind = input_upto(pair->input, 9);

    if (kind == 0 && pair->past_size <= pair->mode->most)
        buffers.size = pair->past_size;
    else
        buffers.size =
            input_upto(pair->input, kind < 8 && pair->mode->most > 100 ? 100 : pair->mode->most);
    if (whole || kind == 1)
        buffers.size &= ~(size_t)15;
    buffers.room = buffers.size + 2 * 16;
    buffers.in = malloc(buffers.room);
    buffers.ours = malloc(buffers.room);
    buffers.theirs = malloc(buffers.room);
    EXPECT(buffers.in != NULL && buffers.ours != NULL && buffers.theirs != NULL);
    memset(buffers.ours, BLANK, buffers.room);
    memset(buffers.theirs, BLANK, buffers.room);
    for (size_t i = 0; i < buffers.size; i++)
        buffers.in[i] = (unsigned char)(i * 3);
    input_fill(pair->input, buffers.in, buffers.size < 2 ? buffers.size : 2);
    if (kind == 0 && buffers.size <= pair->past_size)
        memcpy(buffers.in, pair->past, buffers.size);
    if (buffers.in_place) {
        memcpy(buffers.ours + buffers.at, buffers.in, buffers.size);
        memcpy(buffers.theirs + buffers.at, buffers.in, buffers.size);
    }
    return buffers;
}

static void buffers_free(struct buffers *buffers)
{
    free(buffers->in);
    free(buffers->ours);
    free(buffers->theirs);
}

static void keep(struct pair *pair, const unsigned char *out, size_t size)
{
    if (pair->past_size + size > MOST)
        pair->past_size = 0;
    memcpy(pair->past + pair->past_size, out, size);
    pair->past_size += size;
}

/* What one call did. */
struct outcome {
    int result, size;
};

typedef struct outcome call_fn(EVP_CIPHER_CTX *ctx, unsigned char *out, const unsigned char *in,
                               size_t size);

static struct outcome call_update(EVP_CIPHER_CTX *ctx, unsigned char *out, const unsigned char *in,
                                  size_t size)
{
    struct outcome outcome = { .size = 0 };

    outcome.result = EVP_CipherUpdate(ctx, out, &outcome.size, in, (int)size);
    return outcome;
}

static struct outcome call_final(EVP_CIPHER_CTX *ctx, unsigned char *out, const unsigned char *in,
                                 size_t size)
{
    struct outcome outcome = { .size = 0 };

    (void)in, (void)size;
    outcome.result = EVP_CipherFinal_ex(ctx, out, &outcome.size);
    return outcome;
}

static struct outcome call_cipher(EVP_CIPHER_CTX *ctx, unsigned char *out, const unsigned char *in,
                                  size_t size)
{
    const int result = EVP_Cipher(ctx, out, in, (unsigned int)size);

    return (struct outcome){ result, result > 0 ? result : 0 };
}

/* With a raw key the words are the default provider's, which has not always any. */
static void expect_error(const struct pair *pair)
{
    if (pair->raw)
        ERR_clear_error();
    else
        evp_expect_error();
}

/*
 * Ours, while the HSM fails: nothing may come of it but a call that needed no HSM.
 * @return whether it went well
 */
static bool try_broken(struct pair *pair, call_fn *call, struct buffers *buffers,
                       struct outcome *ours)
{
    const unsigned char *in = buffers->in_place ? buffers->ours + buffers->at : buffers->in;
    EVP_CIPHER_CTX *before = EVP_CIPHER_CTX_new();
    unsigned char iv[2][16] = { { 0 } };

    EXPECT(before != NULL && EVP_CIPHER_CTX_copy(before, pair->ours) == 1);
    fake.broken = true;
    *ours = call(pair->ours, buffers->ours, in, buffers->size);
    fake.broken = pair->breaks = false;
    if (ours->result <= 0) {
        evp_expect_error();
        for (size_t i = 0; !buffers->in_place && i < buffers->room; i++)
            EXPECT(buffers->ours[i] == BLANK || buffers->ours[i] == 0);
        EXPECT(EVP_CIPHER_CTX_get_num(before) == EVP_CIPHER_CTX_get_num(pair->ours));
        EXPECT(!pair->has_iv ||
               (EVP_CIPHER_CTX_get_updated_iv(before, iv[0], sizeof(iv[0])) == 1 &&
                EVP_CIPHER_CTX_get_updated_iv(pair->ours, iv[1], sizeof(iv[1])) == 1));
        EXPECT(memcmp(iv[0], iv[1], sizeof(iv[0])) == 0);
        memset(buffers->ours, BLANK, buffers->room);
        if (buffers->in_place)
            memcpy(buffers->ours + buffers->at, buffers->in, buffers->size);
    }
    EVP_CIPHER_CTX_free(before);
    return ours->result > 0;
}

static void run_both(struct pair *pair, call_fn *call, struct buffers *buffers)
{
    const bool in_place = buffers->in_place;
    struct outcome ours = { 0, 0 }, theirs;

    pair->breaks = pair->breaks && !pair->raw; /* which asks no HSM */
    if (!pair->breaks || !try_broken(pair, call, buffers, &ours))
        ours = call(pair->ours, buffers->ours, in_place ? buffers->ours + buffers->at : buffers->in,
                    buffers->size);
    if (ours.result <= 0)
        expect_error(pair);
    EXPECT(ERR_peek_error() == 0);
    theirs = call(pair->theirs, buffers->theirs,
                  in_place ? buffers->theirs + buffers->at : buffers->in, buffers->size);
    ERR_clear_error();
    fuzz_trace("%s, %s, %zu bytes: %d, %d; default: %d, %d\n", pair->mode->name,
               pair->encrypt ? "encryption" : "decryption", buffers->size, ours.result, ours.size,
               theirs.result, theirs.size);
    EXPECT(ours.result == theirs.result && ours.size == theirs.size);
    if (theirs.result <= 0) {
        pair->over = true;
        return;
    }
    EXPECT(memcmp(buffers->ours, buffers->theirs, (size_t)theirs.size) == 0);
    keep(pair, buffers->theirs, (size_t)theirs.size);
    /* OpenSSL 4.0 wants an init for each message. */
    pair->over = pair->mode->wraps && OPENSSL_version_major() >= 4;
    if (pair->mode->padded && call == call_update)
        pair->waiting += buffers->size - (size_t)theirs.size;
}

static bool makes_sense(const struct pair *pair)
{
    return !pair->over && (pair->has_iv || pair->mode->no_iv);
}

static void update(struct pair *pair, call_fn *call)
{
    struct buffers buffers = buffers_new(pair, call == call_cipher && pair->mode->schedule);

    if (makes_sense(pair) && !(call == call_cipher && (buffers.size == 0 || pair->mode->wraps)))
        run_both(pair, call, &buffers);
    buffers_free(&buffers);
}

static void final(struct pair *pair)
{
    struct buffers buffers = buffers_new(pair, false);

    buffers.size = 0;
    buffers.in_place = false;
    memset(buffers.ours, BLANK, buffers.room);
    if (makes_sense(pair)) {
        run_both(pair, call_final, &buffers);
        pair->waiting = 0;
        pair->over = pair->over || OPENSSL_version_major() >= 4;
    }
    buffers_free(&buffers);
}

/* A copy takes the place of the original, or of nothing. */
static void copy(struct pair *pair)
{
    struct pair fresh = *pair;

    open_pair(&fresh);
    EXPECT(EVP_CIPHER_CTX_copy(fresh.ours, pair->ours) == 1);
    EXPECT(EVP_CIPHER_CTX_copy(fresh.theirs, pair->theirs) == 1);
    if (input_byte(pair->input) & 1) {
        close_pair(pair);
        *pair = fresh;
    } else {
        update(&fresh, call_update);
        close_pair(&fresh);
    }
}

static void set_padding(struct pair *pair)
{
    const int padding = input_byte(pair->input) & 1;

    if (!pair->mode->padded)
        return;
    EXPECT(EVP_CIPHER_CTX_set_padding(pair->ours, padding) ==
           EVP_CIPHER_CTX_set_padding(pair->theirs, padding));
}

static void set_stealing(struct pair *pair)
{
    static const char *const kinds[] = { "CS1", "CS2", "CS3" };
    char *kind = exact(kinds[input_upto(pair->input, 2)], 4);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_CIPHER_PARAM_CTS_MODE, kind, 0),
        OSSL_PARAM_construct_end(),
    };

    if (strcmp(pair->mode->name, "AES-256-CBC-CTS") == 0)
        EXPECT(EVP_CIPHER_CTX_set_params(pair->ours, params) == 1 &&
               EVP_CIPHER_CTX_set_params(pair->theirs, params) == 1);
    free(kind);
}

static void set_num(struct pair *pair)
{
    const int num = (int)input_upto(pair->input, 15);

    if (pair->mode->counts)
        EXPECT(EVP_CIPHER_CTX_set_num(pair->ours, num) ==
               EVP_CIPHER_CTX_set_num(pair->theirs, num));
}

static void compare(const struct pair *pair)
{
    unsigned char iv[4][16] = { { 0 } };

    EXPECT(EVP_CIPHER_CTX_get_num(pair->ours) == EVP_CIPHER_CTX_get_num(pair->theirs));
    EXPECT(EVP_CIPHER_CTX_get_iv_length(pair->ours) == EVP_CIPHER_CTX_get_iv_length(pair->theirs));
    EXPECT(EVP_CIPHER_CTX_get_block_size(pair->ours) ==
           EVP_CIPHER_CTX_get_block_size(pair->theirs));
    if (pair->has_iv && !pair->mode->no_iv) {
        EXPECT(EVP_CIPHER_CTX_get_original_iv(pair->ours, iv[0], 16) ==
               EVP_CIPHER_CTX_get_original_iv(pair->theirs, iv[1], 16));
        EXPECT(EVP_CIPHER_CTX_get_updated_iv(pair->ours, iv[2], 16) ==
               EVP_CIPHER_CTX_get_updated_iv(pair->theirs, iv[3], 16));
        EXPECT((pair->first_lost || memcmp(iv[0], iv[1], 16) == 0) &&
               memcmp(iv[2], iv[3], 16) == 0);
    }
    ERR_clear_error();
}

static void reset(struct pair *pair)
{
    EXPECT(EVP_CIPHER_CTX_reset(pair->ours) == 1 && EVP_CIPHER_CTX_reset(pair->theirs) == 1);
    EVP_CIPHER_CTX_set_flags(pair->ours, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    EVP_CIPHER_CTX_set_flags(pair->theirs, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    pair->has_iv = false;
    init(pair, GIVE_ALL);
}

static void init_some(struct pair *pair)
{
    static const unsigned int what[] = { GIVE_ALL, GIVE_KEY | GIVE_IV | GIVE_DIRECTION,
                                         GIVE_IV,  0,
                                         GIVE_KEY, GIVE_ALL & ~GIVE_IV };
    const unsigned int pick = what[input_upto(pair->input, 5)];
    const unsigned int byte = input_byte(pair->input);

    if (pick & GIVE_DIRECTION)
        pair->encrypt = byte & 1;
    if (pick & GIVE_KEY) {
        pair->silver = byte & 2;
        pair->first_lost = pair->first_lost || (pair->mode->counter && !pair->raw && byte & 4);
        pair->raw = byte & 4;
    }
    init(pair, pick);
}

static void step(struct pair *pair)
{
    switch (input_upto(pair->input, 15)) {
    case 0:
    case 1:
    case 2:
    case 3:
        update(pair, call_update);
        break;
    case 4:
        update(pair, call_cipher);
        break;
    case 5:
    case 6:
        final(pair);
        break;
    case 7:
    case 8:
        init_some(pair);
        break;
    case 9:
        turn(pair);
        break;
    case 10:
        copy(pair);
        break;
    case 11:
        set_padding(pair);
        break;
    case 12:
        set_stealing(pair);
        break;
    case 13:
        set_num(pair);
        break;
    case 14:
        pair->breaks = true;
        break;
    default:
        reset(pair);
    }
    compare(pair);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    struct pair pair = { .input = &input };
    unsigned int what;

    evp_reset(EVP_AUTO);
    pair.mode = &modes[input_upto(&input, sizeof(modes) / sizeof(modes[0]) - 1)];
    what = input_byte(&input);
    fake.no_ecb = what & 1 && pair.mode->name[8] == 'C' && pair.mode->name[9] != 'F';
    fake.natives = what & 2;
    fake.buffers = what & 4;
    pair.encrypt = what & 8;
    pair.our_cipher = evp_cipher(EVP_AUTO, pair.mode->name);
    pair.their_cipher = evp_default_cipher(pair.mode->name);
    open_pair(&pair);
    init(&pair, GIVE_ALL);
    for (int i = 0; i < STEPS && input.left > 0; i++)
        step(&pair);
    close_pair(&pair);
    return 0;
}
