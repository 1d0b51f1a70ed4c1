/*
 * Random numbers from the HSM: who draws them, what becomes of failures, and that a module which
 * takes its own from OpenSSL (SoftHSM does) comes to an end.
 */
#include "testing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#define RANDOM(line) "[openssl_init]\nrandom = random_sect\n[random_sect]\n" line "\n"

static OSSL_LIB_CTX *context;

static void rand_setup(const char *fail, const char *settings, const char *random)
{
    token_standard();
    spy_setup(fail, NULL);
    context = context_with(text("%s%s", settings_spied(), settings), random);
}

static unsigned drawn(void)
{
    return spy_calls("C_GenerateRandom");
}

static const char *failed_draw(void)
{
    unsigned char bytes[64];
    const char *words;

    blank_fill(bytes, sizeof(bytes));
    CHECK(RAND_bytes_ex(context, bytes, sizeof(bytes), 0) != 1);
    CHECK(still_blank(bytes, sizeof(bytes)));
    words = error_text();
    CHECK(*words != '\0');
    return words;
}

static void bytes_come_from_it(void)
{
    unsigned char a[64] = { 0 }, b[64] = { 0 };
    unsigned char *large = keep(200000);

    rand_setup(NULL, "", RANDOM("random = HSMZKE-RAND"));
    CHECK(drawn() == 0);
    CHECK(RAND_bytes_ex(context, a, sizeof(a), 256) == 1 && drawn() == 1);
    CHECK(RAND_priv_bytes_ex(context, b, sizeof(b), 256) == 1 && drawn() == 2);
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    CHECK(RAND_bytes_ex(context, large, 200000, 0) == 1 && drawn() == 6);
    CHECK(large[199999] + large[199998] + large[199997] + large[199996] > 0);
    CHECK(RAND_bytes_ex(context, a, 0, 0) == 1);
    /* One session does it all, beside ciphers that run in theirs. */
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(RAND_bytes_ex(context, a, sizeof(a), 0) == 1);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* Without the line they do not. */
static void only_if_asked(void)
{
    unsigned char a[64];

    rand_setup(NULL, "", NULL);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(RAND_bytes_ex(context, a, sizeof(a), 0) == 1 && drawn() == 0);
    OSSL_LIB_CTX_free(context);
}

static void as_seed(void)
{
    unsigned char a[64] = { 0 };

    rand_setup(NULL, "", RANDOM("seed = HSMZKE-RAND"));
    CHECK(RAND_bytes_ex(context, a, sizeof(a), 256) == 1);
    CHECK(drawn() >= 1 && drawn() <= 4);
    for (int i = 0; i < 100; i++)
        CHECK(RAND_bytes_ex(context, a, sizeof(a), 256) == 1);
    CHECK(drawn() <= 4);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static EVP_RAND_CTX *new_rand(const char *name, EVP_RAND_CTX *parent)
{
    EVP_RAND *rand = EVP_RAND_fetch(context, name, NULL);
    EVP_RAND_CTX *ctx = EVP_RAND_CTX_new(rand, parent);

    CHECK(rand != NULL && ctx != NULL);
    EVP_RAND_free(rand);
    return ctx;
}

static void by_itself(void)
{
    unsigned char a[100], b[100];
    EVP_RAND_CTX *hsm, *drbg;
    size_t most = 0;
    OSSL_PARAM params[] = { OSSL_PARAM_size_t(OSSL_RAND_PARAM_MAX_REQUEST, &most), OSSL_PARAM_END };
    OSSL_PARAM cipher[] = { OSSL_PARAM_utf8_string(OSSL_DRBG_PARAM_CIPHER,
                                                   (char[]){ "AES-256-CTR" }, 11),
                            OSSL_PARAM_END };

    rand_setup(NULL, "", NULL);
    hsm = new_rand("HSMZKE-RAND", NULL);
    CHECK(EVP_RAND_get_state(hsm) == EVP_RAND_STATE_UNINITIALISED);
    CHECK(EVP_RAND_generate(hsm, a, sizeof(a), 0, 0, NULL, 0) == 0);
    CHECK_HAS(error_text(), "not instantiated");
    CHECK(EVP_RAND_instantiate(hsm, 257, 0, NULL, 0, NULL) == 0);
    CHECK_HAS(error_text(), "256 bits");
    CHECK(EVP_RAND_instantiate(hsm, 256, 1, a, 5, NULL) == 1);
    CHECK(EVP_RAND_get_state(hsm) == EVP_RAND_STATE_READY && EVP_RAND_get_strength(hsm) == 256);
    CHECK(EVP_RAND_CTX_get_params(hsm, params) == 1 && most == 65536);
    CHECK(drawn() == 0);
    CHECK(EVP_RAND_generate(hsm, a, sizeof(a), 256, 1, b, 5) == 1 && drawn() == 1);
    CHECK(EVP_RAND_nonce(hsm, b, 16) == 1 && drawn() == 2);
    CHECK(EVP_RAND_reseed(hsm, 1, NULL, 0, NULL, 0) == 1 && drawn() == 2);
    CHECK(EVP_RAND_generate(hsm, b, sizeof(b), 257, 0, NULL, 0) == 0);
    CHECK_HAS(error_text(), "256 bits");
    /* The parent of another one. */
    drbg = new_rand("CTR-DRBG", hsm);
    CHECK(EVP_RAND_instantiate(drbg, 256, 0, NULL, 0, cipher) == 1 && drawn() > 2);
    CHECK(EVP_RAND_generate(drbg, b, sizeof(b), 256, 0, NULL, 0) == 1);
    CHECK(memcmp(a, b, sizeof(a)) != 0);
    CHECK(EVP_RAND_reseed(drbg, 1, NULL, 0, NULL, 0) == 1);
    EVP_RAND_CTX_free(drbg);
    CHECK(EVP_RAND_uninstantiate(hsm) == 1);
    CHECK(EVP_RAND_get_state(hsm) == EVP_RAND_STATE_UNINITIALISED);
    EVP_RAND_CTX_free(hsm);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static void lost_once(void)
{
    unsigned char a[64];

    rand_setup("C_GenerateRandom:1:0xb3,C_GenerateRandom:3:0x30", "",
               RANDOM("random = HSMZKE-RAND"));
    CHECK(RAND_bytes_ex(context, a, sizeof(a), 0) == 1 && drawn() == 2);
    CHECK(RAND_bytes_ex(context, a, sizeof(a), 0) == 1 && drawn() == 4);
    CHECK(spy_failures() == 2 && ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static void lost_for_good(void)
{
    rand_setup("C_GenerateRandom:1+:0x30", "", RANDOM("random = HSMZKE-RAND"));
    CHECK_HAS(failed_draw(), "random numbers");
    CHECK(drawn() == 2);
    OSSL_LIB_CTX_free(context);
}

/* A module that says that all is well and writes nothing. */
static void silent_module(void)
{
    rand_setup("C_GenerateRandom:1+:0", "", RANDOM("random = HSMZKE-RAND"));
    CHECK_HAS(failed_draw(), "random numbers");
    OSSL_LIB_CTX_free(context);
}

static void no_token(void)
{
    rand_setup(NULL, "token = pkcs11:token=absent\n", RANDOM("random = HSMZKE-RAND"));
    CHECK_HAS(failed_draw(), "'prod'");
    OSSL_LIB_CTX_free(context);
}

static void wrong_setting(void)
{
    rand_setup(NULL, "sessions = none\n", RANDOM("random = HSMZKE-RAND"));
    CHECK_HAS(failed_draw(), "sessions = 'none'");
    OSSL_LIB_CTX_free(context);
}

static void draw_in_child(void *parents)
{
    unsigned char a[64];

    CHECK(RAND_bytes_ex(context, a, sizeof(a), 0) == 1);
    CHECK(memcmp(a, parents, sizeof(a)) != 0);
}

static void forked(void)
{
    unsigned char a[64];

    rand_setup(NULL, "", RANDOM("random = HSMZKE-RAND"));
    CHECK(RAND_bytes_ex(context, a, sizeof(a), 0) == 1);
    CHECK(run_child(draw_in_child, a) == 0);
    CHECK(RAND_bytes_ex(context, a, sizeof(a), 0) == 1);
    OSSL_LIB_CTX_free(context);
}

static void *draw_many(void *count_)
{
    unsigned char a[48];

    for (int i = 0; i < 200; i++)
        *(int *)count_ += RAND_bytes_ex(context, a, sizeof(a), 0) == 1;
    return NULL;
}

static void threads(void)
{
    pthread_t ids[4];
    int counts[4] = { 0 };

    rand_setup(NULL, "sessions = 2\n", RANDOM("random = HSMZKE-RAND"));
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_create(&ids[i], NULL, draw_many, &counts[i]) == 0);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(ids[i], NULL);
        CHECK(counts[i] == 200);
    }
    CHECK(drawn() == 800);
    OSSL_LIB_CTX_free(context);
}

static int make_key(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(context, NULL, "X25519");

    EVP_PKEY_free(key);
    return key != NULL;
}

/* What the gateway's algorithms draw by themselves: key generation here. */
static void the_gateway_draws(void)
{
    rand_setup(NULL, "random = hsm\n", NULL);
    CHECK(drawn() == 0);
    CHECK(make_key() && drawn() == 1);
    CHECK(make_key() && drawn() == 2);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
    rand_setup(NULL, "random = system\n", NULL);
    CHECK(make_key() && drawn() == 0);
    OSSL_LIB_CTX_free(context);
}

static void the_gateway_cannot_draw(void)
{
    rand_setup("C_GenerateRandom:1+:0x30", "random = hsm\n", NULL);
    CHECK(!make_key() && spy_failures() > 0);
    CHECK_HAS(error_text(), "random numbers");
    OSSL_LIB_CTX_free(context);
}

/* A slip of the pen does not end with the system's. */
static void the_gateway_was_told_wrong(void)
{
    rand_setup(NULL, "random = hms\n", NULL);
    CHECK(!make_key() && drawn() == 0);
    CHECK_HAS(error_text(), "random = 'hms'");
    OSSL_LIB_CTX_free(context);
}

/* In a program, SoftHSM draws from the library context that draws from it. */
static void command_line(void)
{
    const char *preload = getenv("HSMZKE_TEST_PRELOAD"), *config, *first, *second;
    const char *command;

    token_standard();
    spy_setup(NULL, NULL);
    config = config_file(settings_spied(), RANDOM("random = HSMZKE-RAND"));
    command = text("OPENSSL_CONF=%s LD_PRELOAD='%s' ASAN_OPTIONS=detect_leaks=0 "
                   "openssl rand -hex 32",
                   config, preload != NULL ? preload : "");
    CHECK(run_shell(command, &first) == 0);
    CHECK(run_shell(command, &second) == 0);
    CHECK(strlen(first) == 65 && strlen(second) == 65 && strcmp(first, second) != 0);
    CHECK(drawn() == 2);
    spy_script("fail C_GenerateRandom:1+:0x30");
    CHECK(run_shell(command, &first) != 0);
    CHECK_HAS(first, "random numbers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(bytes_come_from_it),
        CHILD_TEST(only_if_asked),
        CHILD_TEST(as_seed),
        CHILD_TEST(by_itself),
        CHILD_TEST(lost_once),
        CHILD_TEST(lost_for_good),
        CHILD_TEST(silent_module),
        CHILD_TEST(no_token),
        CHILD_TEST(wrong_setting),
        CHILD_TEST(forked),
        CHILD_TEST(threads),
        CHILD_TEST(command_line),
        CHILD_TEST(the_gateway_draws),
        CHILD_TEST(the_gateway_cannot_draw),
        CHILD_TEST(the_gateway_was_told_wrong),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
