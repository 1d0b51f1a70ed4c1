/*
 * Several library contexts: keys that go from one behind the gateway to one with the default
 * provider and back, what TLS asks of both, contexts with settings of their own, and child
 * contexts, which other providers make.
 */
#include "testing.h"

#include <string.h>

#include <openssl/core_dispatch.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/x509.h>

static OSSL_LIB_CTX *context;

static void contexts_setup(const char *settings)
{
    token_standard();
    context = context_with(text("%s%s", settings_standard(), settings), NULL);
}

static EVP_PKEY *generate(OSSL_LIB_CTX *library, const char *type, const char *group)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(library, type, NULL);
    EVP_PKEY *key = NULL;

    CHECK(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
    CHECK(group == NULL || EVP_PKEY_CTX_set_group_name(ctx, group) == 1);
    CHECK(EVP_PKEY_generate(ctx, &key) == 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* By EVP_PKEY_export() and import, as parameters. */
static EVP_PKEY *moved(EVP_PKEY *key, OSSL_LIB_CTX *to)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(to, EVP_PKEY_get0_type_name(key), NULL);
    OSSL_PARAM *params = NULL;
    EVP_PKEY *copy = NULL;

    CHECK(EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params) == 1);
    CHECK(ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1);
    CHECK(EVP_PKEY_fromdata(ctx, &copy, EVP_PKEY_KEYPAIR, params) == 1);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return copy;
}

/* By encrypted PKCS#8. */
static EVP_PKEY *written(EVP_PKEY *key, OSSL_LIB_CTX *to)
{
    BIO *bio = BIO_new(BIO_s_mem());
    EVP_PKEY *copy;

    CHECK(PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), "word", 4, NULL, NULL) == 1);
    copy = PEM_read_bio_PrivateKey_ex(bio, NULL, NULL, (char[]){ "word" }, to, NULL);
    CHECK(copy != NULL);
    BIO_free(bio);
    return copy;
}

static void check_signature(EVP_PKEY *signer, OSSL_LIB_CTX *one, EVP_PKEY *verifier,
                            OSSL_LIB_CTX *other, const char *digest)
{
    unsigned char signature[512];
    size_t size = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    CHECK(EVP_DigestSignInit_ex(ctx, NULL, digest, one, NULL, signer, NULL) == 1);
    CHECK(EVP_DigestSign(ctx, signature, &size, (const unsigned char *)"data", 4) == 1);
    EVP_MD_CTX_free(ctx);
    ctx = EVP_MD_CTX_new();
    CHECK(EVP_DigestVerifyInit_ex(ctx, NULL, digest, other, NULL, verifier, NULL) == 1);
    CHECK(EVP_DigestVerify(ctx, signature, size, (const unsigned char *)"data", 4) == 1);
    signature[size / 2] ^= 1;
    CHECK(EVP_DigestVerify(ctx, signature, size, (const unsigned char *)"data", 4) != 1);
    ERR_clear_error();
    EVP_MD_CTX_free(ctx);
}

static const struct {
    const char *type, *group, *digest; /* digest: "" if the key signs without; NULL: it does not */
} types[] = { { "RSA", NULL, "SHA256" },  { "EC", "P-256", "SHA256" }, { "EC", "P-521", "SHA512" },
              { "ED25519", NULL, "" },    { "ED448", NULL, "" },       { "X25519", NULL, NULL },
              { "DH", "ffdhe2048", NULL } };

