/*
 * The HSM fails while data flow: for good, and then nothing is written and the words say why; or
 * once, and then nobody notices.  The spy in front of SoftHSM makes the failures.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>

static const struct {
    unsigned long rv;
    const char *name;
} losses[] = {
    { 0x05, "CKR_GENERAL_ERROR" },
    { 0x30, "CKR_DEVICE_ERROR" },
    { 0x32, "CKR_DEVICE_REMOVED" },
    { 0xb3, "CKR_SESSION_HANDLE_INVALID" },
    { 0xe0, "CKR_TOKEN_NOT_PRESENT" },
    { 0x101, "CKR_USER_NOT_LOGGED_IN" },
    { 0x190, "CKR_CRYPTOKI_NOT_INITIALIZED" },
};
enum { LOSSES = sizeof(losses) / sizeof(losses[0]) };

static const unsigned char iv[16] = "initial vector16";
static const char *const ciphers[] = { "AES-256-ECB", "AES-256-CBC", "AES-256-CTR" };

/* An update between which and the last the HSM went away. */
static void update_fails(EVP_CIPHER_CTX *ctx, const char *name)
{
    unsigned char in[100] = { 0 }, out[132];
    int size = -1;

    blank_fill(out, sizeof(out));
    CHECK(EVP_CipherUpdate(ctx, out, &size, in, sizeof(in)) == 0);
    CHECK(still_blank(out, sizeof(out)));
    CHECK_HAS(error_text(), name);
}

static void gone_in_mid_stream(const char *cipher_name, int encrypt, size_t loss)
{
    OSSL_LIB_CTX *context = context_with(settings_spied(), NULL);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, cipher_name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char reference[32], in[64] = { 0 }, out[96];
    int size;

    reference_by_name(reference, "gold");
    CHECK(EVP_CipherInit_ex2(ctx, cipher, reference, iv, encrypt, NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, out, &size, in, 37) == 1);
    CHECK(EVP_CipherUpdate(ctx, out, &size, in, 64) == 1);
    spy_gone(losses[loss].rv);
    update_fails(ctx, losses[loss].name);
    CHECK_HAS(name_refused(context, cipher_name, "gold"), losses[loss].name);
    spy_gone(0);
    CHECK(name_works(context, cipher_name, "gold", GOLD_KEY) == 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

static void gone_child(void *argument)
{
    size_t loss = *(size_t *)argument;

    for (size_t i = 0; i < 6; i++)
        gone_in_mid_stream(ciphers[i / 2], i % 2 == 0, loss);
}

static void gone(void **state)
{
    unsigned failed = 0;

    (void)state;
    token_standard();
    for (size_t loss = 0; loss < LOSSES; loss++) {
        spy_setup(NULL, NULL);
        if (run_child(gone_child, &loss) != 0) {
            fprintf(stderr, "failed: loss by %s\n", losses[loss].name);
            failed++;
        }
    }
    CHECK(failed == 0);
}

static void gone_before_first_use(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    spy_setup(NULL, NULL);
    context = context_with(settings_spied(), NULL);
    spy_gone(0x30);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "CKR_DEVICE_ERROR");
    spy_gone(0);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

/* A login that the device failed is no wrong PIN. */
static void login_fails_once(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    spy_setup("C_Login:1:0x30", NULL);
    context = context_with(settings_spied(), NULL);
    if (name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 0)
        CHECK_HAS(error_text(), "CKR_DEVICE_ERROR");
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

/* Messages in several updates, both ways, against default: right, whatever the spy does. */
static void messages(OSSL_LIB_CTX *context)
{
    struct prng prng = { 7 };
    unsigned char data[300], out[332], expected[332], reference[32], key[32];

    reference_by_name(reference, "gold");
    unhex(GOLD_KEY, key, sizeof(key));
    prng_fill(&prng, data, sizeof(data));
    for (size_t i = 0; i < 48; i++) {
        const struct message software = { .cipher = ciphers[i % 3],
                                          .key = key,
                                          .iv = iv,
                                          .encrypt = i / 3 % 2 == 0,
                                          .in = data,
                                          .size = i % 2 ? 288 : 16,
                                          .out = expected };
        struct message theirs = software, ours = software;

        ours.key = reference;
        ours.out = out;
        ours.piece = 61;
        CHECK(message_run(context_default(), &theirs) == 1);
        CHECK(message_run(context, &ours) == 1);
        CHECK(ours.out_size == theirs.out_size && memcmp(out, expected, ours.out_size) == 0);
        CHECK(ERR_peek_error() == 0);
    }
}

static void messages_child(void *argument)
{
    OSSL_LIB_CTX *context = context_with(settings_spied(), NULL);

    (void)argument;
    messages(context);
    OSSL_LIB_CTX_free(context);
}

/* Each call of the data path fails once, in each of the ways in which a session gets lost. */
static void one_failure_is_survived(void **state)
{
    static const char *const calls[] = {
        "C_EncryptUpdate:1", "C_EncryptUpdate:3", "C_EncryptUpdate:20", "C_DecryptUpdate:1",
        "C_DecryptUpdate:9", "C_EncryptInit:1",   "C_EncryptInit:4",    "C_DecryptInit:2",
        "C_Encrypt:2",       "C_Decrypt:1",
    };
    static const unsigned long values[] = { 0x30, 0xb3, 0x60, 0x82, 0x101, 0x91 };
    unsigned made = 0;

    (void)state;
    token_standard();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        for (size_t j = 0; j < (quick() ? 2 : sizeof(values) / sizeof(values[0])); j++) {
            printf("%s:0x%lx\n", calls[i], values[j]);
            spy_setup(text("%s:0x%lx", calls[i], values[j]), NULL);
            CHECK(run_child(messages_child, NULL) == 0);
            made += spy_failures();
            /* Which calls the first message makes is the provider's affair; that it updates is not.
             */
            CHECK(strncmp(calls[i], "C_EncryptUpdate", 15) != 0 || spy_failures() == 1);
        }
    }
    printf("%u failures made\n", made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gone),
        CHILD_TEST(gone_before_first_use),
        CHILD_TEST(login_fails_once),
        cmocka_unit_test(one_failure_is_survived),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
