/*
 * Which token: none, the wrong one, several.  The PIN has its own file, faults-pin.c.
 */
#include "testing.h"

#include <string.h>

static OSSL_LIB_CTX *context_for(const char *lines)
{
    return context_with(settings_for(testing_path("HSMZKE_TEST_PKCS11_MODULE"), lines), NULL);
}

static void no_token(void)
{
    const char *lines = text("pin-source = %s\n", pin_file(USER_PIN));
    OSSL_LIB_CTX *context;

    token_store();
    context = context_for(lines);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "token");
    OSSL_LIB_CTX_free(context);
}

static void no_such_token(void)
{
    const char *lines = text("token = pkcs11:token=absent\npin-source = %s\n", pin_file(USER_PIN));
    OSSL_LIB_CTX *context;
    const char *words;

    token_standard();
    context = context_for(lines);
    words = name_refused(context, "AES-256-CBC", "gold");
    /* What there is to choose from. */
    CHECK_HAS(words, "'prod'");
    OSSL_LIB_CTX_free(context);
}

static void the_only_token(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_for(text("pin-source = %s\n", pin_file(USER_PIN)));
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

static void two_tokens_and_no_choice(void)
{
    OSSL_LIB_CTX *context;
    const char *words;

    token_standard();
    token_init("second", "567890");
    context = context_for(text("pin-source = %s\n", pin_file(USER_PIN)));
    words = name_refused(context, "AES-256-CBC", "gold");
    CHECK_HAS(words, "'prod'");
    CHECK_HAS(words, "'second'");
    OSSL_LIB_CTX_free(context);
}

static void chosen_token(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    token_init("second", "567890");
    token_import("second", "567890", "gold " SILVER_KEY "\n");
    context =
        context_for(text("token = pkcs11:token=second\npin-source = %s\n", pin_file("567890")));
    CHECK(name_works(context, "AES-256-CBC", "gold", SILVER_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

static void broken_uri(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_for(text("token = pkcs11:token=%%zz\npin-source = %s\n", pin_file(USER_PIN)));
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "token");
    OSSL_LIB_CTX_free(context);
}

/* Neither one that may only read nor one that may write. */
static void no_sessions(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    spy_setup("C_OpenSession:1+:0x6", NULL);
    context = context_with(settings_spied(), NULL);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "CKR_FUNCTION_FAILED");
    OSSL_LIB_CTX_free(context);
}

/* The module says that there is nothing in its slots. */
static void slots_not_listed(void)
{
    const char *lines = text("token = pkcs11:token=prod\npin-source = %s\n", pin_file(USER_PIN));
    OSSL_LIB_CTX *context;

    token_store();
    spy_setup("C_GetSlotList:1+:0xe0", NULL);
    context = context_with(settings_for(testing_path("HSMZKE_TEST_SPY_MODULE"), lines), NULL);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "CKR_TOKEN_NOT_PRESENT");
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(no_token),         CHILD_TEST(no_such_token),
        CHILD_TEST(the_only_token),   CHILD_TEST(two_tokens_and_no_choice),
        CHILD_TEST(chosen_token),     CHILD_TEST(broken_uri),
        CHILD_TEST(slots_not_listed), CHILD_TEST(no_sessions),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
