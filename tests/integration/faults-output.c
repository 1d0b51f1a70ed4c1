/*
 * Programs that do not look at errors: what an update would have written holds zeros after it
 * failed, and no plaintext that was there before; what it would not have written is as it was.
 */
#include "midstream.h"

#include <string.h>

#include <openssl/err.h>

enum { ROOM = 96, OLD = 0x50 };

static OSSL_LIB_CTX *context;

static void output_setup(void)
{
    token_standard();
    context = context_with(text("%soperation-reuse = 0\n", settings_standard()), NULL);
}

static const struct {
    const char *cipher;
    int padding, encrypt, size, output; /* what an update of `size` bytes puts out */
} updates[] = {
    { "AES-256-CBC", 0, 1, 64, 64 }, { "AES-256-CBC", 1, 1, 33, 32 },
    { "AES-256-CBC", 1, 0, 64, 48 }, { "AES-256-ECB", 0, 0, 48, 48 },
    { "AES-256-CTR", 0, 1, 33, 33 }, { "AES-256-CFB", 0, 1, 33, 33 },
    { "AES-256-OFB", 0, 0, 15, 15 }, { "AES-256-CBC-CTS", 0, 1, 33, 33 },
    { "AES-256-GCM", 0, 1, 33, 33 }, { "AES-256-GCM", 0, 0, 33, 33 },
};
#define UPDATES (sizeof(updates) / sizeof(updates[0]))

static EVP_CIPHER_CTX *begin(size_t i, const char *name, int found)
{
    static const unsigned char iv[16] = "initial vector16";
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, updates[i].cipher, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char reference[32];

    reference_by_name(reference, name);
    CHECK(EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, updates[i].encrypt, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(ctx, updates[i].padding) == 1);
    CHECK(EVP_CipherInit_ex2(ctx, NULL, reference, iv, updates[i].encrypt, NULL) == found);
    EVP_CIPHER_free(cipher);
    return ctx;
}

static bool is_old(const unsigned char *bytes, int size)
{
    for (int i = 0; i < size; i++)
        if (bytes[i] != OLD)
            return false;
    return true;
}

/* By EVP_CipherUpdate(), or by EVP_Cipher(), which takes whole blocks. */
static void check_failure(EVP_CIPHER_CTX *ctx, size_t i, bool at_once)
{
    static const unsigned char in[ROOM] = "some data", zeros[ROOM] = { 0 };
    const int size = at_once ? 48 : updates[i].size, output = at_once ? 48 : updates[i].output;
    unsigned char out[ROOM], same[ROOM];
    int written = 0;

    memset(out, OLD, sizeof(out));
    if (at_once)
        CHECK(EVP_Cipher(ctx, out, in, (unsigned int)size) <= 0);
    else
        CHECK(EVP_CipherUpdate(ctx, out, &written, in, size) != 1);
    CHECK(*error_text() != '\0' && written == 0);
    CHECK(memcmp(out, zeros, (size_t)output) == 0 && is_old(out + output, ROOM - output));
    /* In place it is the input, with which the call can be made again. */
    memset(same, OLD, sizeof(same));
    CHECK(EVP_CipherUpdate(ctx, same, &written, same, size) != 1 && is_old(same, ROOM));
    ERR_clear_error();
    EVP_CIPHER_CTX_free(ctx);
}

static void no_key(void)
{
    output_setup();
    for (size_t i = 0; i < UPDATES; i++) {
        check_failure(begin(i, "absent", 0), i, false);
        if (strstr(updates[i].cipher, "GCM") == NULL)
            check_failure(begin(i, "absent", 0), i, true);
        ERR_clear_error();
    }
    OSSL_LIB_CTX_free(context);
}

static void key_destroyed(void)
{
    EVP_CIPHER_CTX *contexts[2 * UPDATES];

    output_setup();
    for (size_t i = 0; i < 2 * UPDATES; i++)
        contexts[i] = begin(i / 2, "silver", 1);
    token_destroy("prod", USER_PIN, "silver");
    for (size_t i = 0; i < 2 * UPDATES; i++)
        check_failure(contexts[i], i / 2,
                      i % 2 == 1 && strstr(updates[i / 2].cipher, "GCM") == NULL);
    OSSL_LIB_CTX_free(context);
}

/* ---- the module has written all of it, and says that it failed ---- */

#define WRITTEN(when)                                                                              \
    "overwrite C_EncryptUpdate:" when ":0x30; overwrite C_DecryptUpdate:" when ":0x30;"            \
    "overwrite C_Encrypt:" when ":0x30; overwrite C_Decrypt:" when ":0x30"

static void written_and_failed(void)
{
    static const char *const ciphers[] = { "AES-256-ECB", "AES-256-CBC", "AES-256-CTR",
                                           "AES-256-GCM" };

    token_standard();
    spy_setup(NULL, NULL);
    context = context_with(settings_spied(), NULL);
    for (unsigned i = 0; i < 16; i++) {
        const bool in_place = i % 2 == 0, encrypt = i / 2 % 2 == 0;
        struct midstream *mid = mid_begin(context, "gold", GOLD_KEY, ciphers[i / 4], encrypt);

        CHECK(mid != NULL && mid_piece(mid, in_place) == 1 && mid_piece(mid, in_place) == 1);
        spy_tell(WRITTEN("1"));
        CHECK(mid_piece(mid, in_place) == 1 && spy_injected() > 0);
        spy_tell(WRITTEN("1+"));
        CHECK(mid_piece(mid, in_place) == 0 && spy_injected() > 0);
        CHECK_HAS(error_text(), "CKR_DEVICE_ERROR");
        spy_tell("");
        mid_finish(mid);
    }
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(no_key),
        CHILD_TEST(key_destroyed),
        CHILD_TEST(written_and_failed),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
