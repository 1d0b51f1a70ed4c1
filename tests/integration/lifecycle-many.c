/*
 * Many at once: ten thousand contexts in mid-stream on eight sessions, eight threads, copies of
 * copies.  Contexts own their state and borrow a session for one call only.
 */
#include "testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

static const char *const modes[] = { "AES-256-ECB", "AES-256-CBC", "AES-256-CTR" };
static const char *const key_names[] = { "gold", "silver" };
static const char *const key_hex[] = { GOLD_KEY, SILVER_KEY };
static const unsigned char iv[16] = "initial vector16";

enum { SIZE = 320, KINDS = 12 }; /* kinds: mode, key, direction */

static unsigned char data[SIZE], expected[KINDS][SIZE + 32];
static unsigned char references[2][32];
static EVP_CIPHER *ciphers[3];

static EVP_CIPHER *cipher_of(size_t kind)
{
    return ciphers[kind / 4];
}

static int encrypts(size_t kind)
{
    return kind % 2 == 0;
}

static const unsigned char *reference_of(size_t kind)
{
    return references[kind / 2 % 2];
}

static OSSL_LIB_CTX *many_setup(const char *lines)
{
    OSSL_LIB_CTX *context;
    unsigned char key[32];
    struct prng prng = { 42 };

    token_standard();
    context = context_with(text("%s%s", settings_standard(), lines), NULL);
    prng_fill(&prng, data, sizeof(data));
    for (size_t i = 0; i < 2; i++)
        reference_by_name(references[i], key_names[i]);
    for (size_t i = 0; i < 3; i++)
        ciphers[i] = EVP_CIPHER_fetch(context, modes[i], NULL);
    for (size_t kind = 0; kind < KINDS; kind++) {
        struct message software = { .cipher = modes[kind / 4],
                                    .key = key,
                                    .iv = iv,
                                    .encrypt = encrypts(kind),
                                    .in = data,
                                    .size = SIZE,
                                    .out = expected[kind] };

        unhex(key_hex[kind / 2 % 2], key, sizeof(key));
        CHECK(message_run(context_default(), &software) == 1);
    }
    return context;
}

