/*
 * Keys of the HSM as EVP_PKEYs: of references; what comes out of them (never a key); messages that
 * they seal and MACs that they make.  Reference files: pkey-files.c.
 */
#include "testing.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#include <hsmzke/hsmzke.h>

static OSSL_LIB_CTX *context;

static void pkey_setup(const char *settings, const char *sections)
{
    token_standard();
    context = context_with(text("%s%s", settings_standard(), settings), sections);
}

static const char *gold_identity(unsigned char value[16])
{
    identity_block(GOLD_KEY, value);
    return text("aes:%s", hex(value, 8));
}

static EVP_PKEY *of_bytes(const void *bytes, size_t size)
{
    return EVP_PKEY_new_raw_private_key_ex(context, HSMZKE_PKEY_TYPE, NULL, bytes, size);
}

static EVP_PKEY *of_name(const char *name)
{
    unsigned char reference[32];

    reference_by_name(reference, name);
    return of_bytes(reference, sizeof(reference));
}

static void raw_is(EVP_PKEY *pkey, const unsigned char expected[32])
{
    unsigned char raw[32];
    size_t size = sizeof(raw);

    CHECK(EVP_PKEY_get_raw_private_key(pkey, raw, &size) == 1 && size == sizeof(raw));
    CHECK(memcmp(raw, expected, sizeof(raw)) == 0);
}

static void made_of_references(void)
{
    unsigned char by_id[32], by_name[32], identity[16];
    EVP_PKEY *gold, *same, *silver;
    char value[64];

    pkey_setup("", NULL);
    reference_by_id(by_id, GOLD_ID);
    reference_by_name(by_name, "silver");
    gold = of_name("gold");
    same = of_bytes(by_id, sizeof(by_id));
    silver = of_bytes("hsmzke:silver", 13);
    CHECK(gold != NULL && same != NULL && silver != NULL && ERR_peek_error() == 0);
    CHECK(EVP_PKEY_is_a(gold, HSMZKE_PKEY_TYPE) == 1 && EVP_PKEY_get_bits(gold) == 256);
    CHECK(EVP_PKEY_eq(gold, same) == 1 && EVP_PKEY_eq(gold, silver) == 0);
    /* The id goes before the name, where there is one. */
    raw_is(gold, by_id);
    raw_is(silver, by_name);
    CHECK(key_works(context, "AES-256-CBC", by_id, GOLD_KEY) == 1);
    CHECK(EVP_PKEY_get_utf8_string_param(gold, "reference", value, sizeof(value), NULL) == 1);
    CHECK(strncmp(value, (char *)by_id, 32) == 0);
    CHECK(EVP_PKEY_get_utf8_string_param(gold, "identity", value, sizeof(value), NULL) == 1);
    CHECK(strcmp(value, gold_identity(identity)) == 0);
    EVP_PKEY_free(gold);
    EVP_PKEY_free(same);
    EVP_PKEY_free(silver);
    OSSL_LIB_CTX_free(context);
}

