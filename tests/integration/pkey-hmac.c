/*
 * Secrets of the HSM as EVP_PKEYs of type HSMZKE-HMAC: found, generated, written as reference
 * files; the HMACs that they make, against software with the same secret; and what is refused.
 */
#include "testing.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/store.h>

#include <hsmzke/hsmzke.h>

/* 64 bytes: SoftHSM makes no HMAC that is longer than its key. */
#define SECRET GOLD_KEY SILVER_KEY

static OSSL_LIB_CTX *context;

static void hmac_setup(void)
{
    token_standard();
    token_import("prod", USER_PIN,
                 "auth " SECRET " type=generic\n"
                 "no-sign " SECRET " type=generic no-sign\n"
                 "both " SECRET " type=generic\n"
                 "both " GOLD_KEY "\n");
    context = context_with(settings_standard(), NULL);
}

static EVP_PKEY *of_name(const char *type, const char *name)
{
    return EVP_PKEY_new_raw_private_key_ex(
        context, type, NULL, (const unsigned char *)text("hsmzke:%s", name), 7 + strlen(name));
}

static EVP_PKEY *of_store(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, context, NULL, NULL, NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO *info = store != NULL ? OSSL_STORE_load(store) : NULL;
    EVP_PKEY *pkey = info != NULL ? OSSL_STORE_INFO_get1_PKEY(info) : NULL;

    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    return pkey;
}

/* `digest` NULL: the key's own. @return the size of the HMAC, 0: failed */
static size_t sign(EVP_PKEY *pkey, const char *digest, const void *in, size_t size,
                   unsigned char mac[64])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t made = 64, half = size / 2;

    if (EVP_DigestSignInit_ex(ctx, NULL, digest, context, NULL, pkey, NULL) != 1 ||
        EVP_DigestSignUpdate(ctx, in, half) != 1 ||
        EVP_DigestSignUpdate(ctx, (const char *)in + half, size - half) != 1 ||
        EVP_DigestSignFinal(ctx, mac, &made) != 1)
        made = 0;
    EVP_MD_CTX_free(ctx);
    return made;
}

static int verify(EVP_PKEY *pkey, const char *digest, const unsigned char *mac, size_t mac_size,
                  const void *in, size_t size)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const int result = EVP_DigestVerifyInit_ex(ctx, NULL, digest, context, NULL, pkey, NULL) == 1 &&
                       EVP_DigestVerify(ctx, mac, mac_size, in, size) == 1;

    EVP_MD_CTX_free(ctx);
    return result;
}

static void agrees(EVP_PKEY *pkey, const char *digest, size_t size)
{
    static unsigned char in[5000] = { 1, 2, 3 };
    struct mac_message software = {
        .mac = "HMAC", .algorithm = digest != NULL ? digest : "SHA256", .in = in, .size = size
    };
    unsigned char secret[64], mac[64];
    size_t mac_size;

    software.key = secret;
    software.key_size = unhex(SECRET, secret, sizeof(secret));
    CHECK(mac_run(context_default(), &software) == 1);
    mac_size = sign(pkey, digest, in, size, mac);
    CHECK(mac_size == software.out_size && memcmp(mac, software.out, mac_size) == 0);
    CHECK(verify(pkey, digest, mac, mac_size, in, size));
    CHECK(ERR_peek_error() == 0);
    mac[mac_size - 1] ^= 1;
    CHECK(!verify(pkey, digest, mac, mac_size, in, size));
    mac[mac_size - 1] ^= 1;
    CHECK(!verify(pkey, digest, mac, mac_size - 1, in, size));
    ERR_clear_error();
}

static void hmacs(void)
{
    static const char *const digests[] = { "SHA1",   "SHA224", "SHA256",   "SHA384",
                                           "SHA512", NULL,     "SHA2-256", "SHA2-512" };
    EVP_PKEY *pkeys[2];

    hmac_setup();
    pkeys[0] = of_name(HSMZKE_PKEY_HMAC_TYPE, "auth");
    pkeys[1] = of_store("hsmzke:auth");
    for (size_t k = 0; k < 2; k++) {
        CHECK(pkeys[k] != NULL && EVP_PKEY_is_a(pkeys[k], HSMZKE_PKEY_HMAC_TYPE));
        CHECK(EVP_PKEY_get_bits(pkeys[k]) == 512);
        for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
            agrees(pkeys[k], digests[i], 0);
            agrees(pkeys[k], digests[i], 4999);
        }
    }
    CHECK(EVP_PKEY_eq(pkeys[0], pkeys[1]) == 1);
    EVP_PKEY_free(pkeys[0]);
    EVP_PKEY_free(pkeys[1]);
    OSSL_LIB_CTX_free(context);
}

