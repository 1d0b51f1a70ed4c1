/*
 * MACs whose key, session or connection is not as it should be; and what `openssl mac` makes of
 * references.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

#define SECRET GOLD_KEY SILVER_KEY

enum { LARGE = 3 * 1024 * 1024 + 5 };

static unsigned char *large;

static void mac_setup(void)
{
    struct prng prng = { 1 };

    token_standard();
    token_import("prod", USER_PIN,
                 "secret " SECRET " type=generic id=" GOLD_ID "\n"
                 "no-sign " GOLD_KEY " no-sign\n"
                 "secret-no-sign " SECRET " type=generic no-sign\n"
                 "cbc-only " GOLD_KEY " mechanisms=cbc\n"
                 "mac-only " GOLD_KEY " no-encrypt no-decrypt mechanisms=cmac\n");
    large = keep(LARGE);
    prng_fill(&prng, large, LARGE);
}

/* The MAC of `size` bytes under the key itself, from default. */
static void expect(const char *mac, size_t size, struct mac_message *message)
{
    static unsigned char key[64];
    const bool hmac = strcmp(mac, "HMAC") == 0;

    *message = (struct mac_message){ .mac = mac,
                                     .algorithm = hmac ? "SHA256" : "AES-256-CBC",
                                     .key = key,
                                     .in = large,
                                     .size = size };
    message->key_size = unhex(hmac ? SECRET : GOLD_KEY, key, sizeof(key));
    CHECK(mac_run(context_default(), message) == 1);
}

static bool agrees(EVP_MAC_CTX *ctx, const struct mac_message *expected)
{
    unsigned char out[64];
    size_t size = 0;

    return EVP_MAC_final(ctx, out, &size, sizeof(out)) == 1 && size == expected->out_size &&
           memcmp(out, expected->out, size) == 0;
}

static EVP_MAC_CTX *keyed(OSSL_LIB_CTX *context, const char *mac, const char *name)
{
    EVP_MAC_CTX *ctx =
        mac_context(context, mac, strcmp(mac, "HMAC") == 0 ? "SHA256" : "AES-256-CBC");

    CHECK(EVP_MAC_init(ctx, (const unsigned char *)text("hsmzke:%s", name), 7 + strlen(name),
                       NULL) == 1);
    return ctx;
}

/* A key works, after all that went wrong. */
static void check_works(OSSL_LIB_CTX *context, const char *mac, const char *name, size_t size)
{
    EVP_MAC_CTX *ctx = keyed(context, mac, name);
    struct mac_message expected;

    expect(mac, size, &expected);
    CHECK(EVP_MAC_update(ctx, large, size) == 1 && agrees(ctx, &expected));
    CHECK(ERR_peek_error() == 0);
    EVP_MAC_CTX_free(ctx);
}

static void unfit_keys(void)
{
    OSSL_LIB_CTX *context;

    mac_setup();
    context = context_with(settings_standard(), NULL);
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "no-sign"), "CKA_SIGN");
    CHECK_HAS(mac_refused(context, "HMAC", "SHA256", "secret-no-sign"), "CKA_SIGN");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "secret"), "no AES key");
    CHECK_HAS(mac_refused(context, "HMAC", "SHA256", "silver"), "no generic secret");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "absent"), "'absent'");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "cbc-only"), "CKM_AES_CMAC");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", ""), "names no key");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-128-CBC", "gold"), "'AES-128-CBC'");
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CTR", "gold"), "'AES-256-CTR'");
    CHECK_HAS(mac_refused(context, "CMAC", NULL, "gold"), "missing cipher");
    CHECK_HAS(mac_refused(context, "HMAC", "SHA3-256", "secret"), "'SHA3-256'");
    CHECK_HAS(mac_refused(context, "HMAC", "MD5", "secret"), "'MD5'");
    CHECK_HAS(mac_refused(context, "HMAC", NULL, "secret"), "missing message digest");
    check_works(context, "CMAC", "mac-only", 100);
    check_works(context, "HMAC", "secret", 100);
    OSSL_LIB_CTX_free(context);
}

