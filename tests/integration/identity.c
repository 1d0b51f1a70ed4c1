/*
 * Pinned identities.  An identity is the first 8 bytes of AES-256_K("hsmzke-id-v1" ||
 * 00000002), or of CMAC of the same for keys that may sign only; computed here with default.
 */
#include "testing.h"

#include <ctype.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/provider.h>

#include <hsmzke/hsmzke.h>

static const unsigned char block[16] = { 'h', 's', 'm', 'z', 'k', 'e', '-', 'i',
                                         'd', '-', 'v', '1', 0,   0,   0,   2 };

static const char *identity_of(const char *key_hex)
{
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

static const char *mac_identity_of(const char *key_hex)
{
    unsigned char key[32];
    struct mac_message message = { .mac = "CMAC",
                                   .algorithm = "AES-256-CBC",
                                   .key = key,
                                   .key_size = sizeof(key),
                                   .in = block,
                                   .size = sizeof(block) };

    unhex(key_hex, key, sizeof(key));
    CHECK(mac_run(context_default(), &message) == 1);
    return text("cmac:%s", hex(message.out, 8));
}

static OSSL_LIB_CTX *context_for(const char *lines, const char *sections)
{
    return context_with(text("%s%s", settings_standard(), lines), sections);
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
    static const char *const values[] = { "xyz",
                                          "0123",
                                          "00112233445566778",
                                          "cmac:001122334455667",
                                          "cmac:00112233445566778",
                                          "cmac:aes:0011223344556",
                                          "cmac:",
                                          "des:0011223344556677" };
    OSSL_LIB_CTX *context;

    token_standard();
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        context = context_with_pin(text("gold = %s\n", values[i]));
        CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "must be 16 hexadecimal digits");
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

/* ---- identities of keys that may sign only ---- */

#define MAC_ONLY " no-encrypt no-decrypt mechanisms=cmac\n"

/* CMAC by name in the HSM is that of the key itself: 1; 0 when it failed. */
static int mac_works(OSSL_LIB_CTX *context, const char *name, const char *key_hex)
{
    unsigned char key[32];
    struct mac_message theirs = { .mac = "CMAC",
                                  .algorithm = "AES-256-CBC",
                                  .key = key,
                                  .key_size = sizeof(key),
                                  .in = (const unsigned char *)"some data",
                                  .size = 9 };
    struct mac_message ours = theirs;

    unhex(key_hex, key, sizeof(key));
    CHECK(mac_run(context_default(), &theirs) == 1);
    reference_by_name(key, name);
    if (mac_run(context, &ours) != 1)
        return 0;
    CHECK(ours.out_size == 16 && memcmp(ours.out, theirs.out, 16) == 0);
    return 1;
}

static void pin_on_mac_key(void)
{
    const char *right = mac_identity_of(GOLD_KEY), *words;
    OSSL_LIB_CTX *context;
    char upper[32] = "cmac:";

    for (size_t i = 5; right[i - 1] != '\0'; i++)
        upper[i] = (char)toupper((unsigned char)right[i]);
    token_standard();
    token_import("prod", USER_PIN, "mac " GOLD_KEY MAC_ONLY "other " SILVER_KEY MAC_ONLY);
    context = context_with_pin(text("mac = %s\nother = %s\n", right, right));
    CHECK(mac_works(context, "mac", GOLD_KEY) == 1);
    words = mac_refused(context, "CMAC", "AES-256-CBC", "other");
    CHECK_HAS(words, mac_identity_of(SILVER_KEY));
    CHECK_HAS(words, text("expected was %s", right));
    OSSL_LIB_CTX_free(context);
    context = context_with_pin(text("mac = %s\n", upper));
    CHECK(mac_works(context, "mac", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
    /* The same digits of the other kind are another identity. */
    context = context_with_pin(text("mac = %s\n", right + 5));
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "mac"), "expected was aes:");
    OSSL_LIB_CTX_free(context);
}

/* A key that may encrypt has the one identity, also for its MACs; others have none. */
static void which_kind(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    token_import("prod", USER_PIN,
                 "both " GOLD_KEY "\n"
                 "neither " GOLD_KEY " no-encrypt no-sign\n"
                 "no-cmac " GOLD_KEY " no-encrypt mechanisms=cbc\n"
                 "secret " GOLD_KEY " type=generic no-encrypt\n");
    context = context_with_pin(text("both = %s\n", identity_of(GOLD_KEY)));
    CHECK(mac_works(context, "both", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
    context = context_with_pin(text("both = %s\nneither = %s\nno-cmac = %s\nsecret = %s\n",
                                    mac_identity_of(GOLD_KEY), mac_identity_of(GOLD_KEY),
                                    mac_identity_of(GOLD_KEY), mac_identity_of(GOLD_KEY)));
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "both"), "its identity is aes:");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "neither"), "its identity is unknown");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "no-cmac"), "its identity is unknown");
    CHECK_HAS(mac_refused(context, "HMAC", "SHA256", "secret"), "its identity is unknown");
    OSSL_LIB_CTX_free(context);
}

