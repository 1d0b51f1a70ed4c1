/*
 * The messages that faults-every.c encrypts, decrypts and authenticates: each in full and right, or
 * refused, and then nothing but right bytes was given out.
 */
#include "every.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rand.h>

enum { MOST = 3000, ROOM = MOST + 64, TAG = 16, MESSAGES = 3, WRAPPED = 40 };
enum { LONG = 1100000 }; /* more than what is kept of the data of a MAC */

const char *const operation_names[OPERATIONS] = {
    "CBC encrypt", "CBC decrypt", "CTR encrypt", "CTR decrypt", "GCM encrypt",
    "GCM decrypt", "CMAC",        "key wrap",    "random",
};
enum { GCM = 2, CMAC = 6, WRAP, RANDOM };

static const char *const ciphers[] = { "AES-256-CBC", "AES-256-CTR", "AES-256-GCM" };
static const unsigned char iv[16] = "initial vector16", aad[20] = "not a secret, though";

/* Alone; in three updates; on what runs by then. */
static const struct shape {
    int size, piece;
} shapes[MESSAGES] = { { 80, 80 }, { 96, 32 }, { MOST - MOST % 16, 1024 } };

static unsigned char plain[MOST], reference[32], key[32];
static struct expected {
    unsigned char bytes[ROOM], tag[TAG];
} sealed[3][MESSAGES];
static unsigned char long_data[LONG], mac[MESSAGES][TAG], wrapped[WRAPPED + 8];

/* ---- one message ---- */

struct job {
    const char *cipher;
    const unsigned char *key, *in;
    bool encrypt, gcm;
    struct shape shape;
    unsigned char out[ROOM], tag[TAG];
    int given;
};

static int final(EVP_CIPHER_CTX *ctx, struct job *job)
{
    unsigned char none[TAG];
    int size;

    if (job->gcm && !job->encrypt &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, job->tag) != 1)
        return 0;
    if (EVP_CipherFinal_ex(ctx, none, &size) != 1)
        return 0;
    return !job->gcm || !job->encrypt ||
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, job->tag) == 1;
}

static int updates(EVP_CIPHER_CTX *ctx, struct job *job)
{
    int size;

    if (job->gcm && EVP_CipherUpdate(ctx, NULL, &size, aad, sizeof(aad)) != 1)
        return 0;
    /* A message in one update is decrypted at once where its tag is known. */
    if (job->gcm && !job->encrypt && job->shape.piece == job->shape.size &&
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, job->tag) != 1)
        return 0;
    for (int at = 0, piece; at < job->shape.size; at += piece) {
        piece = job->shape.size - at < job->shape.piece ? job->shape.size - at : job->shape.piece;
        if (EVP_CipherUpdate(ctx, job->out + job->given, &size, job->in + at, piece) != 1)
            return 0;
        job->given += size;
    }
    return 1;
}

static int run(OSSL_LIB_CTX *context, struct job *job)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, job->cipher, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int ok;

    blank_fill(job->out, sizeof(job->out));
    job->given = 0;
    ok = cipher != NULL && ctx != NULL &&
         EVP_CipherInit_ex2(ctx, cipher, job->key, iv, job->encrypt, NULL) == 1 &&
         EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 && updates(ctx, job) == 1 && final(ctx, job) == 1;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok;
}

/* ---- what became of it ---- */

static void count(struct outcome *outcome, int ok, bool right)
{
    outcome->done += ok == 1;
    outcome->refused += ok != 1;
    outcome->wrong += !right;
    outcome->wordless += (ok == 1) != (ERR_peek_error() == 0);
    if (ok != 1)
        outcome->words = error_text();
    /* Words are more than a number. */
    outcome->wordless += ok != 1 && strstr(outcome->words, " ") == NULL;
}

static bool is_right(const struct job *job, int ok, const unsigned char *expected)
{
    return memcmp(job->out, expected, (size_t)job->given) == 0 &&
           still_blank(job->out + job->given, sizeof(job->out) - (size_t)job->given) &&
           (ok != 1 || job->given == job->shape.size);
}

static struct job job_of(unsigned operation, unsigned message, const unsigned char *with)
{
    const unsigned mode = operation / 2;
    struct job job = { .cipher = ciphers[mode],
                       .key = with,
                       .encrypt = operation % 2 == 0,
                       .gcm = mode == GCM,
                       .shape = shapes[message] };

    job.in = job.encrypt ? plain : sealed[mode][message].bytes;
    if (!job.encrypt)
        memcpy(job.tag, sealed[mode][message].tag, TAG);
    return job;
}

