/*
 * The configuration: values that are not known, out of range or not served by this version are an
 * error at the first use of a key, and the words name key and value; never ignored.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include <hsmzke/hsmzke.h>

static void wrong(const char *key, const char *value)
{
    OSSL_LIB_CTX *context =
        context_with(text("%s%s = %s\n", settings_standard(), key, value), NULL);
    const char *words = name_refused(context, "AES-256-CBC", "gold");

    CHECK_HAS(words, key);
    CHECK_HAS(words, value);
    /* Not only at the first use. */
    CHECK_HAS(name_refused(context, "AES-256-ECB", "gold"), key);
    OSSL_LIB_CTX_free(context);
}

static void unknown_values(void)
{
    token_standard();
    wrong("gateway", "perhaps");
    wrong("gateway", "Yes");
    wrong("raw-keys", "allow");
    wrong("raw-keys", "SOFTWARE");
    unsetenv("HSMZKE_KEY_POLICY"); /* it would overrule what is wrong */
    wrong("key-policy", "yes");
    wrong("key-policy", "WARN");
}

static void bad_numbers(void)
{
    token_standard();
    wrong("sessions", "0");
    wrong("sessions", "-1");
    wrong("sessions", "many");
    wrong("sessions", "8x");
    wrong("sessions", "0x10");
    wrong("sessions", "1000000000");
    wrong("sessions", "18446744073709551617");
    wrong("session-wait", "-1");
    wrong("session-wait", "5s");
    wrong("session-wait", "99999999999");
    wrong("references-elsewhere", "yes");
    wrong("operation-reuse", "-5");
    wrong("operation-reuse", "1.5");
    wrong("operation-reuse", "99999999999");
    wrong("parallel", "0");
    wrong("parallel", "17");
}

static void others(void)
{
    token_standard();
    wrong("audit", "somewhere");
    wrong("token.1", "pkcs11:token=prod"); /* beside `token` */
}

/* A wrong value in the environment is named as well; it overrules a right one in the file. */
static void from_environment(void)
{
    OSSL_LIB_CTX *context;
    const char *words;

    token_standard();
    setenv("HSMZKE_SESSIONS", "plenty", 1);
    context = context_with(text("%ssessions = 4\n", settings_standard()), NULL);
    words = name_refused(context, "AES-256-CBC", "gold");
    CHECK_HAS(words, "plenty");
    OSSL_LIB_CTX_free(context);

    setenv("HSMZKE_SESSIONS", "4", 1);
    setenv("HSMZKE_AUDIT", "somewhere", 1);
    context = context_with(settings_standard(), NULL);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "somewhere");
    OSSL_LIB_CTX_free(context);
    unsetenv("HSMZKE_AUDIT");

    /* And a right one overrules a wrong one. */
    context = context_with(text("%ssessions = plenty\n", settings_standard()), NULL);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

/* All is read at init: nginx and others clear the environment later. */
static void environment_cleared_later(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    setenv("HSMZKE_PKCS11_MODULE", testing_path("HSMZKE_TEST_PKCS11_MODULE"), 1);
    setenv("HSMZKE_TOKEN", "pkcs11:token=prod", 1);
    setenv("HSMZKE_PIN_SOURCE", pin_file(USER_PIN), 1);
    setenv("HSMZKE_RAW_KEYS", "software", 1);
    context = context_with("", NULL);
    unsetenv("HSMZKE_PKCS11_MODULE");
    unsetenv("HSMZKE_TOKEN");
    unsetenv("HSMZKE_PIN_SOURCE");
    unsetenv("HSMZKE_RAW_KEYS");
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

static void smallest_and_usual_values(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(text("%sgateway = yes\n"
                                "raw-keys = refuse\n"
                                "sessions = 1\n"
                                "session-wait = 0\n"
                                "operation-reuse = 0\n",
                                settings_standard()),
                           NULL);
    for (int i = 0; i < 10; i++) {
        CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
        CHECK(name_works(context, "AES-256-CTR", "silver", SILVER_KEY) == 1);
    }
    OSSL_LIB_CTX_free(context);
}

static void missing_section(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(text("%s" HSMZKE_PARAM_KEYS " = no_such_section\n", settings_standard()),
                           NULL);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "no_such_section");
    OSSL_LIB_CTX_free(context);
    context = context_with(
        text("%s" HSMZKE_PARAM_IDENTITIES " = no_such_section\n", settings_standard()), NULL);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "no_such_section");
    OSSL_LIB_CTX_free(context);
}

/* What other code left on the error queue is still there after success, and nothing else. */
static void error_queue_is_left_alone(void)
{
    OSSL_LIB_CTX *context;
    unsigned char reference[32], in[32] = { 0 }, iv[16] = { 0 }, out[64];
    struct message message = { .cipher = "AES-256-CBC",
                               .key = reference,
                               .iv = iv,
                               .encrypt = 1,
                               .in = in,
                               .size = sizeof(in),
                               .out = out };

    token_standard();
    context = context_with(settings_standard(), NULL);
    reference_by_name(reference, "gold");
    ERR_raise(ERR_LIB_USER, 42);
    for (int i = 0; i < 3; i++)
        CHECK(message_run(context, &message) == 1);
    CHECK(ERR_GET_REASON(ERR_get_error()) == 42);
    CHECK(ERR_get_error() == 0);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(unknown_values),
        CHILD_TEST(bad_numbers),
        CHILD_TEST(others),
        CHILD_TEST(from_environment),
        CHILD_TEST(missing_section),
        CHILD_TEST(environment_cleared_later),
        CHILD_TEST(smallest_and_usual_values),
        CHILD_TEST(error_queue_is_left_alone),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