static const char *refused_bytes(OSSL_LIB_CTX *context, const char *bytes, size_t size)
{
    EVP_MAC_CTX *ctx = mac_context(context, "CMAC", "AES-256-CBC");
    OSSL_PARAM params[] = { OSSL_PARAM_octet_string(OSSL_MAC_PARAM_KEY, keep(size), size),
                            OSSL_PARAM_END };
    const char *words;

    memcpy(params[0].data, bytes, size);
    CHECK(EVP_MAC_CTX_set_params(ctx, params) == 0);
    CHECK_HAS(error_text(), "malformed key reference");
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)bytes, size, NULL) == 0);
    words = error_text();
    /* No key of before is used. */
    CHECK(EVP_MAC_update(ctx, large, 5) == 0);
    CHECK_HAS(error_text(), "no key set");
    EVP_MAC_CTX_free(ctx);
    return words;
}

static void malformed_references(void)
{
    OSSL_LIB_CTX *context;

    mac_setup();
    context = context_with(settings_standard(), NULL);
    refused_bytes(context, "hsmzke:", 7);
    CHECK_HAS(refused_bytes(context, "hsmzke:gold\0x", 13), "after its first NUL");
    CHECK_HAS(refused_bytes(context, "hsmzke:a-name-of-more-than-24-bytes", 35), "32 bytes");
    CHECK_HAS(refused_bytes(context, "hsmzke:AAECAwQFBgcICQoLDA0ODxARx", 32), "check character");
    check_works(context, "CMAC", "gold", 5);
    OSSL_LIB_CTX_free(context);
}

/* Raw keys are no matter of raw-keys; one that a reference replaced is gone. */
static void raw_keys(void)
{
    static const char *const wrong = "sessions = none\n";
    struct mac_message expected, message;
    OSSL_LIB_CTX *context;
    EVP_MAC_CTX *ctx;

    mac_setup();
    context = context_with(settings_standard(), NULL);
    expect("CMAC", 100, &expected);
    message = expected;
    CHECK(mac_run(context, &message) == 1);
    CHECK(memcmp(message.out, expected.out, expected.out_size) == 0);

    ctx = mac_context(context, "CMAC", "AES-256-CBC");
    CHECK(EVP_MAC_init(ctx, expected.key, expected.key_size, NULL) == 1);
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)"hsmzke:absent", 13, NULL) == 0);
    CHECK_HAS(error_text(), "'absent'");
    CHECK(EVP_MAC_update(ctx, large, 5) == 0 && EVP_MAC_init(ctx, NULL, 0, NULL) == 0);
    CHECK_HAS(error_text(), "no key set");
    /* From one kind to the other and back; the cipher that was set holds. */
    CHECK(EVP_MAC_init(ctx, expected.key, expected.key_size, NULL) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && agrees(ctx, &expected));
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)"hsmzke:gold", 11, NULL) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && agrees(ctx, &expected));
    CHECK(EVP_MAC_update(ctx, large, 1) == 0);
    CHECK_HAS(error_text(), "was given out");
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);

    context = context_with(text("%s%s", settings_standard(), wrong), NULL);
    message = expected;
    CHECK(mac_run(context, &message) == 1);
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "gold"), "sessions = 'none'");
    OSSL_LIB_CTX_free(context);
}

/* TLS records are for raw keys, whenever they are announced. */
static void tls_records(void)
{
    size_t size = 77;
    OSSL_PARAM params[] = { OSSL_PARAM_size_t(OSSL_MAC_PARAM_TLS_DATA_SIZE, &size),
                            OSSL_PARAM_END };
    OSSL_LIB_CTX *context;
    EVP_MAC_CTX *ctx;

    mac_setup();
    context = context_with(settings_standard(), NULL);
    ctx = keyed(context, "HMAC", "secret");
    CHECK(EVP_MAC_CTX_set_params(ctx, params) == 0);
    CHECK_HAS(error_text(), "TLS records");
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)"hsmzke:secret", 13, params) == 0);
    CHECK_HAS(error_text(), "TLS records");
    size = 0;
    CHECK(EVP_MAC_init(ctx, (const unsigned char *)"hsmzke:secret", 13, params) == 1);
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

/* A small MAC is two calls, and each of them may fail once. */
static void lose_session(void *fail_)
{
    const char *fail = fail_;
    OSSL_LIB_CTX *context;

    spy_setup(fail, NULL);
    context = context_with(settings_spied(), NULL);
    check_works(context, "CMAC", "gold", 1000);
    CHECK(spy_failures() == (*fail != '\0'));
    CHECK(spy_calls("C_SignUpdate") == 0);
    if (*fail == '\0')
        CHECK(spy_calls("C_SignInit") == 1 && spy_calls("C_Sign") == 1);
    OSSL_LIB_CTX_free(context);
}

