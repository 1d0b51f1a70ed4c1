/*
 * Random AES-256-GCM messages through two contexts, hsmzke's and default's, which must agree in
 * every byte, length and return value; with the module under test as it is, and with one that
 * does not stream.  HSMZKE_TEST_SEED repeats a run, HSMZKE_TEST_JOBS sets its length.
 *
 * Left out because hsmzke is stricter: an IV that has not 12 bytes gets one update of data, after
 * the tag, and there a forged message may fail at the update instead of at final.
 */
#include "gcm-messages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum { KEYS = 3, COPIES = 2, GCM_ONLY = 2 };
enum { OURS, THEIRS, SIDES };

static const char *const options[KEYS] = { "", "mechanisms=gcm,ctr", "mechanisms=gcm" };
static const char *const names[KEYS] = { "free", "gcm-ctr", "gcm-only" };
static unsigned char keys[KEYS][SIDES][32];
static EVP_CIPHER *ciphers[SIDES];
static struct prng prng;
static unsigned long messages, copies_made, forged_messages, bytes_compared;

/* A message on its way through the two contexts. */
struct run {
    EVP_CIPHER_CTX *ctx[SIDES];
    unsigned char *out[SIDES];
    size_t aad_done, done;
    bool tag_set, refused, finished;
};

static unsigned char *allocate(size_t size)
{
    unsigned char *memory = malloc(size + 1);

    CHECK(memory != NULL);
    return memory;
}

/* The same call on both. @return whether it went well; only ours may refuse, if `may_refuse` */
static bool update(struct run *run, const struct message_of *message, bool aad, size_t at, size_t n,
                   bool may_refuse)
{
    int result[SIDES], written[SIDES] = { 0, 0 };

    for (int i = 0; i < SIDES; i++) {
        unsigned char *out = aad ? NULL : run->out[i] + at;
        const unsigned char *in = aad ? message->aad + at : message->in + at;

        if (!aad && message->in_place)
            in = out;
        if (message->evp_cipher && n > 0) {
            written[i] = EVP_Cipher(run->ctx[i], out, in, (unsigned)n);
            result[i] = written[i] >= 0;
        } else {
            result[i] = EVP_CipherUpdate(run->ctx[i], out, &written[i], in, (int)n);
        }
    }
    CHECK(result[THEIRS] == 1 && (size_t)written[THEIRS] == n);
    if (result[OURS] != 1) {
        CHECK(may_refuse && *error_text() != '\0');
        return false;
    }
    CHECK(written[OURS] == written[THEIRS] && ERR_peek_error() == 0);
    if (!aad)
        CHECK(memcmp(run->out[OURS] + at, run->out[THEIRS] + at, n) == 0);
    bytes_compared += n;
    return true;
}

static void set_tag(struct run *run, const struct message_of *message)
{
    unsigned char tag[16];

    memcpy(tag, message->tag, sizeof(tag));
    for (int i = 0; i < SIDES; i++)
        CHECK(EVP_CIPHER_CTX_ctrl(run->ctx[i], EVP_CTRL_AEAD_SET_TAG, (int)message->tag_size,
                                  tag) == 1);
    run->tag_set = true;
}

static void end(struct run *run, const struct message_of *message)
{
    unsigned char tag[SIDES][16] = { { 0 } }, none[16];
    const bool good = !message->forged;
    int size = -1;

    if (!message->encrypt && !run->tag_set)
        set_tag(run, message);
    if (message->encrypt)
        CHECK(EVP_CIPHER_CTX_ctrl(run->ctx[OURS], EVP_CTRL_AEAD_GET_TAG, 16, none) == 0);
    ERR_clear_error();
    for (int i = 0; i < SIDES; i++) {
        if (run->refused && i == OURS)
            continue;
        if (message->evp_cipher)
            CHECK((EVP_Cipher(run->ctx[i], NULL, NULL, 0) == 0) == good);
        else
            CHECK(EVP_CipherFinal_ex(run->ctx[i], none, &size) == good && size <= 0);
        if (message->encrypt)
            CHECK(EVP_CIPHER_CTX_ctrl(run->ctx[i], EVP_CTRL_AEAD_GET_TAG, (int)message->tag_size,
                                      tag[i]) == 1);
    }
    CHECK(good == (ERR_peek_error() == 0) || run->refused);
    ERR_clear_error();
    CHECK(memcmp(tag[OURS], tag[THEIRS], sizeof(tag[OURS])) == 0);
    /* An IV that was used is not used again. */
    CHECK(EVP_CipherUpdate(run->ctx[OURS], none, &size, none, 16) == 0);
    ERR_clear_error();
    run->finished = true;
}

