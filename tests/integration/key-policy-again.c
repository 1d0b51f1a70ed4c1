/*
 * `key-policy` asks again: a key whose attributes were changed is known as such at its first use in
 * a new connection, and in a forked child.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

static OSSL_LIB_CTX *context;

static void begin(void)
{
    token_standard();
    token_import("prod", USER_PIN, "key - no-sign mechanisms=ecb,cbc\n"); /* generated */
    unsetenv("HSMZKE_KEY_POLICY");
    spy_setup(NULL, NULL);
    context = context_with(text("%skey-policy = strict\n", settings_spied()), NULL);
}

static int use(void)
{
    unsigned char reference[32], in[16] = { 0 }, out[48];
    struct message message = { .cipher = "AES-256-ECB",
                               .key = reference,
                               .encrypt = 1,
                               .in = in,
                               .size = sizeof(in),
                               .out = out };

    reference_by_name(reference, "key");
    return message_run(context, &message);
}

static void works(void)
{
    if (use() != 1)
        testing_failed(__FILE__, __LINE__, error_text());
    CHECK(ERR_peek_error() == 0);
}

static void refused(void *ignored)
{
    (void)ignored;
    CHECK(use() != 1);
    CHECK_HAS(error_text(), "is refused by key-policy = strict: wrap-decrypt (critical)");
}

static void in_a_new_connection(void)
{
    begin();
    works();
    token_set("prod", USER_PIN, "key", "wrap=yes");
    works();        /* in the same connection it counts as it was */
    spy_gone(0x32); /* CKR_DEVICE_REMOVED */
    CHECK(use() != 1);
    ERR_clear_error();
    spy_gone(0);
    refused(NULL);
    token_set("prod", USER_PIN, "key", "wrap=no");
    works();
    OSSL_LIB_CTX_free(context);
}

static void in_a_child(void)
{
    begin();
    works();
    token_set("prod", USER_PIN, "key", "wrap=yes");
    CHECK(run_child(refused, NULL) == 0);
    works();
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = { CHILD_TEST(in_a_new_connection), CHILD_TEST(in_a_child) };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
