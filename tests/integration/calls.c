/*
 * How many PKCS#11 calls a message takes, counted by the spy: each is a round trip on a network
 * HSM.  After the first messages, which find the key and begin operations, every message takes the
 * calls that stand here and no other.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>

enum { FIRST = 3, COUNTED = 5, SIZE = 1024, KEY = 32, TAG = 16 };

struct calls {
    const char *name;
    unsigned count;
};

struct expected {
    const char *what; /* a cipher or MAC */
    int encrypt;
    size_t size;
    struct calls calls[2];
};

static OSSL_LIB_CTX *context;
static unsigned char reference[32], in[SIZE + 16], out[SIZE + 64], tag[TAG];

static void setup(void)
{
    token_standard();
    token_import("prod", USER_PIN, "secret " SILVER_KEY " type=generic\n");
    spy_setup(NULL, NULL);
    context = context_with(settings_spied(), NULL);
    reference_by_name(reference, "gold");
}

/* Runs messages; each of those that count takes exactly these calls. */
static void count(const struct expected *expected, void (*message)(void *argument), void *argument)
{
    unsigned before[2], all;

    for (int i = 0; i < FIRST + COUNTED; i++) {
        for (int j = 0; j < 2; j++)
            before[j] = expected->calls[j].name ? spy_calls(expected->calls[j].name) : 0;
        all = spy_all_calls();
        message(argument);
        if (i < FIRST)
            continue;
        all = spy_all_calls() - all;
        if (all != expected->calls[0].count + expected->calls[1].count)
            testing_failed(__FILE__, __LINE__,
                           text("%s (%d): %u calls a message, not %u", expected->what,
                                expected->encrypt,
                                expected->calls[0].count + expected->calls[1].count, all));
        for (int j = 0; j < 2 && expected->calls[j].name != NULL; j++)
            CHECK(spy_calls(expected->calls[j].name) - before[j] == expected->calls[j].count);
    }
}

/* ---- ciphers whose operations run, and key wrap ---- */

static const struct expected running[] = {
    { "AES-256-ECB", 1, SIZE, { { "C_EncryptUpdate", 1 } } },
    { "AES-256-ECB", 0, SIZE, { { "C_DecryptUpdate", 1 } } },
    { "AES-256-CBC", 1, SIZE, { { "C_EncryptUpdate", 1 } } },
    { "AES-256-CBC", 0, SIZE, { { "C_DecryptUpdate", 1 } } },
    { "AES-256-CTR", 1, SIZE, { { "C_EncryptUpdate", 1 } } },
    { "AES-256-CTR", 0, SIZE, { { "C_EncryptUpdate", 1 } } },
    /* Six rounds over four halves of blocks (RFC 3394): SoftHSM wraps no bytes by itself. */
    { "AES-256-WRAP", 1, KEY, { { "C_EncryptUpdate", 24 } } },
    { "AES-256-WRAP", 0, KEY + 8, { { "C_DecryptUpdate", 24 } } },
};

static void one_message(void *ctx)
{
    static unsigned char iv[16] = "a new one";
    const int wraps = EVP_CIPHER_CTX_get_mode(ctx) == EVP_CIPH_WRAP_MODE;
    int made, rest = 0;

    iv[15]++;
    CHECK(EVP_CipherInit_ex2(ctx, NULL, NULL,
                             wraps || EVP_CIPHER_CTX_get_iv_length(ctx) == 0 ? NULL : iv, -1,
                             NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, out, &made, in, *(int *)EVP_CIPHER_CTX_get_app_data(ctx)) == 1);
    CHECK(EVP_CipherFinal_ex(ctx, out + made, &rest) == 1);
}