static size_t pick_piece(size_t left)
{
    const size_t limits[] = { 0, 1, 15, 16, 33, 100, 5000, 70000, LONGEST, LONGEST };
    size_t piece = prng_upto(&prng, limits[prng_upto(&prng, 9)]) + left / 50;

    return piece < left ? piece : left;
}

static void step(struct run *run, const struct message_of *message)
{
    size_t piece;

    if (!message->encrypt && !run->tag_set && (message->tag_first || prng_one_in(&prng, 6))) {
        set_tag(run, message);
    } else if (run->aad_done < message->aad_size) {
        piece = pick_piece(message->aad_size - run->aad_done);
        update(run, message, true, run->aad_done, piece, false);
        run->aad_done += piece;
    } else if (run->done < message->size && !run->refused) {
        piece = message->single ? message->size : pick_piece(message->size - run->done);
        run->refused =
            !update(run, message, false, run->done, piece, message->forged && message->single);
        run->done += piece;
    } else {
        end(run, message);
    }
}

static void open_run(struct run *run, const struct message_of *message, EVP_CIPHER_CTX *const *ctx)
{
    *run = (struct run){ .ctx = { ctx[OURS], ctx[THEIRS] } };
    for (int i = 0; i < SIDES; i++) {
        run->out[i] = allocate(message->size);
        if (message->in_place)
            memcpy(run->out[i], message->in, message->size);
    }
}

static void copy_run(struct run *to, const struct run *from, const struct message_of *message)
{
    *to = *from;
    for (int i = 0; i < SIDES; i++) {
        to->ctx[i] = EVP_CIPHER_CTX_new();
        CHECK(to->ctx[i] != NULL && EVP_CIPHER_CTX_copy(to->ctx[i], from->ctx[i]) == 1);
        to->out[i] = allocate(message->size);
        memcpy(to->out[i], from->out[i], message->size);
    }
    copies_made++;
}

/* In mid-message the contexts may be copied, and then all go on in a random order. */
static void run_message(EVP_CIPHER_CTX *const *ctx, const struct message_of *message)
{
    struct run runs[1 + COPIES];
    size_t count = 1, open = 1;
    const bool abandon = prng_one_in(&prng, 10);

    open_run(&runs[0], message, ctx);
    while (open > 0) {
        const size_t pick = prng_upto(&prng, count - 1);

        if (runs[pick].finished)
            continue;
        if (count <= COPIES && prng_one_in(&prng, 10)) {
            copy_run(&runs[count++], &runs[pick], message);
            open++;
        }
        step(&runs[pick], message);
        if (abandon && pick == 0 && runs[0].done > message->size / 2)
            runs[0].finished = true;
        open -= runs[pick].finished;
    }
    for (size_t i = 0; i < count; i++) {
        for (int j = 0; j < SIDES; j++) {
            free(runs[i].out[j]);
            if (i > 0)
                EVP_CIPHER_CTX_free(runs[i].ctx[j]);
        }
    }
    messages++;
}

static void pick_message(struct message_of *message)
{
    gcm_message_draw(message, &prng, ciphers[THEIRS], keys[message->key][THEIRS],
                     message->key == GCM_ONLY);
    forged_messages += message->forged;
}

/* Init in one of the ways in which programs do it; `used`: not the first on this context. */
static void init(EVP_CIPHER_CTX *const *ctx, const struct message_of *message, bool used)
{
    const size_t way = prng_upto(&prng, 2);

    for (int i = 0; i < SIDES; i++) {
        const unsigned char *key = keys[message->key][i];
        const int encrypt = message->encrypt, size = (int)message->iv_size;

        if (!used || way == 0)
            CHECK(EVP_CipherInit_ex2(ctx[i], ciphers[i], NULL, NULL, encrypt, NULL) == 1);
        CHECK(EVP_CIPHER_CTX_ctrl(ctx[i], EVP_CTRL_AEAD_SET_IVLEN, size, NULL) == 1);
        if (used && way == 1) {
            CHECK(EVP_CipherInit_ex2(ctx[i], NULL, NULL, message->iv, encrypt, NULL) == 1);
        } else if (way == 2) {
            CHECK(EVP_CipherInit_ex2(ctx[i], NULL, key, NULL, encrypt, NULL) == 1);
            CHECK(EVP_CipherInit_ex2(ctx[i], NULL, NULL, message->iv, -1, NULL) == 1);
        } else {
            CHECK(EVP_CipherInit_ex2(ctx[i], NULL, key, message->iv, encrypt, NULL) == 1);
        }
    }
    CHECK(EVP_CIPHER_CTX_get_iv_length(ctx[OURS]) == EVP_CIPHER_CTX_get_iv_length(ctx[THEIRS]));
}