static void check_key(size_t i, OSSL_LIB_CTX *from, OSSL_LIB_CTX *to)
{
    const char *digest = types[i].digest;
    EVP_PKEY *key = generate(from, types[i].type, types[i].group);
    EVP_PKEY *copy = moved(key, to), *read = written(key, to);

    CHECK(EVP_PKEY_eq(key, copy) == 1 && EVP_PKEY_eq(key, read) == 1);
    if (digest != NULL) {
        digest = *digest != '\0' ? digest : NULL;
        check_signature(key, from, copy, to, digest);
        check_signature(read, to, key, from, digest);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_free(copy);
    EVP_PKEY_free(read);
}

static void keys_come_and_go(void)
{
    contexts_setup("");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        check_key(i, context, context_default());
        check_key(i, context_default(), context);
    }
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* One line for each: all that it says. */
static int note_capability(const OSSL_PARAM params[], void *lines)
{
    const char **all = lines;

    for (; params->key != NULL; params++) {
        if (params->data_type == OSSL_PARAM_UTF8_STRING)
            *all = text("%s %s=%s", *all, params->key, (const char *)params->data);
        else
            *all = text("%s %s=%s", *all, params->key, hex(params->data, params->data_size));
    }
    *all = text("%s\n", *all);
    return 1;
}

static void capabilities_are_the_same(void)
{
    static const char *const capabilities[] = { "TLS-GROUP", "TLS-SIGALG" };

    contexts_setup("");
    for (size_t i = 0; i < sizeof(capabilities) / sizeof(capabilities[0]); i++) {
        OSSL_PROVIDER *ours = OSSL_PROVIDER_load(context, "hsmzke");
        OSSL_PROVIDER *theirs = OSSL_PROVIDER_load(context_default(), "default");
        const char *our_lines = "", *their_lines = "";

        CHECK(ours != NULL && theirs != NULL);
        CHECK(
            OSSL_PROVIDER_get_capabilities(ours, capabilities[i], note_capability, &our_lines) ==
            OSSL_PROVIDER_get_capabilities(theirs, capabilities[i], note_capability, &their_lines));
        CHECK(strcmp(our_lines, their_lines) == 0);
        CHECK(i > 0 || strlen(our_lines) > 1000);
        OSSL_PROVIDER_unload(ours);
        OSSL_PROVIDER_unload(theirs);
    }
    OSSL_LIB_CTX_free(context);
}

/* Each has its own settings, and none of them outlives it. */
static void settings_of_their_own(void)
{
    unsigned char raw[32] = "a key of thirty-two bytes, raw..";

    contexts_setup("");
    for (int round = 0; round < 20; round++) {
        OSSL_LIB_CTX *lenient =
            context_with(text("%sraw-keys = software\n", settings_standard()), NULL);

        CHECK(key_works(lenient, "AES-256-CBC", raw, hex(raw, sizeof(raw))) == 1);
        CHECK_HAS(key_refused(context, "AES-256-CBC", raw), "raw-keys = refuse");
        CHECK(name_works(lenient, "AES-256-CTR", "gold", GOLD_KEY) == 1);
        CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
        OSSL_LIB_CTX_free(lenient);
    }
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* A provider that does nothing but make a child context, as legacy and pkcs11-provider do. */
static OSSL_LIB_CTX *child;

static const OSSL_ALGORITHM *nothing(void *provctx, int operation, int *no_cache)
{
    (void)provctx, (void)operation;
    *no_cache = 0;
    return NULL;
}

static void free_child(void *provctx)
{
    OSSL_LIB_CTX_free(provctx);
}

static int parent_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                       const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH dispatch[] = {
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))nothing },
        { OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))free_child },
        { 0, NULL },
    };

    child = OSSL_LIB_CTX_new_child(handle, in);
    *out = dispatch;
    *provctx = child;
    return child != NULL;
}

static void child_contexts(void)
{
    OSSL_PROVIDER *parent;

    contexts_setup("");
    CHECK(OSSL_PROVIDER_add_builtin(context, "parent", parent_init) == 1);
    parent = OSSL_PROVIDER_load(context, "parent");
    CHECK(parent != NULL && child != NULL);
    CHECK(name_works(child, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(name_works(child, "AES-256-CTR", "gold", GOLD_KEY) == 1);
    CHECK_HAS(name_refused(child, "ChaCha20", "gold"), "not offered in the HSM");
    CHECK(ERR_peek_error() == 0);
    OSSL_PROVIDER_unload(parent);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(keys_come_and_go),
        CHILD_TEST(capabilities_are_the_same),
        CHILD_TEST(settings_of_their_own),
        CHILD_TEST(child_contexts),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