static void many_done(OSSL_LIB_CTX *context)
{
    for (size_t i = 0; i < 3; i++)
        EVP_CIPHER_free(ciphers[i]);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* A message without padding that is on its way. */
struct open_message {
    EVP_CIPHER_CTX *ctx;
    size_t kind, in, out;
    unsigned char bytes[SIZE + 32];
};

static int begin(struct open_message *message, size_t kind)
{
    message->kind = kind;
    message->in = message->out = 0;
    if (message->ctx == NULL)
        message->ctx = EVP_CIPHER_CTX_new();
    return EVP_CipherInit_ex2(message->ctx, cipher_of(kind), reference_of(kind), iv, encrypts(kind),
                              NULL) &&
           EVP_CIPHER_CTX_set_padding(message->ctx, 0);
}

static int update(struct open_message *message, size_t size)
{
    int written;

    if (size > SIZE - message->in)
        size = SIZE - message->in;
    if (!EVP_CipherUpdate(message->ctx, message->bytes + message->out, &written, data + message->in,
                          (int)size))
        return 0;
    message->in += size;
    message->out += (size_t)written;
    return 1;
}

/* The rest, and whether all of it is right. */
static int end(struct open_message *message)
{
    int written;

    if (!update(message, SIZE) ||
        !EVP_CipherFinal_ex(message->ctx, message->bytes + message->out, &written))
        return 0;
    message->out += (size_t)written;
    return message->out == SIZE && memcmp(message->bytes, expected[message->kind], SIZE) == 0;
}

static void ten_thousand_contexts(void)
{
    const size_t count = 10000;
    OSSL_LIB_CTX *context = many_setup("sessions = 8\n");
    struct open_message *messages = calloc(count, sizeof(*messages));
    size_t wrong = 0;

    CHECK(messages != NULL);
    for (size_t i = 0; i < count; i++)
        wrong += !begin(&messages[i], i % KINDS) || !update(&messages[i], i % 200);
    CHECK(wrong == 0);
    for (size_t i = count; i-- > 0;)
        wrong += !update(&messages[i], 37);
    CHECK(wrong == 0);
    for (size_t i = 0; i < count; i++) {
        wrong += !end(&messages[i]);
        EVP_CIPHER_CTX_free(messages[i].ctx);
    }
    CHECK(wrong == 0);
    free(messages);
    many_done(context);
}

/* How many sessions are open is the administrator's choice. */
static void sessions_are_bounded(void)
{
    OSSL_LIB_CTX *context;
    struct open_message message = { .ctx = NULL };

    spy_setup(NULL, NULL);
    context = many_setup("sessions = 3\n");
    OSSL_LIB_CTX_free(context);
    for (size_t i = 0; i < 3; i++)
        EVP_CIPHER_free(ciphers[i]);
    context = context_with(text("%ssessions = 3\n", settings_spied()), NULL);
    for (size_t i = 0; i < 3; i++)
        ciphers[i] = EVP_CIPHER_fetch(context, modes[i], NULL);
    for (size_t i = 0; i < 20 * KINDS; i++)
        CHECK(begin(&message, i % KINDS) && update(&message, 50) && end(&message));
    EVP_CIPHER_CTX_free(message.ctx);
    /* One more that stands for the login is fair. */
    CHECK(spy_calls("C_OpenSession") - spy_calls("C_CloseSession") <= 4);
    many_done(context);
}

static atomic_uint wrong_in_threads, done_in_threads;

static void *thread(void *argument)
{
    struct prng prng = { *(uint64_t *)argument };
    struct open_message message = { .ctx = NULL };
    size_t rounds = quick() ? 300 : 3000;

    for (size_t i = 0; i < rounds; i++) {
        bool right = begin(&message, prng_upto(&prng, KINDS - 1)) != 0;

        while (right && prng_one_in(&prng, 2))
            right = update(&message, prng_upto(&prng, 60)) != 0;
        if (!right || !end(&message))
            atomic_fetch_add(&wrong_in_threads, 1);
        atomic_fetch_add(&done_in_threads, 1);
    }
    EVP_CIPHER_CTX_free(message.ctx);
    return NULL;
}

static void eight_threads_with(const char *lines)
{
    OSSL_LIB_CTX *context = many_setup(lines);
    pthread_t threads[8];
    uint64_t seeds[8];

    for (uint64_t i = 0; i < 8; i++) {
        seeds[i] = i;
        CHECK(pthread_create(&threads[i], NULL, thread, &seeds[i]) == 0);
    }
    for (size_t i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(wrong_in_threads == 0);
    CHECK(done_in_threads == 8 * (quick() ? 300 : 3000));
    many_done(context);
}

/* All threads find nothing initialised and come at once. */
static void eight_threads(void)
{
    eight_threads_with("");
}

static void eight_threads_two_sessions(void)
{
    eight_threads_with("sessions = 2\nsession-wait = 60000\n");
}

static void copies(void)
{
    OSSL_LIB_CTX *context = many_setup("");
    struct open_message first = { .ctx = NULL };

    for (size_t kind = 0; kind < KINDS; kind++) {
        struct open_message second, third;

        CHECK(begin(&first, kind) && update(&first, 21));
        second = first;
        second.ctx = EVP_CIPHER_CTX_new();
        CHECK(EVP_CIPHER_CTX_copy(second.ctx, first.ctx) == 1);
        CHECK(update(&second, 100) && update(&first, 3));
        third = second;
        third.ctx = EVP_CIPHER_CTX_new();
        CHECK(EVP_CIPHER_CTX_copy(third.ctx, second.ctx) == 1 && update(&third, 16));
        CHECK(end(&first) == 1);
        EVP_CIPHER_CTX_free(first.ctx);
        first.ctx = NULL;
        CHECK(end(&third) == 1 && end(&second) == 1);
        EVP_CIPHER_CTX_free(second.ctx);
        EVP_CIPHER_CTX_free(third.ctx);
    }
    many_done(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(copies),
        CHILD_TEST(ten_thousand_contexts),
        CHILD_TEST(sessions_are_bounded),
        CHILD_TEST(eight_threads),
        CHILD_TEST(eight_threads_two_sessions),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