/* An encryption whose IVs are put together from fixed and counting parts. */
static void invocations(struct message_of *message)
{
    EVP_CIPHER_CTX *ctx[SIDES] = { EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_new() };
    const int size = 1 + (int)prng_upto(&prng, 11);

    message->encrypt = true;
    message->forged = false;
    message->iv_size = 12;
    for (int i = 0; i < SIDES; i++) {
        CHECK(EVP_EncryptInit_ex2(ctx[i], ciphers[i], keys[message->key][i], NULL, NULL) == 1);
        CHECK(EVP_CIPHER_CTX_ctrl(ctx[i], EVP_CTRL_GCM_SET_IV_FIXED, -1, message->iv) == 1);
    }
    for (int round = 0; round < 3; round++) {
        unsigned char last[SIDES][12] = { { 0 } };

        for (int i = 0; i < SIDES; i++)
            CHECK(EVP_CIPHER_CTX_ctrl(ctx[i], EVP_CTRL_GCM_IV_GEN, size, last[i]) == 1);
        CHECK(memcmp(last[OURS], last[THEIRS], 12) == 0);
        run_message(ctx, message);
    }
    EVP_CIPHER_CTX_free(ctx[OURS]);
    EVP_CIPHER_CTX_free(ctx[THEIRS]);
}

static void run_job(struct message_of *message)
{
    EVP_CIPHER_CTX *ctx[SIDES] = { EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_new() };
    const size_t count = 1 + prng_upto(&prng, 3);

    message->key = prng_upto(&prng, KEYS - 1);
    for (size_t i = 0; i < count; i++) {
        pick_message(message);
        init(ctx, message, i > 0);
        run_message(ctx, message);
    }
    if (prng_one_in(&prng, 4)) {
        pick_message(message);
        invocations(message);
    }
    EVP_CIPHER_CTX_free(ctx[OURS]);
    EVP_CIPHER_CTX_free(ctx[THEIRS]);
}

struct plan {
    const char *settings, *what;
    unsigned long jobs;
};

static void run_jobs(void *argument)
{
    const struct plan *plan = argument;
    OSSL_LIB_CTX *context = context_with(plan->settings, NULL);
    unsigned long job = 0;
    struct message_of *message = keep(sizeof(*message));
    const uint64_t seed = prng_seed();

    message->in = keep(LONGEST);
    ciphers[OURS] = EVP_CIPHER_fetch(context, "AES-256-GCM", NULL);
    ciphers[THEIRS] = EVP_CIPHER_fetch(context_default(), "AES-256-GCM", NULL);
    CHECK(ciphers[OURS] != NULL && ciphers[THEIRS] != NULL);
    for (; job < plan->jobs; job++) {
        /* Each job has its own start, so that a failing one can be run alone. */
        prng.state = seed + job;
        run_job(message);
    }
    printf("%lu messages, %lu forged, %lu copies, %lu bytes compared\n", messages, forged_messages,
           copies_made, bytes_compared);
    jobs_done(job, plan->jobs, plan->what);
    EVP_CIPHER_free(ciphers[OURS]);
    EVP_CIPHER_free(ciphers[THEIRS]);
    OSSL_LIB_CTX_free(context);
}

static void module_as_it_is(void **state)
{
    struct plan plan = { settings_standard(), "AES-256-GCM", jobs_to_run(5000, 1000) };

    (void)state;
    CHECK(run_child(run_jobs, &plan) == 0);
}

static void module_does_not_stream(void **state)
{
    struct plan plan = { settings_spied(), "AES-256-GCM without streams", jobs_to_run(1000, 1000) };

    (void)state;
    spy_setup(NULL, NULL);
    spy_gcm("no-update");
    CHECK(run_child(run_jobs, &plan) == 0);
}

static int group_setup(void **state)
{
    struct prng bytes = { 1 };
    const char *lines = "";

    if (testing_setup(state) != 0)
        return -1;
    for (size_t i = 0; i < KEYS; i++) {
        prng_fill(&bytes, keys[i][THEIRS], 32);
        reference_by_name(keys[i][OURS], names[i]);
        lines = text("%s%s %s %s\n", lines, names[i], hex(keys[i][THEIRS], 32),
                     module_limits_keys() ? options[i] : "");
    }
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, lines);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(module_as_it_is),
        cmocka_unit_test(module_does_not_stream),
    };

    return cmocka_run_group_tests(tests, group_setup, testing_teardown);
}
