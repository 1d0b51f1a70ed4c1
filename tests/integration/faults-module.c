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

/* Where libp11 is told so: OpenSSL's error queue keeps a part of such a number, which is 0 here. */
static void vendors_answer(void)
{
    token_standard();
    spy_setup("C_GetInfo:1:0x80000000,C_Initialize:4:0x80000000", NULL);
    CHECK_HAS(refused_with(testing_path("HSMZKE_TEST_SPY_MODULE")), "CKR_GENERAL_ERROR");
    CHECK(spy_failures() == 2);
}

/* A hole in the list would be a jump to nowhere; what is never called may be one. */
static void lacks(const char *statement, bool needed)
{
    OSSL_LIB_CTX *context;

    spy_setup(NULL, NULL);
    spy_script(statement);
    if (needed) {
        CHECK_HAS(refused_with(testing_path("HSMZKE_TEST_SPY_MODULE")), "lacks functions");
        return;
    }
    context = context_with(settings_spied(), NULL);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

static void lacks_child(void *statement)
{
    lacks(statement, true);
}

static void lacks_nothing_child(void *statement)
{
    lacks(statement, false);
}

static void holes(void **state)
{
    static const char *const needed[] = {
        "C_Initialize",    "C_Finalize",         "C_GetInfo",           "C_GetSlotList",
        "C_GetSlotInfo",   "C_GetTokenInfo",     "C_GetMechanismList",  "C_GetMechanismInfo",
        "C_OpenSession",   "C_CloseSession",     "C_CloseAllSessions",  "C_GetSessionInfo",
        "C_Login",         "C_DestroyObject",    "C_GetAttributeValue", "C_FindObjectsInit",
        "C_FindObjects",   "C_FindObjectsFinal", "C_EncryptInit",       "C_Encrypt",
        "C_EncryptUpdate", "C_EncryptFinal",     "C_DecryptInit",       "C_Decrypt",
        "C_DecryptUpdate", "C_DecryptFinal",     "C_SignInit",          "C_Sign",
        "C_SignUpdate",    "C_SignFinal",        "C_GenerateKey",       "C_GenerateRandom",
    };
    static const char *const others[] = { "C_InitToken", "C_WrapKey",    "C_UnwrapKey",
                                          "C_DeriveKey", "C_VerifyInit", "C_WaitForSlotEvent" };

    (void)state;
    token_standard();
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (run_child(lacks_child, (void *)(uintptr_t)text("hole %s", needed[i])) != 0)
            testing_failed(__FILE__, __LINE__, needed[i]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (run_child(lacks_nothing_child, (void *)(uintptr_t)text("hole %s", others[i])) != 0)
            testing_failed(__FILE__, __LINE__, others[i]);
}

/* The list of version 1 is shorter; all of version 2 have the same functions, 3 has them too. */
static void versions(void **state)
{
    (void)state;
    token_standard();
    CHECK(run_child(lacks_child, (void *)(uintptr_t) "version 1.0") == 0);
    CHECK(run_child(lacks_nothing_child, (void *)(uintptr_t) "version 2.1") == 0);
    CHECK(run_child(lacks_nothing_child, (void *)(uintptr_t) "version 3.1") == 0);
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
        CHILD_TEST(wrong_path),          CHILD_TEST(directory),
        CHILD_TEST(text_file),           CHILD_TEST(cut_off_file),
        CHILD_TEST(other_library),       CHILD_TEST(not_set),
        CHILD_TEST(does_not_initialise), CHILD_TEST(initialises_later),
        CHILD_TEST(gives_no_list),       CHILD_TEST(not_loaded_before_use),
        CHILD_TEST(vendors_answer),      cmocka_unit_test(holes),
        cmocka_unit_test(versions),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
