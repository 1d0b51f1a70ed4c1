/*
 * What is in the audit log beside keys' use: keys that are listed, and what a wrong configuration
 * stops.
 */
#include "audit-log.h"
#include "loads.h"
#include "testing.h"

#include <string.h>

#include <openssl/err.h>

#include <hsmzke/hsmzke.h>

static void is(const char *line, const char *name, const char *value)
{
    if (strcmp(log_field(line, name), value) != 0)
        testing_failed(__FILE__, __LINE__, text("%s is not %s: %s", name, value, line));
}

static void listed(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;
    const char *line;

    token_standard();
    context = context_logged(path);
    CHECK(loads(context, "hsmzke:", 0) != NULL);
    line = log_line(path, "listed", 0);
    is(line, "token", module_label("prod"));
    is(line, "keys", "2");
    is(line, "result", "CKR_OK");
    is(line, "key", "");
    CHECK(log_count(path, "key-found") == 2); /* each, when it is loaded */
    CHECK(loads(context, "pkcs11:object=gold?pin-value=" USER_PIN, 0) != NULL);
    line = log_line(path, "listed", 1);
    is(line, "keys", "1");
    is(line, "key", "pkcs11:object=gold?pin-value=****");
    CHECK(loads(context, "pkcs11:object=absent", 0) != NULL);
    is(log_line(path, "listed", 2), "keys", "0");
    /* A URI that leads to no token is refused. */
    CHECK(loads(context, "pkcs11:nonsense=gold", 0) == NULL);
    CHECK_HAS(log_field(log_line(path, "key-refused", 0), "why"), "not known");
    ERR_clear_error();
    OSSL_LIB_CTX_free(context);
}

static void not_listed(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;
    const char *line;

    token_standard();
    spy_setup("C_FindObjectsInit:1+:0x30", NULL); /* CKR_DEVICE_ERROR */
    context = context_with(text("%saudit = file:%s\n", settings_spied(), path), NULL);
    CHECK(loads(context, "hsmzke:", 0) == NULL);
    line = log_line(path, "listed", 0);
    is(line, "result", "CKR_DEVICE_ERROR");
    is(line, "keys", "0");
    CHECK_HAS(log_field(line, "why"), "cannot be listed");
    ERR_clear_error();
    OSSL_LIB_CTX_free(context);
}

/* Keys that cannot be written down as listed are not. */
static void list_without_log(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(text("%saudit = file:/dev/full\n", settings_standard()), NULL);
    CHECK(loads(context, "hsmzke:", 0) == NULL);
    CHECK_HAS(error_text(), "No space left on device");
    OSSL_LIB_CTX_free(context);
}

/* The configuration is on the queue and, once more than `before` times, in the log. */
static void is_told(const char *path, unsigned before)
{
    CHECK_HAS(error_text(), "sessions = '0'");
    CHECK(log_count(path, "key-refused") == before + 1);
    CHECK_HAS(log_field(log_line(path, "key-refused", before), "why"),
              "configuration: sessions = '0': must be a number");
}

static void wrong_configuration(void)
{
    const char *path = log_path();
    unsigned char bytes[32] = { 0 }, reference[32];
    OSSL_LIB_CTX *context;
    EVP_RAND *rand;
    EVP_RAND_CTX *ctx;

    token_standard();
    context =
        context_with(text("%ssessions = 0\naudit = file:%s\n", settings_standard(), path), NULL);
    reference_by_name(reference, "gold");
    CHECK(key_works(context, "AES-256-CBC", reference, GOLD_KEY) == 0);
    is_told(path, 0);
    CHECK(key_works(context, "AES-256-GCM", reference, GOLD_KEY) == 0);
    is_told(path, 1);
    CHECK(key_works(context, "AES-256-CBC", bytes, GOLD_KEY) == 0); /* raw */
    is_told(path, 2);
    mac_refused(context, "HMAC", "SHA256", "gold");
    CHECK(log_count(path, "key-refused") == 4);
    CHECK(loads(context, "hsmzke:gold", 0) == NULL);
    is_told(path, 4);
    CHECK(EVP_PKEY_new_raw_private_key_ex(context, HSMZKE_PKEY_TYPE, NULL, reference, 32) == NULL);
    is_told(path, 5);
    rand = EVP_RAND_fetch(context, "HSMZKE-RAND", NULL);
    ctx = EVP_RAND_CTX_new(rand, NULL);
    CHECK(EVP_RAND_instantiate(ctx, 0, 0, NULL, 0, NULL) != 1 ||
          EVP_RAND_generate(ctx, bytes, 8, 0, 0, NULL, 0) != 1);
    is_told(path, 6);
    CHECK(log_count(path, "connected") == 0);
    EVP_RAND_CTX_free(ctx);
    EVP_RAND_free(rand);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(listed),
        CHILD_TEST(not_listed),
        CHILD_TEST(list_without_log),
        CHILD_TEST(wrong_configuration),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
