/*
 * What else lives beside the gateway: the legacy provider, through it or next to it; other
 * providers, by preference; and files that are named like references.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>

static OSSL_LIB_CTX *context;

static void neighbours_setup(const char *settings)
{
    token_standard();
    context = context_with(text("%s%s", settings_standard(), settings), NULL);
}

static OSSL_LIB_CTX *legacy_context(void)
{
    OSSL_LIB_CTX *other = OSSL_LIB_CTX_new();

    CHECK(other != NULL && OSSL_PROVIDER_load(other, "legacy") != NULL);
    CHECK(OSSL_PROVIDER_load(other, "default") != NULL);
    return other;
}

static void digest_is_the_same(EVP_MD *theirs, void *count)
{
    unsigned char a[EVP_MAX_MD_SIZE], b[EVP_MAX_MD_SIZE];
    unsigned int a_size, b_size;
    EVP_MD *ours;

    if (strcmp(OSSL_PROVIDER_get0_name(EVP_MD_get0_provider(theirs)), "legacy") != 0)
        return;
    ours = EVP_MD_fetch(context, EVP_MD_get0_name(theirs), NULL);
    CHECK(ours != NULL);
    CHECK(EVP_Digest("some data", 9, a, &a_size, ours, NULL) == 1);
    CHECK(EVP_Digest("some data", 9, b, &b_size, theirs, NULL) == 1);
    CHECK(a_size == b_size && memcmp(a, b, a_size) == 0);
    EVP_MD_free(ours);
    ++*(unsigned *)count;
}

static size_t encipher(EVP_CIPHER *cipher, const unsigned char *key, unsigned char out[64])
{
    static const unsigned char iv[EVP_MAX_IV_LENGTH] = { 1, 2, 3 };
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int size = 0, last = 0;

    if (!EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) ||
        !EVP_EncryptUpdate(ctx, out, &size, (const unsigned char *)"twenty bytes of data", 20) ||
        !EVP_EncryptFinal_ex(ctx, out + size, &last))
        size = last = 0;
    EVP_CIPHER_CTX_free(ctx);
    return (size_t)(size + last);
}

static void cipher_is_the_same(EVP_CIPHER *theirs, void *count)
{
    unsigned char key[EVP_MAX_KEY_LENGTH] = "some raw key or other", a[64], b[64];
    EVP_CIPHER *ours;
    size_t size;

    if (strcmp(OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(theirs)), "legacy") != 0)
        return;
    ours = EVP_CIPHER_fetch(context, EVP_CIPHER_get0_name(theirs), NULL);
    CHECK(ours != NULL);
    size = encipher(theirs, key, b);
    CHECK(size >= 20 && encipher(ours, key, a) == size && memcmp(a, b, size) == 0);
    CHECK(ERR_peek_error() == 0);
    memcpy(key, "hsmzke:gold", 12);
    if (EVP_CIPHER_get_key_length(ours) >= 7) {
        CHECK(encipher(ours, key, a) == 0);
        CHECK_HAS(error_text(), "a reference to an HSM key was given to");
    }
    EVP_CIPHER_free(ours);
    ++*(unsigned *)count;
}

static void legacy_is_there(void)
{
    OSSL_LIB_CTX *other = legacy_context();
    unsigned digests = 0, ciphers = 0;

    neighbours_setup("legacy = yes\n");
    EVP_MD_do_all_provided(other, digest_is_the_same, &digests);
    EVP_CIPHER_do_all_provided(other, cipher_is_the_same, &ciphers);
    printf("%u digests, %u ciphers of the legacy provider\n", digests, ciphers);
    CHECK(digests >= 3 && ciphers >= 20);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
    OSSL_LIB_CTX_free(other);
}

static void legacy_is_not_there(void)
{
    neighbours_setup("");
    CHECK(EVP_MD_fetch(context, "MD4", NULL) == NULL);
    CHECK(EVP_CIPHER_fetch(context, "BF-CBC", NULL) == NULL);
    ERR_clear_error();
    OSSL_LIB_CTX_free(context);
}

static void legacy_cannot_be_loaded(void)
{
    setenv("OPENSSL_MODULES", work_dir(), 1);
    neighbours_setup("legacy = yes\n");
    CHECK(ERR_peek_error() == 0);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "legacy = 'yes'");
    OSSL_LIB_CTX_free(context);
}

static const char *provider_of(const char *cipher)
{
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(context, cipher, NULL);
    const char *name;

    CHECK(fetched != NULL);
    name = OSSL_PROVIDER_get0_name(EVP_CIPHER_get0_provider(fetched));
    EVP_CIPHER_free(fetched);
    return name;
}

/* The documented configuration beside another provider: a preference, and never the default's. */
static void side_by_side(void)
{
    neighbours_setup("");
    CHECK(OSSL_PROVIDER_load(context, "default") != NULL);
    CHECK(OSSL_PROVIDER_load(context, "legacy") != NULL);
    CHECK(EVP_set_default_properties(context, "provider!=default,?version=256") == 1);
    CHECK(strcmp(provider_of("AES-256-CBC"), "hsmzke") == 0);
    CHECK(strcmp(provider_of("AES-128-CBC"), "hsmzke") == 0);
    CHECK(strcmp(provider_of("BF-CBC"), "legacy") == 0);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK_HAS(name_refused(context, "ChaCha20", "gold"), "not offered in the HSM");
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* How many keys of `type` a URI gives; -1: it cannot be opened. */
static int load(const char *uri, const char *type)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, context, NULL, NULL, NULL, NULL, NULL, NULL);
    int count = 0;

    if (store == NULL)
        return -1;
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            count += EVP_PKEY_is_a(OSSL_STORE_INFO_get0_PKEY(info), type);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return count;
}

static void a_file_does_not_shadow_a_key(void)
{
    EVP_PKEY *key;
    FILE *file;

    neighbours_setup("");
    key = EVP_PKEY_Q_keygen(context, NULL, "X25519");
    CHECK(key != NULL && chdir(work_dir()) == 0);
    file = fopen("hsmzke:gold", "w");
    CHECK(file != NULL && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    CHECK(fclose(file) == 0);
    EVP_PKEY_free(key);
    CHECK(load("hsmzke:gold", "X25519") == 0);
    CHECK(load("hsmzke:gold", "HSMZKE-AES") == 1);
    CHECK(load("./hsmzke:gold", "X25519") == 1);
    CHECK(load(text("file:%s/hsmzke:gold", work_dir()), "X25519") == 1);
    CHECK(load(text("%s/hsmzke:gold", work_dir()), "X25519") == 1);
    CHECK(unlink("hsmzke:gold") == 0);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(legacy_is_there),
        CHILD_TEST(legacy_is_not_there),
        CHILD_TEST(legacy_cannot_be_loaded),
        CHILD_TEST(side_by_side),
        CHILD_TEST(a_file_does_not_shadow_a_key),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