static void one(OSSL_LIB_CTX *context, unsigned operation, unsigned i, struct outcome *outcome)
{
    struct job job = job_of(operation, i, reference);
    const struct expected *expected = &sealed[operation / 2][i];
    const int ok = run(context, &job);
    bool right = is_right(&job, ok, job.encrypt ? expected->bytes : plain);

    if (ok == 1 && job.gcm)
        right = right && memcmp(job.tag, expected->tag, TAG) == 0;
    count(outcome, ok, right);
}

static void encipher(OSSL_LIB_CTX *context, unsigned operation, struct outcome *outcome)
{
    for (unsigned i = 0; i < MESSAGES; i++)
        one(context, operation, i, outcome);
    /* Where there is one session, its operation must be ended for another. */
    one(context, (operation + 2) % 4, 0, outcome);
}

/* ---- the others ---- */

static int mac_message(OSSL_LIB_CTX *context, const unsigned char *with, unsigned i,
                       struct mac_message *message)
{
    *message = (struct mac_message){ .mac = "CMAC",
                                     .algorithm = "AES-256-CBC",
                                     .key = with,
                                     .key_size = 32,
                                     .in = long_data,
                                     .size = (size_t)shapes[i].size,
                                     .piece = (size_t)shapes[i].piece };
    if (i == MESSAGES - 1) {
        message->size = LONG;
        message->piece = LONG / 2;
    }
    blank_fill(message->out, sizeof(message->out));
    return mac_run(context, message);
}

static void authenticate(OSSL_LIB_CTX *context, struct outcome *outcome)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct mac_message message;
        const int ok = mac_message(context, reference, i, &message);

        count(outcome, ok,
              ok == 1 ? message.out_size == TAG && memcmp(message.out, mac[i], TAG) == 0
                      : still_blank(message.out, sizeof(message.out)));
    }
}

static int wrap_message(OSSL_LIB_CTX *context, const unsigned char *with, struct message *message,
                        unsigned char *out)
{
    *message = (struct message){ .cipher = "AES-256-WRAP",
                                 .key = with,
                                 .encrypt = 1,
                                 .in = plain,
                                 .size = WRAPPED,
                                 .out = out };
    blank_fill(out, ROOM);
    return message_run(context, message);
}

static void wrap(OSSL_LIB_CTX *context, struct outcome *outcome)
{
    unsigned char out[ROOM];

    for (unsigned i = 0; i < MESSAGES; i++) {
        struct message message;
        const int ok = wrap_message(context, reference, &message, out);

        count(outcome, ok,
              ok == 1 ? message.out_size == sizeof(wrapped) &&
                            memcmp(out, wrapped, sizeof(wrapped)) == 0
                      : still_blank(out, sizeof(out)));
    }
}

static void draw(OSSL_LIB_CTX *context, struct outcome *outcome)
{
    for (unsigned i = 0; i < MESSAGES; i++) {
        EVP_RAND *algorithm = EVP_RAND_fetch(context, "HSMZKE-RAND", NULL);
        EVP_RAND_CTX *ctx = EVP_RAND_CTX_new(algorithm, NULL);
        unsigned char out[64];
        int ok;

        blank_fill(out, sizeof(out));
        ok = EVP_RAND_instantiate(ctx, 256, 0, NULL, 0, NULL) == 1 &&
             EVP_RAND_generate(ctx, out, sizeof(out), 256, 0, NULL, 0) == 1;
        count(outcome, ok, still_blank(out, sizeof(out)) == (ok != 1));
        EVP_RAND_CTX_free(ctx);
        EVP_RAND_free(algorithm);
    }
}

struct outcome work(OSSL_LIB_CTX *context, unsigned operation)
{
    struct outcome outcome = { .words = "" };

    if (operation < ASKED_FOR)
        encipher(context, operation, &outcome);
    else if (operation == CMAC)
        authenticate(context, &outcome);
    else if (operation == WRAP)
        wrap(context, &outcome);
    else
        draw(context, &outcome);
    return outcome;
}

void work_prepare(void)
{
    unsigned char out[ROOM];

    reference_by_name(reference, "gold");
    unhex(GOLD_KEY, key, sizeof(key));
    for (size_t i = 0; i < MOST; i++)
        plain[i] = (unsigned char)(i * 29 + i / 256 + 1);
    memset(long_data, 'l', LONG);
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct mac_message authenticated;

        for (unsigned mode = 0; mode <= GCM; mode++) {
            struct job job = job_of(2 * mode, i, key);

            CHECK(run(context_default(), &job) == 1);
            memcpy(sealed[mode][i].bytes, job.out, sizeof(job.out));
            memcpy(sealed[mode][i].tag, job.tag, TAG);
        }
        CHECK(mac_message(context_default(), key, i, &authenticated) == 1);
        memcpy(mac[i], authenticated.out, TAG);
    }
    CHECK(wrap_message(context_default(), key, &(struct message){ 0 }, out) == 1);
    memcpy(wrapped, out, sizeof(wrapped));
}
