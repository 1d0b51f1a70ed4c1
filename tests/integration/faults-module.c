/*
 * The PKCS#11 module is missing, is none, or does not start: an error that names the file, no
 * output, no crash, and everything that needs no HSM goes on.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/rand.h>

static const char *refused_with(const char *module)
{
    const char *lines = text("token = pkcs11:token=prod\npin-source = %s\n", pin_file(USER_PIN));
    OSSL_LIB_CTX *context = context_with(settings_for(module, lines), NULL);
    unsigned char digest[32], random[32];
    const char *words = name_refused(context, "AES-256-CBC", "gold");

    /* Again: a failed first use must not leave something half-made behind. */
    name_refused(context, "AES-256-CTR", "gold");
    CHECK(EVP_Q_digest(context, "SHA256", NULL, "abc", 3, digest, NULL) == 1);
    CHECK(RAND_bytes_ex(context, random, sizeof(random), 0) == 1);
    OSSL_LIB_CTX_free(context);
    return words;
}

static void wrong_path(void)
{
    CHECK_HAS(refused_with("/nonexistent/module.so"), "/nonexistent/module.so");
}

static void directory(void)
{
    CHECK_HAS(refused_with("/etc"), "/etc");
}

static void text_file(void)
{
    CHECK_HAS(refused_with("/etc/passwd"), "/etc/passwd");
}

static void cut_off_file(void)
{
    size_t size;
    const unsigned char *bytes = read_file(testing_path("HSMZKE_TEST_PKCS11_MODULE"), &size);
    const char *path = write_file("cut.so", bytes, size < 50 ? size : 50);

    CHECK_HAS(refused_with(path), path);
}

static void other_library(void)
{
    const char *words = refused_with("libc.so.6");

    CHECK_HAS(words, "libc.so.6");
    CHECK_HAS(words, "C_GetFunctionList");
}

/* Without the key it is p11-kit's proxy, which may or may not offer SoftHSM on this machine. */
static void not_set(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(text("token = pkcs11:token=prod\npin-source = %s\n", pin_file(USER_PIN)),
                           NULL);
    if (name_works(context, "AES-256-ECB", "gold", GOLD_KEY) == 0)
        CHECK(*error_text() != '\0');
    OSSL_LIB_CTX_free(context);
}

static void does_not_initialise(void)
{
    const char *spy = testing_path("HSMZKE_TEST_SPY_MODULE");
    const char *words;

    token_standard();
    spy_setup("C_Initialize:1+:0x30", NULL);
    words = refused_with(spy);
    CHECK_HAS(words, spy);
    CHECK_HAS(words, "CKR_DEVICE_ERROR");
}

/* The next use finds a module that starts. */
static void initialises_later(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    spy_setup("C_Initialize:1:0x30", NULL);
    context = context_with(settings_spied(), NULL);
    name_refused(context, "AES-256-CBC", "gold");
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

static void gives_no_list(void)
{
    /* The spy cannot load what it stands in front of, and says so. */
    spy_setup(NULL, NULL);
    setenv("HSMZKE_SPY_MODULE", "/nonexistent/real.so", 1);
    CHECK_HAS(refused_with(testing_path("HSMZKE_TEST_SPY_MODULE")), "CKR_GENERAL_ERROR");
}

/* A hole in the list would be a jump to nowhere. */
static void lacks(const char *function)
{
    spy_setup(NULL, NULL);
    spy_script(text("hole %s", function));
    CHECK_HAS(refused_with(testing_path("HSMZKE_TEST_SPY_MODULE")), "lacks functions");
}

static void lacks_mechanism_list(void)
{
    lacks("C_GetMechanismList");
}

static void lacks_mechanism_info(void)
{
    lacks("C_GetMechanismInfo");
}

static void lacks_generate(void)
{
    lacks("C_GenerateKey");
}

static void lacks_destroy(void)
{
    lacks("C_DestroyObject");
}

/* OSSL_provider_init must not need the HSM: programs that never encrypt load the provider too. */
static void not_loaded_before_use(void)
{
    OSSL_LIB_CTX *context;
    EVP_CIPHER *cipher;

    token_standard();
    spy_setup(NULL, NULL);
    context = context_with(settings_spied(), NULL);
    cipher = EVP_CIPHER_fetch(context, "AES-256-CBC", NULL);
    CHECK(cipher != NULL && EVP_CIPHER_get_iv_length(cipher) == 16);
    CHECK(spy_calls("C_Initialize") == 0);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(spy_calls("C_Initialize") >= 1 && spy_calls("C_Login") == 1);
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(wrong_path),
        CHILD_TEST(directory),
        CHILD_TEST(text_file),
        CHILD_TEST(cut_off_file),
        CHILD_TEST(other_library),
        CHILD_TEST(not_set),
        CHILD_TEST(does_not_initialise),
        CHILD_TEST(initialises_later),
        CHILD_TEST(gives_no_list),
        CHILD_TEST(not_loaded_before_use),
        CHILD_TEST(lacks_mechanism_list),
        CHILD_TEST(lacks_mechanism_info),
        CHILD_TEST(lacks_generate),
        CHILD_TEST(lacks_destroy),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