static void signing_refused(const char *name, const char *digest, const char *words)
{
    EVP_PKEY *pkey = of_name(HSMZKE_PKEY_HMAC_TYPE, name);
    unsigned char mac[64];

    CHECK(pkey != NULL && sign(pkey, digest, "x", 1, mac) == 0);
    CHECK_HAS(error_text(), words);
    EVP_PKEY_free(pkey);
}

/* EVP_PKEY_sign() would be about a digest that was made in the process. */
static void digests_refused(const char *type, const char *name)
{
    EVP_PKEY *pkey = of_name(type, name);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(context, pkey, NULL);
    unsigned char mac[64];
    size_t size = sizeof(mac);

    CHECK(ctx != NULL && EVP_PKEY_sign_init(ctx) != 1);
    CHECK_HAS(error_text(), "-sign -rawin");
    CHECK(EVP_PKEY_sign(ctx, mac, &size, (const unsigned char *)"x", 1) != 1);
    CHECK(EVP_PKEY_verify_init(ctx) != 1);
    CHECK_HAS(error_text(), "EVP_DigestVerify()");
    CHECK(EVP_PKEY_verify(ctx, mac, 32, (const unsigned char *)"x", 1) != 1);
    ERR_clear_error();
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
}

static void refused(void)
{
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *ctx;
    unsigned char mac[64];
    size_t size = 8;
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    hmac_setup();
    signing_refused("no-sign", "SHA256", "CKA_SIGN is false");
    signing_refused("auth", "SHA3-256", "SHA-384 and SHA-512, and was given 'SHA3-256'");
    digests_refused(HSMZKE_PKEY_HMAC_TYPE, "auth");
    digests_refused(HSMZKE_PKEY_TYPE, "gold");
    CHECK(of_name(HSMZKE_PKEY_HMAC_TYPE, "gold") == NULL);
    CHECK_HAS(error_text(), "is no generic secret or HMAC key");
    CHECK(of_name(HSMZKE_PKEY_TYPE, "auth") == NULL);
    CHECK_HAS(error_text(), "is no AES key");
    /* Each type finds its own; without a type, it is not clear which one is meant. */
    CHECK(of_store("hsmzke:both") == NULL);
    CHECK_HAS(error_text(), "several keys for 'both'");
    EVP_PKEY_free(of_name(HSMZKE_PKEY_HMAC_TYPE, "both"));
    EVP_PKEY_free(of_name(HSMZKE_PKEY_TYPE, "both"));
    CHECK(ERR_peek_error() == 0);
    pkey = of_name(HSMZKE_PKEY_HMAC_TYPE, "auth");
    ctx = EVP_PKEY_CTX_new_from_pkey(context, pkey, NULL);
    CHECK(EVP_PKEY_encrypt_init(ctx) != 1);
    ERR_clear_error();
    CHECK(EVP_DigestSignInit_ex(md, NULL, NULL, context, NULL, pkey, NULL) == 1);
    CHECK(EVP_DigestSign(md, mac, &size, (const unsigned char *)"x", 1) != 1);
    CHECK_HAS(error_text(), "needs 32");
    EVP_MD_CTX_free(md);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

static EVP_PKEY *there_and_back(EVP_PKEY *pkey, const char *form)
{
    OSSL_ENCODER_CTX *encoder =
        OSSL_ENCODER_CTX_new_for_pkey(pkey, EVP_PKEY_KEYPAIR, form, "PrivateKeyInfo", NULL);
    EVP_PKEY *back = NULL;
    OSSL_DECODER_CTX *decoder =
        OSSL_DECODER_CTX_new_for_pkey(&back, form, NULL, NULL, 0, context, NULL);
    unsigned char *out = NULL, secret[64];
    const unsigned char *at;
    size_t size = 0;

    unhex(SECRET, secret, sizeof(secret));
    CHECK(encoder != NULL && OSSL_ENCODER_to_data(encoder, &out, &size) == 1);
    CHECK(memmem(out, size, secret, 8) == NULL);
    at = out;
    CHECK(decoder != NULL && OSSL_DECODER_from_data(decoder, &at, &size) == 1 && back != NULL);
    CHECK(ERR_peek_error() == 0);
    OPENSSL_free(out);
    OSSL_ENCODER_CTX_free(encoder);
    OSSL_DECODER_CTX_free(decoder);
    return back;
}

static void reference_files(void)
{
    static const char *const forms[] = { "DER", "PEM" };
    EVP_PKEY *pkey, *back;

    hmac_setup();
    pkey = of_name(HSMZKE_PKEY_HMAC_TYPE, "auth");
    for (size_t i = 0; i < 2; i++) {
        back = there_and_back(pkey, forms[i]);
        CHECK(EVP_PKEY_is_a(back, HSMZKE_PKEY_HMAC_TYPE));
        agrees(back, NULL, 100);
        CHECK(EVP_PKEY_eq(pkey, back) == 1);
        EVP_PKEY_free(back);
    }
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

/* Nothing comes out but the reference. */
static void exports(void)
{
    unsigned char raw[64], expected[32];
    size_t size = sizeof(raw);
    EVP_PKEY *pkey;

    hmac_setup();
    pkey = of_name(HSMZKE_PKEY_HMAC_TYPE, "auth");
    reference_by_name(expected, "auth");
    CHECK(EVP_PKEY_get_raw_private_key(pkey, raw, &size) == 1 && size == 32);
    CHECK(memcmp(raw, expected, 32) == 0);
    CHECK(EVP_PKEY_get_raw_public_key(pkey, raw, &size) == 0);
    CHECK(EVP_PKEY_get_octet_string_param(pkey, "priv", raw, sizeof(raw), NULL) == 0);
    ERR_clear_error();
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

static const char *as_text(EVP_PKEY *pkey)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *bytes = NULL;
    const char *result;
    long size;

    CHECK(EVP_PKEY_print_private(bio, pkey, 0, NULL) == 1);
    size = BIO_get_mem_data(bio, &bytes);
    result = text("%.*s", (int)size, bytes);
    BIO_free(bio);
    return result;
}

static EVP_PKEY *generate(const char *label, size_t bytes)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(context, HSMZKE_PKEY_HMAC_TYPE, NULL);
    OSSL_PARAM params[3] = { 0 };
    EVP_PKEY *pkey = NULL;

    params[0] = OSSL_PARAM_construct_utf8_string("label", (char *)(uintptr_t)label, 0);
    params[1] =
        bytes > 0 ? OSSL_PARAM_construct_size_t("bytes", &bytes) : OSSL_PARAM_construct_end();
    params[2] = OSSL_PARAM_construct_end();
    CHECK(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
    if (EVP_PKEY_CTX_set_params(ctx, params) == 1 && EVP_PKEY_generate(ctx, &pkey) != 1)
        CHECK(pkey == NULL);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

/* With the strictest template; strict takes it, and -check finds nothing against it. */
static void generated(void)
{
    static const struct {
        const char *label;
        size_t asked, made;
    } keys[] = { { "usual", 0, 64 }, { "least", 16, 16 }, { "most", 128, 128 } };
    unsigned char mac[64];

    token_standard();
    context = context_with(text("%skey-policy = strict\n", settings_standard()), NULL);
    for (size_t i = 0; i < 3; i++) {
        EVP_PKEY *pkey = generate(keys[i].label, keys[i].asked);
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(context, pkey, NULL);
        const char *shown;

        CHECK(pkey != NULL && ERR_peek_error() == 0);
        CHECK(EVP_PKEY_get_bits(pkey) == (int)keys[i].made * 8);
        CHECK(strcmp(token_show("prod", USER_PIN, keys[i].label),
                     "keys=1\nsensitive=1\nextractable=0\nprivate=1\ntoken=1\nmodifiable=0\n"
                     "copyable=0\nencrypt=0\ndecrypt=0\nsign=1\nverify=1\nwrap=0\nunwrap=0\n"
                     "derive=0\nlocal=1\ntrusted=0\n"
                     "allowed=0x251\nallowed=0x261\nallowed=0x271\n") == 0);
        shown = as_text(pkey);
        CHECK_HAS(shown, "HMAC key in the HSM\n");
        CHECK_HAS(shown, text("Length: %zu bytes\n", keys[i].made));
        CHECK_HAS(shown, "CKA_ALLOWED_MECHANISMS: CKM_SHA256_HMAC, CKM_SHA384_HMAC, ");
        CHECK(EVP_PKEY_check(ctx) == 1);
        if (keys[i].made >= 32)
            CHECK(sign(pkey, "SHA256", "x", 1, mac) == 32);
        CHECK(sign(pkey, "SHA1", "x", 1, mac) == 0); /* not on the list */
        ERR_clear_error();
        EVP_PKEY_CTX_free(ctx);
        EVP_PKEY_free(pkey);
    }
    OSSL_LIB_CTX_free(context);
}

static void generation_refused(const char *label, size_t bytes, const char *words)
{
    CHECK(generate(label, bytes) == NULL);
    CHECK_HAS(error_text(), words);
}

static void not_generated(void)
{
    token_standard();
    spy_setup(NULL, NULL);
    context = context_with(settings_spied(), NULL);
    generation_refused("gold", 0, "label 'gold' already");
    generation_refused("", 0, "needs a label");
    generation_refused("short", 15, "16 to 128 bytes");
    generation_refused("long", 129, "16 to 128 bytes");
    CHECK(spy_calls("C_GenerateKey") == 0);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(hmacs),   CHILD_TEST(refused),   CHILD_TEST(reference_files),
        CHILD_TEST(exports), CHILD_TEST(generated), CHILD_TEST(not_generated),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
