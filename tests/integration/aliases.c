/*
 * Aliases: names for keys by PKCS#11 URI.
 */
#include "testing.h"

#include <hsmzke/hsmzke.h>

#define LONG_LABEL "a-label-of-more-than-twenty-four-characters"
/* GOLD_ID as RFC 7512 wants it. */
#define GOLD_ID_URI "%cb%82%9c%b5%d7%05%46%c1%94%36%75%53%ae%e0%67%af%18%b1"

static OSSL_LIB_CTX *context_for(const char *lines, const char *sections)
{
    return context_with(text("%s%s", settings_standard(), lines), sections);
}

static OSSL_LIB_CTX *context_with_alias(const char *name, const char *uri)
{
    return context_for(HSMZKE_PARAM_KEYS " = aliases\n", text("[aliases]\n%s = %s\n", name, uri));
}

static void alias_works(const char *name, const char *uri, const char *key_hex)
{
    OSSL_LIB_CTX *context = context_with_alias(name, uri);

    CHECK(name_works(context, "AES-256-CBC", name, key_hex) == 1);
    /* Labels work beside aliases. */
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

static void alias_refused(const char *name, const char *uri)
{
    OSSL_LIB_CTX *context = context_with_alias(name, uri);

    CHECK_HAS(name_refused(context, "AES-256-CBC", name), name);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

static void aliases(void)
{
    token_standard();
    token_import("prod", USER_PIN, LONG_LABEL " " GOLD_KEY "\n");
    alias_works("payroll", "pkcs11:object=gold", GOLD_KEY);
    alias_works("payroll", "pkcs11:id=" GOLD_ID_URI, GOLD_KEY);
    alias_works("payroll", "pkcs11:token=prod;object=silver", SILVER_KEY);
    alias_works("payroll", "pkcs11:object=silver;type=secret-key", SILVER_KEY);
    alias_works("payroll", "pkcs11:object=" LONG_LABEL, GOLD_KEY);
    /* An alias goes before a label. */
    alias_works("silver", "pkcs11:object=gold", GOLD_KEY);
    /* The longest name there is. */
    alias_works("twenty-four-characters.x", "pkcs11:object=silver", SILVER_KEY);
}

static void broken_aliases(void)
{
    token_standard();
    alias_refused("payroll", "pkcs11:object=%zz");
    alias_refused("payroll", "pkcs11:nonsense=gold");
    alias_refused("payroll", "gold");
    alias_refused("payroll", "file:/etc/passwd");
    alias_refused("payroll", "pkcs11:object=absent");
    alias_refused("payroll", "pkcs11:token=absent;object=gold");
    /* An alias that is broken does not fall back to the label of the same name. */
    alias_refused("silver", "pkcs11:object=absent");
}

static void second_token(void)
{
    token_standard();
    token_init("second", "567890");
    token_import("second", "567890", "gold " SILVER_KEY "\n");
}

/* A PIN belongs to one token: the second one's comes with its URI, and never from pin-source. */
static void alias_on_another_token(void)
{
    second_token();
    alias_works("other", text("pkcs11:token=second;object=gold?pin-source=%s", pin_file("567890")),
                SILVER_KEY);
    alias_works("other", "pkcs11:token=second;object=gold?pin-value=567890", SILVER_KEY);
}

/* In a process of its own: one that was logged in needs no PIN. */
static void no_pin_for_another_token(void)
{
    OSSL_LIB_CTX *context;

    second_token();
    spy_setup(NULL, NULL);
    context = context_with(text("%s" HSMZKE_PARAM_KEYS " = aliases\n", settings_spied()),
                           "[aliases]\nother = pkcs11:token=second;object=gold\n");
    CHECK_HAS(name_refused(context, "AES-256-CBC", "other"), "'second'");
    CHECK(spy_calls("C_Login") == 0);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(aliases),
        CHILD_TEST(broken_aliases),
        CHILD_TEST(alias_on_another_token),
        CHILD_TEST(no_pin_for_another_token),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
