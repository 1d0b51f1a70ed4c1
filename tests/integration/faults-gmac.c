/*
 * GMAC whose key, IV, session or connection is not as it should be.  An IV serves one MAC: two
 * under one IV give H away.
 */
#include "macs.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

static OSSL_LIB_CTX *context;

static void setup(const char *settings)
{
    mac_setup();
    context = context_with(settings, NULL);
}

static int init(EVP_MAC_CTX *ctx, const char *reference)
{
    return EVP_MAC_init(ctx, (const unsigned char *)reference,
                        reference != NULL ? strlen(reference) : 0, NULL);
}

/* The MAC is not given out, and the next call is as if this one had not been. */
static const char *final_fails(EVP_MAC_CTX *ctx)
{
    unsigned char out[16];
    size_t size = 0;

    blank_fill(out, sizeof(out));
    CHECK(ERR_peek_error() == 0);
    CHECK(EVP_MAC_final(ctx, out, &size, sizeof(out)) == 0);
    CHECK(still_blank(out, sizeof(out)));
    return error_text();
}

static const char *update_fails(EVP_MAC_CTX *ctx)
{
    CHECK(ERR_peek_error() == 0);
    CHECK(EVP_MAC_update(ctx, large, 5) == 0);
    return error_text();
}

static void unfit_keys(void)
{
    EVP_MAC_CTX *ctx;

    setup(settings_standard());
    CHECK_HAS(mac_refused(context, "GMAC", "AES-256-GCM", "no-encrypt"), "CKA_ENCRYPT");
    CHECK_HAS(mac_refused(context, "GMAC", "AES-256-GCM", "secret"), "no AES key");
    CHECK_HAS(mac_refused(context, "GMAC", "AES-256-GCM", "absent"), "'absent'");
    CHECK_HAS(mac_refused(context, "GMAC", "AES-256-GCM", ""), "names no key");
    CHECK_HAS(mac_refused(context, "GMAC", "AES-128-GCM", "gold"), "'AES-128-GCM'");
    CHECK_HAS(mac_refused(context, "GMAC", "AES-192-GCM", "gold"), "HSM keys serve AES-256-GCM");
    CHECK_HAS(mac_refused(context, "GMAC", NULL, "gold"), "missing cipher");
    /* default of 3.5 takes no such cipher in the first place, and says so itself. */
    CHECK_HAS(mac_refused(context, "CMAC", "AES-256-GCM", "gold"),
              mac_takes(context, "CMAC", "AES-256-GCM") ? "'AES-256-GCM'" : "invalid mode");
    ctx = mac_keyed(context, "GMAC", "cbc-only");
    CHECK_HAS(final_fails(ctx), "CKM_AES_GCM");
    EVP_MAC_CTX_free(ctx);
    /* CKA_SIGN is not asked for: the mechanism is one for encryption. */
    mac_works(context, "GMAC", "no-sign", 100);
    mac_works(context, "GMAC", "gcm-only", 100);
    mac_works(context, "GMAC", "gold", 0);
    OSSL_LIB_CTX_free(context);
}

/* A cipher that GMAC does not take leaves all as it is; one that it takes drops key and IV. */
static void other_ciphers(void)
{
    char cbc[] = "AES-256-CBC", gcm[] = "id-aes256-GCM";
    OSSL_PARAM to_cbc[] = { OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, cbc, strlen(cbc)),
                            OSSL_PARAM_END };
    OSSL_PARAM to_gcm[] = { OSSL_PARAM_utf8_string(OSSL_MAC_PARAM_CIPHER, gcm, strlen(gcm)),
                            OSSL_PARAM_END };
    struct mac_message expected;
    EVP_MAC_CTX *ctx;

    setup(settings_standard());
    mac_expect("GMAC", 100, &expected);
    ctx = mac_keyed(context, "GMAC", "gold");
    CHECK(EVP_MAC_CTX_set_params(ctx, to_cbc) == 0);
    CHECK_HAS(error_text(), "invalid mode");
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && mac_agrees(ctx, &expected));
    CHECK(EVP_MAC_CTX_set_params(ctx, to_gcm) == 1);
    CHECK(init(ctx, NULL) == 1);
    CHECK_HAS(update_fails(ctx), "no key set");
    CHECK(init(ctx, "hsmzke:gold") == 1);
    CHECK_HAS(update_fails(ctx), "no IV was set");
    CHECK(mac_set_iv(ctx, mac_iv, IV) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && mac_agrees(ctx, &expected));
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

