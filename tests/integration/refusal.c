/*
 * Key references are refused wherever they would be taken for key bytes: by every MAC and every KDF
 * of `openssl list`, and by what makes an EVP_PKEY of bytes.  With references-elsewhere = allow
 * they are bytes like others.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#define ALLOW "references-elsewhere = allow\n"

static OSSL_LIB_CTX *context;

static void refusal_setup(const char *settings)
{
    token_standard();
    context = context_with(text("%s%s", settings_standard(), settings), NULL);
}

/* Bytes that begin as a reference; each algorithm takes a length of its own. */
static unsigned char *bytes_of(size_t size)
{
    unsigned char *bytes = keep(size);

    memcpy(bytes, "hsmzke:gold", size < 11 ? size : 11);
    return bytes;
}

static void check_refused(int result)
{
    CHECK(result == 0);
    CHECK_HAS(error_text(), "a reference to an HSM key was given to");
}

static void mac_refuses(EVP_MAC *mac, void *count)
{
    static const size_t sizes[] = { 7, 11, 16, 32, 64 };
    EVP_MAC_CTX *ctx;

    /* Ours say why themselves. */
    if (EVP_MAC_is_a(mac, "CMAC") || EVP_MAC_is_a(mac, "GMAC") || EVP_MAC_is_a(mac, "HMAC"))
        return;
    ctx = EVP_MAC_CTX_new(mac);
    CHECK(ctx != NULL);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        OSSL_PARAM params[] = { OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, bytes_of(sizes[i]),
                                                        sizes[i]),
                                OSSL_PARAM_END };

        check_refused(EVP_MAC_init(ctx, bytes_of(sizes[i]), sizes[i], NULL));
        check_refused(EVP_MAC_init(ctx, NULL, 0, params));
        check_refused(EVP_MAC_CTX_set_params(ctx, params));
    }
    EVP_MAC_CTX_free(ctx);
    printf("%s ", EVP_MAC_get0_name(mac));
    ++*(unsigned *)count;
}

/* `begin` is where in the key the reference begins. */
static void cipher_refuses_at(EVP_CIPHER *cipher, size_t size, size_t begin)
{
    unsigned char key[EVP_MAX_KEY_LENGTH] = { 1, 2, 3 }, iv[EVP_MAX_IV_LENGTH] = { 0 };
    const size_t room = size - begin < 13 ? size - begin : 13;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    memcpy(key + begin, "hsmzke:absent", room);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    CHECK(EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, 1, NULL) == 1);
    if (EVP_CIPHER_get_flags(cipher) & EVP_CIPH_VARIABLE_LENGTH)
        CHECK(EVP_CIPHER_CTX_set_key_length(ctx, (int)size) == 1);
    for (int encrypt = 0; encrypt <= 1; encrypt++) {
        CHECK(EVP_CipherInit_ex2(ctx, NULL, key, iv, encrypt, NULL) != 1);
        CHECK(strstr(error_text(), ":hsmzke:") != NULL);
    }
    EVP_CIPHER_CTX_free(ctx);
}

/* What is ours looks for the key and does not find it; all else refuses any reference. */
static void cipher_refuses(EVP_CIPHER *cipher, void *count)
{
    const bool variable = (EVP_CIPHER_get_flags(cipher) & EVP_CIPH_VARIABLE_LENGTH) != 0;
    const size_t size = (size_t)EVP_CIPHER_get_key_length(cipher);

    if (size < 7) /* no room for "hsmzke:" */
        return;
    cipher_refuses_at(cipher, size, 0);
    if (EVP_CIPHER_get_mode(cipher) == EVP_CIPH_XTS_MODE ||
        EVP_CIPHER_get_mode(cipher) == EVP_CIPH_SIV_MODE)
        cipher_refuses_at(cipher, size, size / 2);
    for (size_t other = 7; variable && other <= 32; other++)
        cipher_refuses_at(cipher, other, 0);
    ++*(unsigned *)count;
}

static void every_cipher(void)
{
    unsigned count = 0;

    refusal_setup("legacy = yes\n");
    EVP_CIPHER_do_all_provided(context, cipher_refuses, &count);
    printf("%u ciphers\n", count);
    CHECK(count >= 140);
    OSSL_LIB_CTX_free(context);
}

