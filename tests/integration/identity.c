/*
 * Aliases and pinned identities.  An identity is the first 8 bytes of AES-256_K("hsmzke-id-v1" ||
 * 00000002), which is computed here with default.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/provider.h>

#include <hsmzke/hsmzke.h>

#define LONG_LABEL "a-label-of-more-than-twenty-four-characters"
/* GOLD_ID as RFC 7512 wants it. */
#define GOLD_ID_URI "%cb%82%9c%b5%d7%05%46%c1%94%36%75%53%ae%e0%67%af%18%b1"

static const char *identity_of(const char *key_hex)
{
    static const unsigned char block[16] = { 'h', 's', 'm', 'z', 'k', 'e', '-', 'i',
                                             'd', '-', 'v', '1', 0,   0,   0,   2 };
    unsigned char key[32], out[48];
    struct message message = { .cipher = "AES-256-ECB",
                               .key = key,
                               .encrypt = 1,
                               .in = block,
                               .size = sizeof(block),
                               .out = out };

    unhex(key_hex, key, sizeof(key));
    CHECK(message_run(context_default(), &message) == 1);
    return hex(out, 8);
}

static OSSL_LIB_CTX *context_for(const char *lines, const char *sections)
{
    return context_with(text("%s%s", settings_standard(), lines), sections);
}

/* ---- aliases ---- */

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

/* A PIN belongs to one token: the second one's comes with its URI, and never from pin-source. */
static void alias_on_another_token(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    token_init("second", "567890");
    token_import("second", "567890", "gold " SILVER_KEY "\n");
    alias_works("other", text("pkcs11:token=second;object=gold?pin-source=%s", pin_file("567890")),
                SILVER_KEY);
    alias_works("other", "pkcs11:token=second;object=gold?pin-value=567890", SILVER_KEY);

    spy_setup(NULL, NULL);
    context = context_with(text("%s" HSMZKE_PARAM_KEYS " = aliases\n", settings_spied()),
                           "[aliases]\nother = pkcs11:token=second;object=gold\n");
    CHECK_HAS(name_refused(context, "AES-256-CBC", "other"), "'second'");
    CHECK(spy_calls("C_Login") == 0);
    OSSL_LIB_CTX_free(context);
}

/* ---- identities ---- */

static OSSL_LIB_CTX *context_with_pin(const char *lines)
{
    return context_for(HSMZKE_PARAM_KEYS " = aliases\n" HSMZKE_PARAM_IDENTITIES " = ids\n",
                       text("[aliases]\n"
                            "payroll = pkcs11:object=gold\n"
                            "[ids]\n%s\n",
                            lines));
}

static void right_identity(void)
{
    OSSL_LIB_CTX *context;
    unsigned char reference[32];

    token_standard();
    context =
        context_with_pin(text("gold = %s\npayroll = %s\nsilver = aes:%s\n", identity_of(GOLD_KEY),
                              identity_of(GOLD_KEY), identity_of(SILVER_KEY)));
    reference_by_id(reference, GOLD_ID);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(name_works(context, "AES-256-CTR", "payroll", GOLD_KEY) == 1);
    CHECK(name_works(context, "AES-256-ECB", "silver", SILVER_KEY) == 1);
    CHECK(key_works(context, "AES-256-ECB", reference, GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

/* The section's settings must not mean something to OpenSSL itself: a line `identity = ...` in a
 * provider's section gives the provider another name. */
static void provider_keeps_its_name(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with_pin(text("gold = %s\n", identity_of(GOLD_KEY)));
    CHECK(OSSL_PROVIDER_available(context, HSMZKE_PROVIDER_NAME) == 1);
    OSSL_LIB_CTX_free(context);
}

static void wrong_identity(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with_pin(text("gold = %s\n", identity_of(SILVER_KEY)));
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "'gold'");
    name_refused(context, "AES-256-CTR", "gold");
    name_refused(context, "AES-256-ECB", "gold");
    CHECK(name_works(context, "AES-256-CBC", "silver", SILVER_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

/* A pin binds the key that is found, under whichever name it is reached. */
static void pin_by_any_name(void)
{
    unsigned char reference[33] = "";
    const char *wrong = identity_of(SILVER_KEY);
    OSSL_LIB_CTX *context;

    token_standard();
    reference_by_id(reference, GOLD_ID);

    context = context_with_pin(text("gold = %s\n", wrong));
    name_refused(context, "AES-256-CBC", "payroll");
    key_refused(context, "AES-256-CBC", reference);
    OSSL_LIB_CTX_free(context);

    context = context_with_pin(text("%s = %s\n", (const char *)reference + 7, wrong));
    key_refused(context, "AES-256-CBC", reference);
    name_refused(context, "AES-256-CBC", "gold");
    name_refused(context, "AES-256-CBC", "payroll");
    OSSL_LIB_CTX_free(context);

    context = context_with_pin(text("payroll = %s\n", wrong));
    name_refused(context, "AES-256-CBC", "payroll");
    OSSL_LIB_CTX_free(context);
}

/* Two pins that differ: one of them must be wrong. */
static void two_pins(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with_pin(
        text("gold = %s\npayroll = %s\n", identity_of(GOLD_KEY), identity_of(SILVER_KEY)));
    name_refused(context, "AES-256-CBC", "payroll");
    OSSL_LIB_CTX_free(context);
}

static void malformed_identity(void)
{
    static const char *const values[] = { "xyz", "0123", "00112233445566778",
                                          "cmac:0011223344556677" };
    OSSL_LIB_CTX *context;

    token_standard();
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        context = context_with_pin(text("gold = %s\n", values[i]));
        CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "gold");
        OSSL_LIB_CTX_free(context);
    }
}

/* One value, whichever mechanism the key allows. */
static void by_each_mechanism(void)
{
    OSSL_LIB_CTX *context;
    const char *identity = identity_of(GOLD_KEY);

    token_standard();
    token_import("prod", USER_PIN,
                 "ecb-only " GOLD_KEY " mechanisms=ecb\n"
                 "cbc-only " GOLD_KEY " mechanisms=cbc\n"
                 "ctr-only " GOLD_KEY " mechanisms=ctr\n");
    context = context_with_pin(
        text("ecb-only = %s\ncbc-only = %s\nctr-only = %s\n", identity, identity, identity));
    CHECK(name_works(context, "AES-256-ECB", "ecb-only", GOLD_KEY) == 1);
    CHECK(name_works(context, "AES-256-CBC", "cbc-only", GOLD_KEY) == 1);
    CHECK(name_works(context, "AES-256-CTR", "ctr-only", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

/* The token's key was exchanged for another one with the same label. */
static void exchanged_key(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_for(HSMZKE_PARAM_IDENTITIES " = ids\noperation-reuse = 0\n",
                          text("[ids]\nsilver = %s\n", identity_of(SILVER_KEY)));
    CHECK(name_works(context, "AES-256-CBC", "silver", SILVER_KEY) == 1);
    token_destroy("prod", USER_PIN, "silver");
    token_import("prod", USER_PIN, "silver " GOLD_KEY "\n");
    name_refused(context, "AES-256-CBC", "silver");
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(aliases),
        CHILD_TEST(broken_aliases),
        CHILD_TEST(alias_on_another_token),
        CHILD_TEST(right_identity),
        CHILD_TEST(wrong_identity),
        CHILD_TEST(pin_by_any_name),
        CHILD_TEST(provider_keeps_its_name),
        CHILD_TEST(two_pins),
        CHILD_TEST(malformed_identity),
        CHILD_TEST(by_each_mechanism),
        CHILD_TEST(exchanged_key),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
