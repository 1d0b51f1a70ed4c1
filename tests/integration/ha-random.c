/*
 * Random numbers of an HA group: of any token that answers; where none does, an error and no bytes.
 */
#include "ha.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#define RANDOM "[openssl_init]\nrandom = random_sect\n[random_sect]\nrandom = HSMZKE-RAND\n"

enum { REMOVED = 0x32 /* CKR_DEVICE_REMOVED */ };

static void draws(OSSL_LIB_CTX *context)
{
    static unsigned char before[64];
    unsigned char bytes[64] = { 0 };

    CHECK(RAND_bytes_ex(context, bytes, sizeof(bytes), 0) == 1);
    CHECK(memcmp(bytes, before, sizeof(bytes)) != 0);
    CHECK(ERR_peek_error() == 0);
    memcpy(before, bytes, sizeof(bytes));
}

/* A GCM encryption for which the program gives no IV: the HSM makes one, on a token with the key.
 */
static void makes_an_iv(OSSL_LIB_CTX *context)
{
    unsigned char reference[32], in[32] = { 1 }, out[48];
    EVP_CIPHER *gcm = EVP_CIPHER_fetch(context, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int size;

    reference_by_name(reference, "gold");
    CHECK(gcm != NULL && EVP_EncryptInit_ex2(ctx, gcm, reference, NULL, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, out, &size, in, sizeof(in)) == 1 && size == sizeof(in));
    CHECK(EVP_EncryptFinal_ex(ctx, out, &size) == 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(gcm);
}

static void one_dies(void)
{
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    context = context_with(ha_group_spied(), RANDOM);
    draws(context);
    makes_an_iv(context);
    makes_an_iv(context); /* the other one's turn */
    spy_gone(REMOVED);
    for (int i = 0; i < 4; i++) {
        draws(context);
        makes_an_iv(context);
    }
    spy_gone(0);
    draws(context);
}

/* The first one, which was asked first, is the one that dies: the second takes over. */
static void the_first_dies(void)
{
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    context = context_with(
        settings_for(module_path(),
                     text("token.1 = pkcs11:token=left?module-path=%s\n"
                          "token.2 = pkcs11:token=right\npin-source = %s\n",
                          testing_path("HSMZKE_TEST_SPY_MODULE"), pin_file(USER_PIN "\n"))),
        RANDOM);
    draws(context);
    CHECK(spy_calls("C_GenerateRandom") > 0);
    spy_gone(REMOVED);
    for (int i = 0; i < 4; i++)
        draws(context);
    spy_gone(0);
    draws(context);
}

static void both_die(void)
{
    OSSL_LIB_CTX *context;
    unsigned char bytes[64];

    ha_two_tokens(HA_GOLD, HA_GOLD);
    context = context_with(ha_group_all_spied(), RANDOM);
    draws(context);
    spy_gone(REMOVED);
    blank_fill(bytes, sizeof(bytes));
    CHECK(RAND_bytes_ex(context, bytes, sizeof(bytes), 0) != 1);
    CHECK(still_blank(bytes, sizeof(bytes)));
    CHECK(*error_text() != '\0');
    spy_gone(0);
    draws(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(one_dies),
        CHILD_TEST(the_first_dies),
        CHILD_TEST(both_die),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