static EVP_CIPHER_CTX *open_cipher(const char *name, int encrypt)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    CHECK(cipher != NULL && ctx != NULL);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    CHECK(EVP_CipherInit_ex2(ctx, cipher, reference, NULL, encrypt, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
    EVP_CIPHER_free(cipher);
    return ctx;
}

static void running_operations(void)
{
    setup();
    for (size_t i = 0; i < sizeof(running) / sizeof(running[0]); i++) {
        EVP_CIPHER_CTX *ctx = open_cipher(running[i].what, running[i].encrypt);
        int size = (int)running[i].size;

        EVP_CIPHER_CTX_set_app_data(ctx, &size);
        if (strcmp(running[i].what, "AES-256-WRAP") == 0 && running[i].encrypt == 0)
            memcpy(in, out, sizeof(in)); /* what was wrapped just before */
        count(&running[i], one_message, ctx);
        EVP_CIPHER_CTX_free(ctx);
    }
    OSSL_LIB_CTX_free(context);
}

/* ---- GCM ---- */

static const unsigned char aad[20] = "additional data";

static void seal(void *ctx)
{
    static unsigned char iv[12] = "counted";
    int made;

    iv[11]++;
    CHECK(EVP_EncryptInit_ex2(ctx, NULL, NULL, iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, NULL, &made, aad, sizeof(aad)) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &made, in, SIZE) == 1 && made == SIZE);
    CHECK(EVP_EncryptFinal_ex(ctx, out + made, &made) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
}

static void seal_and_open(void *ctxs)
{
    EVP_CIPHER_CTX **both = ctxs, *ctx = both[1];
    static unsigned char back[SIZE];
    unsigned char iv[12];
    int made;

    seal(both[0]);
    CHECK(EVP_CIPHER_CTX_get_updated_iv(both[0], iv, sizeof(iv)) == 1);
    CHECK(EVP_DecryptInit_ex2(ctx, NULL, NULL, iv, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1);
    CHECK(EVP_DecryptUpdate(ctx, NULL, &made, aad, sizeof(aad)) == 1);
    CHECK(EVP_DecryptUpdate(ctx, back, &made, out, SIZE) == 1 && made == SIZE);
    CHECK(EVP_DecryptFinal_ex(ctx, back, &made) == 1 && memcmp(back, in, SIZE) == 0);
}

static void gcm_in_one_update(void)
{
    static const struct expected sealing = {
        "AES-256-GCM", 1, SIZE, { { "C_EncryptInit", 1 }, { "C_Encrypt", 1 } }
    };
    EVP_CIPHER_CTX *ctxs[2];

    setup();
    ctxs[0] = open_cipher("AES-256-GCM", 1);
    ctxs[1] = open_cipher("AES-256-GCM", 0);
    count(&sealing, seal, ctxs[0]);
    for (int i = 0; i < FIRST + COUNTED; i++) {
        const unsigned begun = spy_calls("C_DecryptInit"), done = spy_calls("C_Decrypt");
        const unsigned before = spy_all_calls();

        seal_and_open(ctxs);
        if (i < FIRST)
            continue;
        CHECK(spy_calls("C_DecryptInit") - begun == 1 && spy_calls("C_Decrypt") - done == 1);
        CHECK(spy_all_calls() - before == 2 + 2); /* two of them to seal it */
    }
    EVP_CIPHER_CTX_free(ctxs[0]);
    EVP_CIPHER_CTX_free(ctxs[1]);
    OSSL_LIB_CTX_free(context);
}

/* ---- MACs ---- */

static void one_mac(void *message)
{
    CHECK(mac_run(context, message) == 1);
}

static void macs(void)
{
    static const struct expected expected = {
        "CMAC, HMAC", 1, SIZE, { { "C_SignInit", 1 }, { "C_Sign", 1 } }
    };
    struct mac_message cmac = { .mac = "CMAC",
                                .algorithm = "AES-256-CBC",
                                .key = reference,
                                .key_size = sizeof(reference),
                                .in = in,
                                .size = SIZE };
    struct mac_message hmac = cmac;
    unsigned char secret[32];

    setup();
    reference_by_name(secret, "secret");
    hmac.mac = "HMAC";
    hmac.algorithm = "SHA256";
    hmac.key = secret;
    count(&expected, one_mac, &cmac);
    count(&expected, one_mac, &hmac);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(running_operations),
        CHILD_TEST(gcm_in_one_update),
        CHILD_TEST(macs),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