/* The TLS ciphers' second key, which is a parameter. */
static void cipher_mac_key(EVP_CIPHER *cipher, void *count)
{
    const OSSL_PARAM *settable = EVP_CIPHER_settable_ctx_params(cipher);
    OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_MAC_KEY, bytes_of(20), 20), OSSL_PARAM_END
    };
    unsigned char key[64] = { 1 }, iv[16] = { 0 };
    EVP_CIPHER_CTX *ctx;

    if (settable == NULL ||
        OSSL_PARAM_locate_const(settable, OSSL_CIPHER_PARAM_AEAD_MAC_KEY) == NULL)
        return;
    ctx = EVP_CIPHER_CTX_new();
    check_refused(EVP_CipherInit_ex2(ctx, cipher, key, iv, 1, params));
    CHECK(EVP_CipherInit_ex2(ctx, cipher, key, iv, 1, NULL) == 1);
    check_refused(EVP_CIPHER_CTX_set_params(ctx, params) > 0);
    EVP_CIPHER_CTX_free(ctx);
    ++*(unsigned *)count;
}

static void every_mac_key(void)
{
    unsigned count = 0;

    refusal_setup("");
    EVP_CIPHER_do_all_provided(context, cipher_mac_key, &count);
    printf("%u ciphers with a MAC key\n", count);
    CHECK(count >= 4 && ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static void every_mac(void)
{
    unsigned count = 0;

    refusal_setup("");
    EVP_MAC_do_all_provided(context, mac_refuses, &count);
    printf(": %u MACs\n", count);
    CHECK(count >= 6);
    OSSL_LIB_CTX_free(context);
}

/* Other keys pass as before. */
static void other_macs_work(void)
{
    static const struct {
        const char *mac;
        size_t key_size;
    } macs[] = { { "SIPHASH", 16 }, { "POLY1305", 32 }, { "BLAKE2BMAC", 32 }, { "KMAC128", 32 } };
    unsigned char key[32] = "a key of thirty-two bytes, raw..";

    refusal_setup("");
    for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++) {
        struct mac_message ours = { .mac = macs[i].mac,
                                    .key = key,
                                    .key_size = macs[i].key_size,
                                    .in = key,
                                    .size = sizeof(key) };
        struct mac_message theirs = ours;

        CHECK(mac_run(context, &ours) == 1 && mac_run(context_default(), &theirs) == 1);
        CHECK(ours.out_size == theirs.out_size && ours.out_size > 0);
        CHECK(memcmp(ours.out, theirs.out, ours.out_size) == 0);
    }
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

struct kdf_work {
    bool refused;
    unsigned kdfs, parameters;
};

static int default_takes(const EVP_KDF *ours, const OSSL_PARAM params[])
{
    EVP_KDF *kdf = EVP_KDF_fetch(context_default(), EVP_KDF_get0_name(ours), NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    int taken;

    CHECK(ctx != NULL);
    taken = EVP_KDF_CTX_set_params(ctx, params);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return taken;
}

/* Each parameter of a KDF that could hold a secret, by itself. */
static void kdf_parameters(EVP_KDF *kdf, void *work_)
{
    static const char *const names[] = { "key", "secret", "pass", "salt", "seed" };
    const OSSL_PARAM *settable = EVP_KDF_settable_ctx_params(kdf);
    struct kdf_work *work = work_;
    unsigned char out[16];
    EVP_KDF_CTX *ctx;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        OSSL_PARAM params[] = { OSSL_PARAM_octet_string(names[i], bytes_of(32), 32),
                                OSSL_PARAM_END };

        if (OSSL_PARAM_locate_const(settable, names[i]) == NULL)
            continue;
        /* Goes to the HSM: composites.c. */
        if (EVP_KDF_is_a(kdf, "KBKDF") && strcmp(names[i], "key") == 0)
            continue;
        ctx = EVP_KDF_CTX_new(kdf);
        CHECK(ctx != NULL);
        if (work->refused) {
            check_refused(EVP_KDF_CTX_set_params(ctx, params));
            check_refused(EVP_KDF_derive(ctx, out, sizeof(out), params));
        } else {
            CHECK(EVP_KDF_CTX_set_params(ctx, params) == default_takes(kdf, params));
            ERR_clear_error();
        }
        EVP_KDF_CTX_free(ctx);
        work->parameters++;
    }
    work->kdfs++;
}

static void every_kdf(void)
{
    struct kdf_work work = { .refused = true };

    refusal_setup("");
    EVP_KDF_do_all_provided(context, kdf_parameters, &work);
    printf("%u KDFs, %u parameters\n", work.kdfs, work.parameters);
    CHECK(work.kdfs >= 12 && work.parameters >= 20);
    OSSL_LIB_CTX_free(context);
}

/* The same by EVP_PKEY_derive(), which goes another way. */
static void derive_by_pkey(void)
{
    static const struct {
        const char *name, *parameter;
    } exchanges[] = { { "HKDF", "key" },      { "HKDF", "salt" },   { "TLS1-PRF", "secret" },
                      { "TLS1-PRF", "seed" }, { "SCRYPT", "pass" }, { "SCRYPT", "salt" } };

    refusal_setup("");
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
        OSSL_PARAM params[] = { OSSL_PARAM_octet_string(exchanges[i].parameter, bytes_of(32), 32),
                                OSSL_PARAM_END };
        EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(context, exchanges[i].name, NULL);

        CHECK(ctx != NULL);
        check_refused(EVP_PKEY_derive_init_ex(ctx, params) > 0);
        CHECK(EVP_PKEY_derive_init(ctx) == 1);
        check_refused(EVP_PKEY_CTX_set_params(ctx, params) > 0);
        EVP_PKEY_CTX_free(ctx);
    }
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static const struct {
    const char *name;
    size_t size;
} key_types[] = { { "SIPHASH", 16 }, { "POLY1305", 32 }, { "X25519", 32 },
                  { "X448", 56 },    { "ED25519", 32 },  { "ED448", 57 } };

static EVP_PKEY *raw_key(size_t i)
{
    return EVP_PKEY_new_raw_private_key_ex(context, key_types[i].name, NULL,
                                           bytes_of(key_types[i].size), key_types[i].size);
}

static void raw_keys(void)
{
    EVP_PKEY *key;
    EVP_PKEY_CTX *ctx;

    refusal_setup("");
    for (size_t i = 0; i < sizeof(key_types) / sizeof(key_types[0]); i++)
        check_refused(raw_key(i) != NULL);
    /* Key generation takes it as a parameter. */
    ctx = EVP_PKEY_CTX_new_from_name(context, "SIPHASH", NULL);
    CHECK(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
    check_refused(EVP_PKEY_CTX_set_mac_key(ctx, bytes_of(16), 16) > 0);
    EVP_PKEY_CTX_free(ctx);
    /* And all is well with other bytes. */
    key = EVP_PKEY_new_raw_private_key_ex(context, "HMAC", NULL, (unsigned char *)"some key", 8);
    CHECK(key != NULL);
    EVP_PKEY_free(key);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static void allowed(void)
{
    struct kdf_work work = { .refused = false };
    struct mac_message siphash = {
        .mac = "SIPHASH", .key = bytes_of(16), .key_size = 16, .in = bytes_of(5), .size = 5
    };

    refusal_setup(ALLOW);
    EVP_KDF_do_all_provided(context, kdf_parameters, &work);
    CHECK(work.parameters >= 20);
    CHECK(mac_run(context, &siphash) == 1);
    for (size_t i = 0; i < sizeof(key_types) / sizeof(key_types[0]); i++) {
        EVP_PKEY *key = raw_key(i);

        CHECK(key != NULL);
        EVP_PKEY_free(key);
    }
    CHECK(ERR_peek_error() == 0);
    /* Ours take it for a reference all the same, and ciphers refuse it. */
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "absent"), "'absent'");
    CHECK_HAS(name_refused(context, "ChaCha20", "gold"), "not offered in the HSM");
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(every_cipher),    CHILD_TEST(every_mac), CHILD_TEST(every_mac_key),
        CHILD_TEST(other_macs_work), CHILD_TEST(every_kdf), CHILD_TEST(derive_by_pkey),
        CHILD_TEST(raw_keys),        CHILD_TEST(allowed),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