/*
 * The device was lost, and shows a key of the same name without a CKA_ID: known by its identity, it
 * is used or refused.
 */
static void lose_device(void *next_)
{
    const char *next = next_;
    OSSL_LIB_CTX *context;

    token_standard();
    token_import("prod", USER_PIN, "mac " GOLD_KEY MAC_ONLY);
    spy_setup("", NULL);
    context = context_with(settings_spied(), NULL);
    CHECK(mac_works(context, "mac", GOLD_KEY) == 1);
    spy_gone(0x32);
    CHECK(mac_works(context, "mac", GOLD_KEY) == 0 && *error_text() != '\0');
    spy_gone(0);
    token_destroy("prod", USER_PIN, "mac");
    token_import("prod", USER_PIN, text("mac %s" MAC_ONLY, next));
    if (strcmp(next, GOLD_KEY) == 0)
        CHECK(mac_works(context, "mac", GOLD_KEY) == 1);
    else
        CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "mac"),
                  "cannot be told to be the key that it was");
    OSSL_LIB_CTX_free(context);
}

static void mac_key_after_loss(void)
{
    static char keys[][65] = { GOLD_KEY, SILVER_KEY };

    for (size_t i = 0; i < 2; i++)
        CHECK(run_child(lose_device, keys[i]) == 0);
}

/* ---- shown ---- */

/* What `openssl pkey -text` says of the key `name`. */
static const char *shown(OSSL_LIB_CTX *context, const char *name)
{
    EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key_ex(context, HSMZKE_PKEY_TYPE, NULL,
                                                     (const unsigned char *)text("hsmzke:%s", name),
                                                     7 + strlen(name));
    BIO *bio = BIO_new(BIO_s_mem());
    const char *result;
    char *bytes = NULL;
    long size;

    CHECK(pkey != NULL && EVP_PKEY_print_private(bio, pkey, 0, NULL) == 1);
    size = BIO_get_mem_data(bio, &bytes);
    result = text("%.*s", (int)size, bytes);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return result;
}

/* A pin is a finding that passes, by whichever name of the key it is there. */
static void shown_with_pins(void)
{
    static const char *const pins[] = { "payroll", "gold", "y4KctdcFRsGUNnVTruBnrxixw" };
    OSSL_LIB_CTX *context;
    const char *got;

    token_standard();
    unsetenv("HSMZKE_KEY_POLICY");
    context = context_with_pin("");
    got = shown(context, "payroll");
    CHECK_HAS(got, text("    identity (unknown): no identity is pinned; the key's is aes:%s",
                        identity_of(GOLD_KEY)));
    OSSL_LIB_CTX_free(context);
    for (size_t i = 0; i < 3; i++) {
        context = context_with_pin(text("%s = %s\n", pins[i], identity_of(GOLD_KEY)));
        got = shown(context, "payroll");
        CHECK_HAS(got, "    passed: ");
        CHECK(strstr(got, "    identity (") == NULL);
        OSSL_LIB_CTX_free(context);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(right_identity),     CHILD_TEST(wrong_identity),
        CHILD_TEST(pin_by_any_name),    CHILD_TEST(provider_keeps_its_name),
        CHILD_TEST(two_pins),           CHILD_TEST(malformed_identity),
        CHILD_TEST(by_each_mechanism),  CHILD_TEST(exchanged_key),
        CHILD_TEST(pin_on_mac_key),     CHILD_TEST(which_kind),
        CHILD_TEST(mac_key_after_loss), CHILD_TEST(shown_with_pins),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