/* An alias has pins of its own, and may mean another token: it stays what was given. */
static void made_of_aliases(void)
{
    unsigned char alias[32];
    EVP_PKEY *pkey;

    pkey_setup(HSMZKE_PARAM_KEYS " = aliases\n", "[aliases]\npayroll = pkcs11:object=gold\n");
    reference_by_name(alias, "payroll");
    pkey = of_name("payroll");
    CHECK(pkey != NULL);
    raw_is(pkey, alias);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

static void refused(const void *bytes, size_t size, const char *words)
{
    CHECK(of_bytes(bytes, size) == NULL);
    CHECK_HAS(error_text(), words);
}

static void made_of_nothing_else(void)
{
    unsigned char key[32];

    pkey_setup(HSMZKE_PARAM_IDENTITIES " = ids\n", "[ids]\nsilver = 0000000000000000\n");
    unhex(GOLD_KEY, key, sizeof(key));
    refused(key, sizeof(key), "reference");
    refused("", 0, "reference");
    refused("hsmzke:", 7, "names no key");
    refused("hsmzke:absent", 13, "absent");
    refused("hsmzke:silver", 13, "is not the one that `identities` names");
    refused("hsmzke:AAECAwQFBgcICQoLDA0ODxARp", 32, "check character");
    refused("hsmzke:a-label-that-is-too-long-for-it", 38, "at most 32 bytes");
    OSSL_LIB_CTX_free(context);
}

/* Every way out that libcrypto has: none gives the key, nor anything but the reference. */
static void nothing_comes_out(void)
{
    static const int selections[] = { EVP_PKEY_KEY_PARAMETERS, EVP_PKEY_PUBLIC_KEY,
                                      EVP_PKEY_KEYPAIR, OSSL_KEYMGMT_SELECT_ALL };
    unsigned char key[32], buffer[512], reference[32];
    size_t size = sizeof(buffer);
    EVP_PKEY *pkey;

    pkey_setup("", NULL);
    unhex(GOLD_KEY, key, sizeof(key));
    reference_by_id(reference, GOLD_ID);
    pkey = of_name("gold");
    CHECK(pkey != NULL);
    CHECK(EVP_PKEY_get_raw_public_key(pkey, buffer, &size) == 0);
    CHECK(EVP_PKEY_get_octet_string_param(pkey, "pub", buffer, sizeof(buffer), NULL) == 0);
    CHECK(EVP_PKEY_get_octet_string_param(pkey, "priv", buffer, sizeof(buffer), NULL) == 0);
    CHECK(EVP_PKEY_get_octet_string_param(pkey, "raw-bytes", buffer, sizeof(buffer), NULL) == 0);
    for (size_t i = 0; i < 4; i++) {
        OSSL_PARAM *params = NULL;
        const OSSL_PARAM *private;

        if (EVP_PKEY_todata(pkey, selections[i], &params) == 1) {
            private = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY);
            CHECK(private == NULL || (private->data_size == sizeof(reference) &&
                                      memcmp(private->data, reference, sizeof(reference)) == 0));
            for (const OSSL_PARAM *param = params; param->key != NULL; param++)
                CHECK(memmem(param->data, param->data_size, key, 16) == NULL);
        }
        OSSL_PARAM_free(params);
    }
    ERR_clear_error();
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

/* ---- sealing ---- */

static int seal(EVP_PKEY *pkey, bool encrypt, const void *in, size_t size, unsigned char *out,
                size_t *out_size)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(context, pkey, NULL);
    int result;

    CHECK(ctx != NULL);
    if (encrypt)
        result =
            EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_encrypt(ctx, out, out_size, in, size) == 1;
    else
        result =
            EVP_PKEY_decrypt_init(ctx) == 1 && EVP_PKEY_decrypt(ctx, out, out_size, in, size) == 1;
    EVP_PKEY_CTX_free(ctx);
    return result;
}

/* Opened by software with the key itself, from the published form. */
static void software_opens(const unsigned char *sealed, size_t size, const void *plain)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context_default(), "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char key[32], out[1000];
    int length = 0;

    unhex(GOLD_KEY, key, sizeof(key));
    gold_identity(out);
    CHECK(memcmp(sealed, "HSMZKE\r\n\1\1\1\0", 12) == 0 && memcmp(sealed + 12, out, 8) == 0);
    CHECK(EVP_DecryptInit_ex2(ctx, cipher, key, sealed + 20, NULL) == 1);
    CHECK(EVP_DecryptUpdate(ctx, NULL, &length, sealed, 20) == 1);
    CHECK(EVP_DecryptUpdate(ctx, out, &length, sealed + 32, (int)size - 48) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16,
                              (void *)(uintptr_t)(sealed + size - 16)) == 1);
    CHECK(EVP_DecryptFinal_ex(ctx, out, &length) == 1);
    CHECK(memcmp(out, plain, size - 48) == 0);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

