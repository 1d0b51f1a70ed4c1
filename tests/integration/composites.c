/*
 * Algorithms of the default provider that are built upon ours: KBKDF over a MAC, and the EVP_PKEY
 * of a MAC.  A reference as their key leads to the HSM and gives the bytes of software, or an
 * error; it is never taken for bytes.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#define SECRET "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a090807060504030201001f1e1d1c"

static OSSL_LIB_CTX *context;

static void composites_setup(const char *fail)
{
    token_standard();
    token_import("prod", USER_PIN, "secret " SECRET " type=generic\n");
    spy_setup(fail, NULL);
    context = context_with(settings_spied(), NULL);
}

struct derivation {
    const char *mac, *algorithm; /* "CMAC" with a cipher, "HMAC" with a digest */
    const char *mode;
    const void *key;
    size_t key_size;
    unsigned char out[100];
};

/* KBKDF: NIST SP 800-108. */
static int derive(OSSL_LIB_CTX *library, struct derivation *work)
{
    EVP_KDF *kdf = EVP_KDF_fetch(library, "KBKDF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[7], *param = params;
    int done;

    CHECK(ctx != NULL);
#define TEXT(name, value)                                                                          \
    *param++ = OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)(value), 0)
#define BYTES(name, value, size) *param++ = OSSL_PARAM_construct_octet_string(name, value, size)
    TEXT(OSSL_KDF_PARAM_MAC, work->mac);
    TEXT(strcmp(work->mac, "CMAC") == 0 ? OSSL_KDF_PARAM_CIPHER : OSSL_KDF_PARAM_DIGEST,
         work->algorithm);
    TEXT(OSSL_KDF_PARAM_MODE, work->mode);
    BYTES(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)work->key, work->key_size);
    BYTES(OSSL_KDF_PARAM_SALT, (char[]){ "label" }, 5);
    BYTES(OSSL_KDF_PARAM_INFO, (char[]){ "context" }, 7);
    *param = OSSL_PARAM_construct_end();
#undef TEXT
#undef BYTES
    blank_fill(work->out, sizeof(work->out));
    done = EVP_KDF_derive(ctx, work->out, sizeof(work->out), params);
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    return done;
}

static const struct {
    const char *mac, *algorithm, *name, *key;
} macs[] = {
    { "CMAC", "AES-256-CBC", "gold", GOLD_KEY },
    { "HMAC", "SHA1", "secret", SECRET },
    { "HMAC", "SHA2-224", "secret", SECRET },
    { "HMAC", "SHA2-256", "secret", SECRET },
};

static void check_derivation(size_t i, const char *mode)
{
    unsigned char reference[32], key[64];
    struct derivation ours = { macs[i].mac, macs[i].algorithm, mode, reference, 32, { 0 } };
    struct derivation theirs = { macs[i].mac, macs[i].algorithm, mode, key, 0, { 0 } };

    reference_by_name(reference, macs[i].name);
    theirs.key_size = unhex(macs[i].key, key, sizeof(key));
    CHECK(derive(context, &ours) == 1 && derive(context_default(), &theirs) == 1);
    CHECK(memcmp(ours.out, theirs.out, sizeof(ours.out)) == 0);
    /* As `openssl kdf -kdfopt key:hsmzke:gold` writes it. */
    ours.key_size = strlen((const char *)reference);
    CHECK(derive(context, &ours) == 1);
    CHECK(memcmp(ours.out, theirs.out, sizeof(ours.out)) == 0);
    CHECK(ERR_peek_error() == 0);
}

static void kbkdf(void)
{
    composites_setup(NULL);
    for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++) {
        check_derivation(i, "counter");
        check_derivation(i, "feedback");
    }
    CHECK(spy_calls("C_SignInit") > 0);
    OSSL_LIB_CTX_free(context);
}

