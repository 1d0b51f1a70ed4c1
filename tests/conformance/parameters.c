/*
 * Every parameter that the default provider tells of a context of one of the ciphers, asked of both
 * at each stage of a message: both answer the same.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>

enum { OURS, THEIRS, SIDES, STAGES = 5, MOST = 300 };

static const char *const ciphers[] = {
    "AES-256-ECB",  "AES-256-CBC",      "AES-256-CBC-CTS", "AES-256-CTR",
    "AES-256-CFB",  "AES-256-CFB8",     "AES-256-CFB1",    "AES-256-OFB",
    "AES-256-WRAP", "AES-256-WRAP-PAD", "AES-256-GCM",
};

static OSSL_LIB_CTX *context;
static unsigned char keys[SIDES][32];

static void start(void)
{
    token_standard();
    reference_by_name(keys[OURS], "gold");
    CHECK(unhex(GOLD_KEY, keys[THEIRS], 32) == 32);
    context = context_with(settings_standard(), NULL);
}

static EVP_CIPHER *fetch(const char *name, int side)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(side == OURS ? context : context_default(), name, NULL);

    CHECK(cipher != NULL);
    return cipher;
}

/* A context as it is without a key, with one, with an IV, with data, after final. */
static EVP_CIPHER_CTX *at_stage(const EVP_CIPHER *cipher, int side, int stage)
{
    static const unsigned char iv[16] = "an IV of it", in[32] = "data";
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char out[64];
    int size;

    CHECK(EVP_CipherInit_ex2(ctx, cipher, stage >= 1 ? keys[side] : NULL, stage >= 2 ? iv : NULL, 1,
                             NULL) == 1);
    if (stage >= 3)
        CHECK(EVP_CipherUpdate(ctx, out, &size, in, sizeof(in)) == 1);
    if (stage >= 4)
        CHECK(EVP_CipherFinal_ex(ctx, out, &size) == 1);
    return ctx;
}

static bool is_number(const OSSL_PARAM *param)
{
    return param->data_type == OSSL_PARAM_UNSIGNED_INTEGER ||
           param->data_type == OSSL_PARAM_INTEGER;
}

/* With this much room. */
static void ask(EVP_CIPHER_CTX *const ctx[SIDES], const OSSL_PARAM *param, size_t room)
{
    unsigned char answers[SIDES][MOST];
    OSSL_PARAM params[SIDES][2];
    int results[SIDES];

    memset(answers, 0xee, sizeof(answers));
    for (int i = 0; i < SIDES; i++) {
        params[i][0] =
            (OSSL_PARAM){ param->key, param->data_type, answers[i], room, OSSL_PARAM_UNMODIFIED };
        params[i][1] = OSSL_PARAM_construct_end();
        results[i] = EVP_CIPHER_CTX_get_params(ctx[i], params[i]);
    }
    ERR_clear_error();
    if (results[OURS] != results[THEIRS] ||
        (results[OURS] == 1 && (params[OURS][0].return_size != params[THEIRS][0].return_size ||
                                memcmp(answers[OURS], answers[THEIRS], MOST) != 0)))
        testing_failed(__FILE__, __LINE__,
                       text("%s: %s, %zu bytes: %d and %d, %s and %s",
                            EVP_CIPHER_get0_name(EVP_CIPHER_CTX_get0_cipher(ctx[OURS])), param->key,
                            room, results[OURS], results[THEIRS], hex(answers[OURS], 16),
                            hex(answers[THEIRS], 16)));
}

static void are_told(void)
{
    unsigned int asked = 0;

    start();
    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]) * STAGES; i++) {
        EVP_CIPHER *cipher[SIDES];
        EVP_CIPHER_CTX *ctx[SIDES];
        const OSSL_PARAM *param;

        for (int side = 0; side < SIDES; side++) {
            cipher[side] = fetch(ciphers[i / STAGES], side);
            ctx[side] = at_stage(cipher[side], side, (int)(i % STAGES));
        }
        for (param = EVP_CIPHER_CTX_gettable_params(ctx[THEIRS]); param->key != NULL; param++) {
            /* OpenSSL 4.0 tells an IV of GCM that is not set yet, and draws it at that. */
            const bool drawn = OPENSSL_version_major() >= 4 && i % STAGES < 2 &&
                               strstr(ciphers[i / STAGES], "GCM") != NULL &&
                               strstr(param->key, "iv") != NULL;

            if (drawn || param->data_type == OSSL_PARAM_OCTET_PTR ||
                param->data_type == OSSL_PARAM_UTF8_PTR)
                continue;
            ask(ctx, param, is_number(param) ? sizeof(unsigned int) : 16);
            ask(ctx, param, is_number(param) ? sizeof(size_t) : MOST);
            asked++;
        }
        for (int side = 0; side < SIDES; side++) {
            EVP_CIPHER_CTX_free(ctx[side]);
            EVP_CIPHER_free(cipher[side]);
        }
    }
    CHECK(asked > 200);
    OSSL_LIB_CTX_free(context);
}

/* A generated IV is one until the context is made anew, or from 4.0 on another is given. */
static void generated_iv(void)
{
    static const unsigned char iv[12] = "a given one", in[16];
    EVP_CIPHER *cipher[SIDES];
    EVP_CIPHER_CTX *ctx[SIDES];
    unsigned char out[16], fixed[4] = "abcd";
    const OSSL_PARAM *param = NULL;
    int size;

    start();
    for (int way = 0; way < 2; way++) {
        for (int side = 0; side < SIDES; side++) {
            cipher[side] = fetch("AES-256-GCM", side);
            ctx[side] = at_stage(cipher[side], side, 1);
            if (way == 0)
                CHECK(EVP_EncryptUpdate(ctx[side], out, &size, in, sizeof(in)) == 1);
            else
                CHECK(EVP_CIPHER_CTX_ctrl(ctx[side], EVP_CTRL_GCM_SET_IV_FIXED, 4, fixed) == 1);
        }
        param =
            OSSL_PARAM_locate_const(EVP_CIPHER_CTX_gettable_params(ctx[THEIRS]), "iv-generated");
        for (int again = 0; param != NULL && again < 2; again++) {
            ask(ctx, param, sizeof(unsigned int));
            for (int side = 0; side < SIDES; side++)
                CHECK(EVP_EncryptInit_ex2(ctx[side], NULL, NULL, iv, NULL) == 1);
        }
        for (int side = 0; side < SIDES; side++) {
            EVP_CIPHER_CTX_free(ctx[side]);
            EVP_CIPHER_free(cipher[side]);
        }
    }
    printf("this OpenSSL %s iv-generated\n", param != NULL ? "tells" : "does not know");
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(are_told),
        CHILD_TEST(generated_iv),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