static void sealed_messages(void)
{
    static const size_t sizes[] = { 0, 1, 16, 17, 900 };
    struct prng prng = { prng_seed() };
    unsigned char plain[1000], sealed[1048], again[1048], back[1000];
    EVP_PKEY *pkey;

    pkey_setup("", NULL);
    pkey = of_name("gold");
    prng_fill(&prng, plain, sizeof(plain));
    for (size_t i = 0; i < 5; i++) {
        size_t size = 0, back_size = sizeof(back), again_size = sizeof(again);

        CHECK(seal(pkey, true, plain, sizes[i], NULL, &size) && size == sizes[i] + 48);
        size = sizeof(sealed);
        CHECK(seal(pkey, true, plain, sizes[i], sealed, &size) && size == sizes[i] + 48);
        software_opens(sealed, size, plain);
        CHECK(seal(pkey, false, sealed, size, back, &back_size) && back_size == sizes[i]);
        CHECK(memcmp(back, plain, sizes[i]) == 0);
        /* Never twice under one IV. */
        CHECK(seal(pkey, true, plain, sizes[i], again, &again_size));
        CHECK(memcmp(again + 20, sealed + 20, 12) != 0);
    }
    CHECK(ERR_peek_error() == 0);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

static void forged_messages(void)
{
    unsigned char sealed[64], back[64];
    size_t size = sizeof(sealed);
    EVP_PKEY *pkey;

    pkey_setup("", NULL);
    pkey = of_name("gold");
    CHECK(seal(pkey, true, "sixteen bytes...", 16, sealed, &size) && size == 64);
    for (size_t i = 0; i < size; i++) {
        size_t back_size = sizeof(back);

        blank_fill(back, sizeof(back));
        sealed[i] ^= 1;
        CHECK(!seal(pkey, false, sealed, size, back, &back_size));
        CHECK_HAS(error_text(), "sealed");
        CHECK(still_blank(back, sizeof(back)));
        sealed[i] ^= 1;
    }
    for (size_t cut = 0; cut < size; cut++) {
        size_t back_size = sizeof(back);

        CHECK(!seal(pkey, false, sealed, cut, back, &back_size));
    }
    ERR_clear_error();
    size = 10; /* no room */
    CHECK(!seal(pkey, true, "sixteen bytes...", 16, sealed, &size));
    CHECK_HAS(error_text(), "needs 64");
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

/* ---- MACs ---- */

static void macs(void)
{
    struct mac_message software = { .mac = "CMAC", .algorithm = "AES-256-CBC" };
    unsigned char key[32], mac[32], in[1000] = { 1, 2, 3 };
    size_t size = sizeof(mac);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY *pkey;

    pkey_setup("", NULL);
    pkey = of_name("gold");
    unhex(GOLD_KEY, key, sizeof(key));
    software.key = key, software.key_size = sizeof(key), software.in = in,
    software.size = sizeof(in);
    CHECK(mac_run(context_default(), &software) == 1);
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, NULL, context, NULL, pkey, NULL) == 1);
    CHECK(EVP_DigestSign(ctx, mac, &size, in, sizeof(in)) == 1 && size == 16);
    CHECK(memcmp(mac, software.out, size) == 0);
    CHECK(EVP_MD_CTX_reset(ctx) == 1);
    CHECK(EVP_DigestVerifyInit_ex(ctx, NULL, NULL, context, NULL, pkey, NULL) == 1);
    CHECK(EVP_DigestVerify(ctx, mac, size, in, sizeof(in)) == 1);
    CHECK(ERR_peek_error() == 0);
    mac[15] ^= 1;
    CHECK(EVP_MD_CTX_reset(ctx) == 1);
    CHECK(EVP_DigestVerifyInit_ex(ctx, NULL, NULL, context, NULL, pkey, NULL) == 1);
    CHECK(EVP_DigestVerify(ctx, mac, size, in, sizeof(in)) != 1);
    CHECK(EVP_MD_CTX_reset(ctx) == 1);
    CHECK(EVP_DigestSignInit_ex(ctx, NULL, "SHA256", context, NULL, pkey, NULL) != 1);
    CHECK_HAS(error_text(), "take no digest");
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(made_of_references),
        CHILD_TEST(made_of_aliases),
        CHILD_TEST(made_of_nothing_else),
        CHILD_TEST(nothing_comes_out),

        CHILD_TEST(sealed_messages),
        CHILD_TEST(forged_messages),
        CHILD_TEST(macs),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