/* Raw keys go on as before, although raw-keys = refuse holds for the program's own ciphers. */
static void kbkdf_raw(void)
{
    unsigned char key[32] = "a key of thirty-two bytes, raw..";
    struct derivation ours = { "CMAC", "AES-256-CBC", "counter", key, 32, { 0 } }, theirs = ours;

    composites_setup(NULL);
    CHECK(derive(context, &ours) == 1 && derive(context_default(), &theirs) == 1);
    CHECK(memcmp(ours.out, theirs.out, sizeof(ours.out)) == 0);
    ours.algorithm = theirs.algorithm = "AES-128-CBC";
    ours.key_size = theirs.key_size = 16;
    CHECK(derive(context, &ours) == 1 && derive(context_default(), &theirs) == 1);
    CHECK(memcmp(ours.out, theirs.out, sizeof(ours.out)) == 0);
    CHECK(spy_calls("C_SignInit") == 0 && ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static void check_no_derivation(const char *mac, const char *algorithm, const char *key,
                                size_t size, const char *words)
{
    struct derivation work = { mac, algorithm, "counter", key, size, { 0 } };

    CHECK(derive(context, &work) != 1);
    CHECK(still_blank(work.out, sizeof(work.out)));
    CHECK_HAS(error_text(), words);
}

static void kbkdf_refused(void)
{
    composites_setup(NULL);
    check_no_derivation("CMAC", "AES-256-CBC", "hsmzke:absent", 13, "'absent'");
    check_no_derivation("CMAC", "AES-128-CBC", "hsmzke:gold\0\0\0\0\0", 16, "not offered");
    check_no_derivation("HMAC", "SHA2-256", "hsmzke:gold", 11, "'gold'");
    check_no_derivation("HMAC", "MD5", "hsmzke:secret", 13, "not offered");
    OSSL_LIB_CTX_free(context);
}

static void kbkdf_module_fails(void)
{
    composites_setup("C_Sign:1+:0x30");
    check_no_derivation("CMAC", "AES-256-CBC", "hsmzke:gold", 11, "CKR_DEVICE_ERROR");
    CHECK(spy_failures() > 0);
    OSSL_LIB_CTX_free(context);
}

/* The recipe of docs/recipes.md. */
static int kdf_command(const char *environment, const char *key, const char **output)
{
    return run_shell(text("%s openssl kdf -keylen 32 -kdfopt mac:CMAC -kdfopt cipher:AES-256-CBC "
                          "-kdfopt %s -kdfopt salt:session -kdfopt info:2026-11 KBKDF",
                          environment, key),
                     output);
}

static void command_line(void)
{
    const char *preload = getenv("HSMZKE_TEST_PRELOAD"), *ours, *theirs, *environment;

    token_standard();
    environment = text("OPENSSL_CONF=%s LD_PRELOAD='%s' ASAN_OPTIONS=detect_leaks=0",
                       config_file(settings_standard(), NULL), preload != NULL ? preload : "");
    CHECK(kdf_command(environment, "key:hsmzke:gold", &ours) == 0);
    CHECK(kdf_command("OPENSSL_CONF=/dev/null", "hexkey:" GOLD_KEY, &theirs) == 0);
    CHECK(strlen(ours) > 90 && strcmp(ours, theirs) == 0);
    CHECK(kdf_command(environment, "key:hsmzke:absent", &ours) != 0);
    CHECK_HAS(ours, "'absent'");
}

/* EVP_DigestSign*(): its size, or 0. */
static size_t sign(OSSL_LIB_CTX *library, EVP_PKEY *key, const char *digest,
                   unsigned char mac[EVP_MAX_MD_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    size_t size = EVP_MAX_MD_SIZE;

    blank_fill(mac, EVP_MAX_MD_SIZE);
    if (key == NULL || !EVP_DigestSignInit_ex(ctx, NULL, digest, library, NULL, key, NULL) ||
        !EVP_DigestSignUpdate(ctx, "a mess", 6) || !EVP_DigestSignUpdate(ctx, "age", 3) ||
        !EVP_DigestSignFinal(ctx, mac, &size))
        size = 0;
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    return size;
}

static EVP_PKEY *cmac_key(OSSL_LIB_CTX *library, void *bytes, size_t size)
{
    OSSL_PARAM params[] = { OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PRIV_KEY, bytes, size),
                            OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_CIPHER,
                                                   (char[]){ "AES-256-CBC" }, 11),
                            OSSL_PARAM_END };
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(library, "CMAC", NULL);
    EVP_PKEY *key = NULL;

    CHECK(ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1);
    CHECK(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *hmac_key(OSSL_LIB_CTX *library, const void *bytes, size_t size)
{
    return EVP_PKEY_new_raw_private_key_ex(library, "HMAC", NULL, bytes, size);
}

static void sign_by_pkey(void)
{
    unsigned char reference[32], key[64];
    unsigned char ours[EVP_MAX_MD_SIZE], theirs[EVP_MAX_MD_SIZE];
    size_t size = unhex(GOLD_KEY, key, sizeof(key));

    composites_setup(NULL);
    reference_by_name(reference, "gold");
    CHECK(sign(context, cmac_key(context, reference, 32), NULL, ours) == 16);
    CHECK(sign(context_default(), cmac_key(context_default(), key, size), NULL, theirs) == 16);
    CHECK(memcmp(ours, theirs, 16) == 0);
    reference_by_name(reference, "secret");
    size = unhex(SECRET, key, sizeof(key));
    CHECK(sign(context, hmac_key(context, reference, 32), "SHA2-256", ours) == 32);
    CHECK(sign(context_default(), hmac_key(context_default(), key, size), "SHA2-256", theirs) ==
          32);
    CHECK(memcmp(ours, theirs, 32) == 0);
    CHECK(ERR_peek_error() == 0);
    reference_by_name(reference, "absent");
    CHECK(sign(context, hmac_key(context, reference, 32), "SHA2-256", ours) == 0);
    CHECK(still_blank(ours, sizeof(ours)));
    CHECK_HAS(error_text(), "'absent'");
    OSSL_LIB_CTX_free(context);
}

/* What such a key can be asked for is the reference. */
static void key_is_the_reference(void)
{
    unsigned char reference[32], got[64];
    size_t size = sizeof(got);
    EVP_PKEY *key;

    composites_setup(NULL);
    reference_by_name(reference, "secret");
    key = hmac_key(context, reference, 32);
    CHECK(key != NULL && EVP_PKEY_get_raw_private_key(key, got, &size) == 1);
    CHECK(size == 32 && memcmp(got, reference, 32) == 0);
    EVP_PKEY_free(key);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(kbkdf),         CHILD_TEST(kbkdf_raw),
        CHILD_TEST(kbkdf_refused), CHILD_TEST(kbkdf_module_fails),
        CHILD_TEST(sign_by_pkey),  CHILD_TEST(key_is_the_reference),
        CHILD_TEST(command_line),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
