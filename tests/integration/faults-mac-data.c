/*
 * MACs whose session or connection is lost, or whose process forks, with few data and with many.
 */
#include "macs.h"

#include <openssl/err.h>

/* A small MAC is two calls, and each of them may fail once. */
static void lose_session(void *fail_)
{
    const char *fail = fail_;
    OSSL_LIB_CTX *context;

    spy_setup(fail, NULL);
    context = context_with(settings_spied(), NULL);
    mac_works(context, "CMAC", "gold", 1000);
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
    ctx = mac_keyed(context, "CMAC", "gold");
    mac_expect("CMAC", LARGE, &expected);
    CHECK(EVP_MAC_update(ctx, large, LARGE) == !in_update);
    CHECK(!mac_agrees(ctx, &expected));
    CHECK(spy_failures() == 1);
    CHECK_HAS(error_text(), "CKM_AES_CMAC");
    CHECK(EVP_MAC_update(ctx, large, 1) == 0);
    CHECK_HAS(error_text(), "EVP_MAC_init()");
    CHECK(EVP_MAC_init(ctx, NULL, 0, NULL) == 1);
    CHECK(EVP_MAC_update(ctx, large, LARGE) == 1 && mac_agrees(ctx, &expected));
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
    mac_works(context, "CMAC", "gold", LARGE);
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
    mac_expect("HMAC", LARGE, &expected);
    for (size_t i = 0; i < 3; i++) {
        ctx[i] = mac_keyed(context, "HMAC", "secret");
        CHECK(EVP_MAC_update(ctx[i], large, LARGE) == (i < 2));
    }
    CHECK_HAS(error_text(), "raise `sessions`");
    for (size_t i = 0; i < 10; i++)
        mac_works(context, "CMAC", "gold", 1000 * i);
    /* Copies of what is not kept: refused. */
    CHECK(EVP_MAC_CTX_dup(ctx[0]) == NULL);
    CHECK_HAS(error_text(), "cannot be copied");
    CHECK(mac_agrees(ctx[1], &expected) && mac_agrees(ctx[0], &expected));
    CHECK(EVP_MAC_init(ctx[2], NULL, 0, NULL) == 1);
    CHECK(EVP_MAC_update(ctx[2], large, LARGE) == 1 && mac_agrees(ctx[2], &expected));
    for (size_t i = 0; i < 3; i++)
        EVP_MAC_CTX_free(ctx[i]);
    /* A stream that was given up gives its session back. */
    for (size_t i = 0; i < 10; i++) {
        ctx[0] = mac_keyed(context, "HMAC", "secret");
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
    mac_expect("HMAC", 5000, &small);
    mac_expect("HMAC", LARGE, &big);
    spy_setup("", NULL);
    context = context_with(settings_spied(), NULL);
    kept = mac_keyed(context, "HMAC", "secret");
    streamed = mac_keyed(context, "HMAC", "secret");
    CHECK(EVP_MAC_update(kept, large, 5000) == 1);
    CHECK(EVP_MAC_update(streamed, large, LARGE) == 1);
    spy_gone(0x30);
    CHECK(!mac_agrees(kept, &small));
    spy_gone(0);
    CHECK(*error_text() != '\0');
    CHECK(mac_agrees(kept, &small)); /* nothing was lost: the same call again */
    CHECK(!mac_agrees(streamed, &big));
    CHECK_HAS(error_text(), "CKM_SHA256_HMAC");
    CHECK(EVP_MAC_init(streamed, NULL, 0, NULL) == 1);
    CHECK(EVP_MAC_update(streamed, large, LARGE) == 1 && mac_agrees(streamed, &big));
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

    CHECK(mac_agrees(forked->kept, &forked->small));
    CHECK(!mac_agrees(forked->streamed, &forked->big));
    CHECK_HAS(error_text(), "CKM_AES_CMAC");
    CHECK(EVP_MAC_init(forked->streamed, NULL, 0, NULL) == 1);
    CHECK(EVP_MAC_update(forked->streamed, large, LARGE) == 1);
    CHECK(mac_agrees(forked->streamed, &forked->big));
    EVP_MAC_CTX_free(forked->kept);
    EVP_MAC_CTX_free(forked->streamed);
}

static void fork_between(void)
{
    struct forked forked;
    OSSL_LIB_CTX *context;

    mac_setup();
    context = context_with(settings_standard(), NULL);
    mac_expect("CMAC", 5000, &forked.small);
    mac_expect("CMAC", LARGE, &forked.big);
    forked.kept = mac_keyed(context, "CMAC", "gold");
    forked.streamed = mac_keyed(context, "CMAC", "gold");
    CHECK(EVP_MAC_update(forked.kept, large, 5000) == 1);
    CHECK(EVP_MAC_update(forked.streamed, large, LARGE) == 1);
    CHECK(run_child(child, &forked) == 0);
    CHECK(mac_agrees(forked.kept, &forked.small));
    CHECK(mac_agrees(forked.streamed, &forked.big));
    EVP_MAC_CTX_free(forked.kept);
    EVP_MAC_CTX_free(forked.streamed);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(lost_session),    CHILD_TEST(lost_for_good), CHILD_TEST(lost_in_update),
        CHILD_TEST(lost_in_final),   CHILD_TEST(late_start),    CHILD_TEST(many_streams),
        CHILD_TEST(lost_connection), CHILD_TEST(fork_between),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