static void lost_session(void)
{
    static char fails[][32] = { "", "C_SignInit:1:0xb3", "C_Sign:1:0x30", "C_Sign:1:0x101",
                                "C_Sign:1:0x150" };

    mac_setup();
    for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++)
        CHECK(run_child(lose_session, fails[i]) == 0);
}

static void lost_for_good(void)
{
    OSSL_LIB_CTX *context;

    mac_setup();
    spy_setup("C_Sign:1+:0x30", NULL);
    context = context_with(settings_spied(), NULL);
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-CBC", "gold"), "CKM_AES_CMAC");
    CHECK(spy_calls("C_Sign") == 2);
    OSSL_LIB_CTX_free(context);
}

/* Data beyond what is kept go with their session; the next MAC is well again. */
static void lose_stream(const char *fail, bool in_update)
{
    struct mac_message expected;
    OSSL_LIB_CTX *context;
    EVP_MAC_CTX *ctx;

    mac_setup();
    spy_setup(fail, NULL);
    context = context_with(settings_spied(), NULL);
    ctx = keyed(context, "CMAC", "gold");
    expect("CMAC", LARGE, &expected);
    CHECK(EVP_MAC_update(ctx, large, LARGE) == !in_update);
    CHECK(!agrees(ctx, &expected));
    CHECK(spy_failures() == 1);
    CHECK_HAS(error_text(), "CKM_AES_CMAC");
    CHECK(EVP_MAC_update(ctx, large, 1) == 0);
    CHECK_HAS(error_text(), "EVP_MAC_init()");
    CHECK(EVP_MAC_init(ctx, NULL, 0, NULL) == 1);
    CHECK(EVP_MAC_update(ctx, large, LARGE) == 1 && agrees(ctx, &expected));
    EVP_MAC_CTX_free(ctx);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static void lost_in_update(void)
{
    lose_stream("C_SignUpdate:40:0x30", true);
}

static void lost_in_final(void)
{
    lose_stream("C_SignFinal:1:0xb3", false);
}

/* The first of the data that are not kept any more are, until they have gone. */
static void late_start(void)
{
    OSSL_LIB_CTX *context;

    mac_setup();
    spy_setup("C_SignUpdate:7:0x30", NULL);
    context = context_with(settings_spied(), NULL);
    check_works(context, "CMAC", "gold", LARGE);
    CHECK(spy_failures() == 1);
    OSSL_LIB_CTX_free(context);
}

/* Half of the sessions are kept at most, and the other MACs go on. */
static void many_streams(void)
{
    struct mac_message expected;
    OSSL_LIB_CTX *context;
    EVP_MAC_CTX *ctx[3];

    mac_setup();
    context = context_with(text("%ssessions = 4\nsession-wait = 100\n", settings_standard()), NULL);
    expect("HMAC", LARGE, &expected);
    for (size_t i = 0; i < 3; i++) {
        ctx[i] = keyed(context, "HMAC", "secret");
        CHECK(EVP_MAC_update(ctx[i], large, LARGE) == (i < 2));
    }
    CHECK_HAS(error_text(), "raise `sessions`");
    for (size_t i = 0; i < 10; i++)
        check_works(context, "CMAC", "gold", 1000 * i);
    /* Copies of what is not kept: refused. */
    CHECK(EVP_MAC_CTX_dup(ctx[0]) == NULL);
    CHECK_HAS(error_text(), "cannot be copied");
    CHECK(agrees(ctx[1], &expected) && agrees(ctx[0], &expected));
    CHECK(EVP_MAC_init(ctx[2], NULL, 0, NULL) == 1);
    CHECK(EVP_MAC_update(ctx[2], large, LARGE) == 1 && agrees(ctx[2], &expected));
    for (size_t i = 0; i < 3; i++)
        EVP_MAC_CTX_free(ctx[i]);
    /* A stream that was given up gives its session back. */
    for (size_t i = 0; i < 10; i++) {
        ctx[0] = keyed(context, "HMAC", "secret");
        CHECK(EVP_MAC_update(ctx[0], large, LARGE) == 1);
        EVP_MAC_CTX_free(ctx[0]);
    }
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* The connection is lost with all its sessions; what is kept goes on, the rest says so. */
static void lost_connection(void)
{
    struct mac_message small, big;
    OSSL_LIB_CTX *context;
    EVP_MAC_CTX *kept, *streamed;

    mac_setup();
    expect("HMAC", 5000, &small);
    expect("HMAC", LARGE, &big);
    spy_setup("", NULL);
    context = context_with(settings_spied(), NULL);
    kept = keyed(context, "HMAC", "secret");
    streamed = keyed(context, "HMAC", "secret");
    CHECK(EVP_MAC_update(kept, large, 5000) == 1);
    CHECK(EVP_MAC_update(streamed, large, LARGE) == 1);
    spy_gone(0x30);
    CHECK(!agrees(kept, &small));
    spy_gone(0);
    CHECK(*error_text() != '\0');
    CHECK(agrees(kept, &small)); /* nothing was lost: the same call again */
    CHECK(!agrees(streamed, &big));
    CHECK_HAS(error_text(), "CKM_SHA256_HMAC");
    CHECK(EVP_MAC_init(streamed, NULL, 0, NULL) == 1);
    CHECK(EVP_MAC_update(streamed, large, LARGE) == 1 && agrees(streamed, &big));
    CHECK(ERR_peek_error() == 0);
    EVP_MAC_CTX_free(kept);
    EVP_MAC_CTX_free(streamed);
    OSSL_LIB_CTX_free(context);
}

struct forked {
    EVP_MAC_CTX *kept, *streamed;
    struct mac_message small, big;
};

static void child(void *argument)
{
    struct forked *forked = argument;

    CHECK(agrees(forked->kept, &forked->small));
    CHECK(!agrees(forked->streamed, &forked->big));
    CHECK_HAS(error_text(), "CKM_AES_CMAC");
    CHECK(EVP_MAC_init(forked->streamed, NULL, 0, NULL) == 1);
    CHECK(EVP_MAC_update(forked->streamed, large, LARGE) == 1);
    CHECK(agrees(forked->streamed, &forked->big));
    EVP_MAC_CTX_free(forked->kept);
    EVP_MAC_CTX_free(forked->streamed);
}

static void fork_between(void)
{
    struct forked forked;
    OSSL_LIB_CTX *context;

    mac_setup();
    context = context_with(settings_standard(), NULL);
    expect("CMAC", 5000, &forked.small);
    expect("CMAC", LARGE, &forked.big);
    forked.kept = keyed(context, "CMAC", "gold");
    forked.streamed = keyed(context, "CMAC", "gold");
    CHECK(EVP_MAC_update(forked.kept, large, 5000) == 1);
    CHECK(EVP_MAC_update(forked.streamed, large, LARGE) == 1);
    CHECK(run_child(child, &forked) == 0);
    CHECK(agrees(forked.kept, &forked.small));
    CHECK(agrees(forked.streamed, &forked.big));
    EVP_MAC_CTX_free(forked.kept);
    EVP_MAC_CTX_free(forked.streamed);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* One command through the gateway, and with default on the key itself: the same output. */
static void compare_commands(const char *config, const char *ours, const char *theirs)
{
    const char *preload = getenv("HSMZKE_TEST_PRELOAD"), *a, *b;
    const char *data = write_file("data", large, 100000);

    CHECK(run_shell(text("OPENSSL_CONF=%s LD_PRELOAD='%s' ASAN_OPTIONS=detect_leaks=0 "
                         "openssl mac -in %s %s",
                         config, preload != NULL ? preload : "", data, ours),
                    &a) == 0);
    CHECK(run_shell(text("openssl mac -in %s %s", data, theirs), &b) == 0);
    CHECK(strlen(a) > 30 && strcmp(a, b) == 0);
}

static void command_line(void)
{
    static const char *const digests[] = { "SHA1", "SHA224", "SHA256", "SHA384", "SHA512" };
    const char *config;

    mac_setup();
    config = config_file(settings_standard(), NULL);
    compare_commands(config, "-cipher AES-256-CBC -macopt key:hsmzke:gold CMAC",
                     "-cipher AES-256-CBC -macopt hexkey:" GOLD_KEY " CMAC");
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++)
        compare_commands(config, text("-digest %s -macopt key:hsmzke:secret HMAC", digests[i]),
                         text("-digest %s -macopt hexkey:" SECRET " HMAC", digests[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(unfit_keys),     CHILD_TEST(malformed_references), CHILD_TEST(raw_keys),
        CHILD_TEST(tls_records),    CHILD_TEST(lost_session),         CHILD_TEST(lost_for_good),
        CHILD_TEST(lost_in_update), CHILD_TEST(lost_in_final),        CHILD_TEST(late_start),
        CHILD_TEST(many_streams),   CHILD_TEST(lost_connection),      CHILD_TEST(fork_between),
        CHILD_TEST(command_line),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