static void no_iv(void)
{
    struct mac_message expected;
    unsigned char longer[129] = { 0 };
    EVP_MAC_CTX *ctx;

    setup(settings_standard());
    mac_expect("GMAC", 100, &expected);
    ctx = mac_context(context, "GMAC", "AES-256-GCM");
    CHECK(init(ctx, "hsmzke:gold") == 1);
    CHECK_HAS(final_fails(ctx), "no IV was set");
    CHECK_HAS(update_fails(ctx), "no IV was set");
    CHECK(mac_set_iv(ctx, longer, 0) == 0 && mac_set_iv(ctx, longer, 129) == 0);
    CHECK(*error_text() != '\0');
    CHECK_HAS(update_fails(ctx), "no IV was set");
    CHECK(EVP_MAC_update(ctx, large, 0) == 1);
    CHECK(mac_set_iv(ctx, mac_iv, IV) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && mac_agrees(ctx, &expected));
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

static void iv_serves_once(void)
{
    struct mac_message expected;
    EVP_MAC_CTX *ctx, *copy;

    setup(settings_standard());
    mac_expect("GMAC", 100, &expected);
    ctx = mac_keyed(context, "GMAC", "gold");
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && mac_agrees(ctx, &expected));
    CHECK_HAS(final_fails(ctx), "the IV has served");
    CHECK_HAS(update_fails(ctx), "the IV has served");
    CHECK(init(ctx, NULL) == 1);
    CHECK_HAS(final_fails(ctx), "the IV has served");
    CHECK(init(ctx, "hsmzke:gold") == 1);
    CHECK_HAS(update_fails(ctx), "the IV has served");
    CHECK(init(ctx, "hsmzke:silver") == 1);
    CHECK_HAS(final_fails(ctx), "the IV has served");
    copy = EVP_MAC_CTX_dup(ctx);
    CHECK(copy != NULL);
    CHECK_HAS(final_fails(copy), "the IV has served");
    EVP_MAC_CTX_free(copy);
    CHECK(init(ctx, "hsmzke:gold") == 1 && mac_set_iv(ctx, mac_iv, IV) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1);
    /* A key in mid-message: with default what comes out is no MAC of anything. */
    CHECK(init(ctx, "hsmzke:gold") == 1);
    CHECK_HAS(update_fails(ctx), "the IV has served");
    CHECK_HAS(final_fails(ctx), "the IV has served");
    CHECK(mac_set_iv(ctx, mac_iv, IV) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && mac_agrees(ctx, &expected));
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

/* Identities come from its key stream. */
static void reserved_iv(void)
{
    struct mac_message expected;
    EVP_MAC_CTX *ctx;

    setup(settings_standard());
    mac_expect("GMAC", 100, &expected);
    ctx = mac_context(context, "GMAC", "AES-256-GCM");
    CHECK(mac_set_iv(ctx, "hsmzke-id-v1", IV) == 1); /* a raw key may follow */
    CHECK(init(ctx, "hsmzke:gold") == 1);
    CHECK_HAS(update_fails(ctx), "reserved");
    CHECK_HAS(final_fails(ctx), "reserved");
    CHECK(mac_set_iv(ctx, "hsmzke-id-v1.", IV + 1) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1);
    CHECK(mac_set_iv(ctx, mac_iv, IV) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && mac_agrees(ctx, &expected));
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

/* Data that are too many are refused before they are taken. */
static void too_many_data(void)
{
    struct mac_message expected;
    EVP_MAC_CTX *ctx;

    setup(text("%sgcm-buffer = 100\n", settings_standard()));
    mac_expect("GMAC", 100, &expected);
    ctx = mac_keyed(context, "GMAC", "gold");
    CHECK(EVP_MAC_update(ctx, large, 101) == 0);
    CHECK_HAS(error_text(), "gcm-buffer");
    CHECK(EVP_MAC_update(ctx, large, 60) == 1 && EVP_MAC_update(ctx, large + 60, 41) == 0);
    CHECK_HAS(error_text(), "more than 100 bytes");
    CHECK(EVP_MAC_update(ctx, large + 60, 40) == 1 && mac_agrees(ctx, &expected));
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

/* From a raw key to a reference and back.  The IV is the context's. */
static void raw_keys(void)
{
    struct mac_message expected;
    EVP_MAC_CTX *ctx;

    setup(settings_standard());
    mac_expect("GMAC", 100, &expected);
    ctx = mac_keyed(context, "GMAC", "gold");
    CHECK(EVP_MAC_init(ctx, expected.key, expected.key_size, NULL) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && mac_agrees(ctx, &expected));
    CHECK(init(ctx, "hsmzke:gold") == 1);
    CHECK_HAS(update_fails(ctx), "the IV has served");
    CHECK(mac_set_iv(ctx, mac_iv, IV) == 1);
    CHECK(EVP_MAC_update(ctx, large, 100) == 1 && mac_agrees(ctx, &expected));
    CHECK(init(ctx, "hsmzke:absent") == 0);
    CHECK_HAS(error_text(), "'absent'");
    CHECK(mac_set_iv(ctx, mac_iv, IV) == 1 && init(ctx, NULL) == 1);
    CHECK_HAS(update_fails(ctx), "no key set");
    CHECK_HAS(final_fails(ctx), "no key set");
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

/* Identity and MAC are two calls each; those of the MAC may fail once. */
static void lose_session(void *fail_)
{
    const char *fail = fail_;

    spy_setup(fail, NULL);
    context = context_with(settings_spied(), NULL);
    mac_works(context, "GMAC", "gold", 1000);
    CHECK(spy_failures() == (*fail != '\0'));
    CHECK(spy_calls("C_EncryptUpdate") == 0 && spy_calls("C_SignInit") == 0);
    if (*fail == '\0')
        CHECK(spy_calls("C_EncryptInit") == 2 && spy_calls("C_Encrypt") == 2);
    OSSL_LIB_CTX_free(context);
}

static void lost_session(void)
{
    static char fails[][32] = { "", "C_EncryptInit:2:0xb3", "C_Encrypt:2:0x30", "C_Encrypt:2:0x101",
                                "C_Encrypt:2:0x150" };

    mac_setup();
    for (size_t i = 0; i < sizeof(fails) / sizeof(fails[0]); i++)
        CHECK(run_child(lose_session, fails[i]) == 0);
}

/* A module that puts an IV of its own in the place of ours has made another MAC. */
static void iv_replaced(void)
{
    EVP_MAC_CTX *ctx;

    mac_setup();
    spy_setup(NULL, NULL);
    spy_gcm("own-iv");
    context = context_with(settings_spied(), NULL);
    ctx = mac_keyed(context, "GMAC", "gold");
    CHECK(EVP_MAC_update(ctx, large, 100) == 1);
    CHECK_HAS(final_fails(ctx), "IV");
    CHECK_HAS(final_fails(ctx), "IV");
    EVP_MAC_CTX_free(ctx);
    OSSL_LIB_CTX_free(context);
}

/* All data are kept: a final that failed is made again, and goes on after more data. */
static void lost_connection(void)
{
    struct mac_message first, more;
    EVP_MAC_CTX *ctx, *copy;

    mac_setup();
    mac_expect("GMAC", LARGE, &more);
    mac_expect("GMAC", 5000, &first);
    spy_setup("", NULL);
    context = context_with(settings_spied(), NULL);
    ctx = mac_keyed(context, "GMAC", "gold");
    CHECK(EVP_MAC_update(ctx, large, 5000) == 1);
    copy = EVP_MAC_CTX_dup(ctx);
    CHECK(copy != NULL);
    spy_gone(0x30);
    CHECK(*final_fails(ctx) != '\0' && *final_fails(copy) != '\0');
    spy_gone(0);
    CHECK(mac_agrees(ctx, &first));
    CHECK(EVP_MAC_update(copy, large + 5000, LARGE - 5000) == 1 && mac_agrees(copy, &more));
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_CTX_free(copy);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

struct forked {
    EVP_MAC_CTX *ctx;
    struct mac_message expected;
};

static void child(void *argument)
{
    struct forked *forked = argument;

    CHECK(EVP_MAC_update(forked->ctx, large + 5000, LARGE - 5000) == 1);
    CHECK(mac_agrees(forked->ctx, &forked->expected));
    EVP_MAC_CTX_free(forked->ctx);
}

static void fork_between(void)
{
    struct forked forked;

    setup(settings_standard());
    mac_expect("GMAC", LARGE, &forked.expected);
    forked.ctx = mac_keyed(context, "GMAC", "gold");
    CHECK(EVP_MAC_update(forked.ctx, large, 5000) == 1);
    CHECK(run_child(child, &forked) == 0);
    child(&forked);
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

/* Without the gateway it is there as well, and offers what default's does. */
static void without_gateway(void)
{
    EVP_MAC *mac;

    setup(text("%sgateway = no\n", settings_standard()));
    mac = EVP_MAC_fetch(context, "GMAC", NULL);
    CHECK(mac != NULL && EVP_MAC_gettable_ctx_params(mac) == NULL);
    CHECK(OSSL_PARAM_locate_const(EVP_MAC_gettable_params(mac), OSSL_MAC_PARAM_SIZE) != NULL);
    CHECK(OSSL_PARAM_locate_const(EVP_MAC_settable_ctx_params(mac), OSSL_MAC_PARAM_IV) != NULL);
    EVP_MAC_free(mac);
    OSSL_LIB_CTX_free(context);
}

static void command_line(void)
{
    const char *config;

    mac_setup();
    config = config_file(settings_standard(), NULL);
    mac_commands_agree(
        config, "-cipher AES-256-GCM -macopt hexiv:00112233 -macopt key:hsmzke:gold GMAC",
        "-cipher AES-256-GCM -macopt hexiv:00112233 -macopt hexkey:" GOLD_KEY " GMAC");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(unfit_keys),      CHILD_TEST(other_ciphers), CHILD_TEST(no_iv),
        CHILD_TEST(iv_serves_once),  CHILD_TEST(reserved_iv),   CHILD_TEST(too_many_data),
        CHILD_TEST(raw_keys),        CHILD_TEST(lost_session),  CHILD_TEST(iv_replaced),
        CHILD_TEST(lost_connection), CHILD_TEST(fork_between),  CHILD_TEST(without_gateway),
        CHILD_TEST(command_line),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
