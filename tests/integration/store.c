/*
 * Keys of the HSM through OSSL_STORE: references, pkcs11: URIs and lists; URIs that are not ours,
 * malformed, or about keys that went away.  Other loaders beside ours: store-beside.c.
 */
#include "loads.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/store.h>

#include <hsmzke/hsmzke.h>

static OSSL_LIB_CTX *context;

static void store_setup(const char *settings, const char *sections)
{
    token_standard();
    context = context_with(text("%s%s", settings_standard(), settings), sections);
}

static void gives(const char *uri, const char *expected)
{
    const char *all = loads(context, uri, OSSL_STORE_INFO_PKEY);

    if (all == NULL || strcmp(all, expected) != 0)
        testing_failed(__FILE__, __LINE__,
                       text("%s: %s; %s", uri, all == NULL ? "(not opened)" : all, error_text()));
    CHECK(ERR_peek_error() == 0);
}

static void refused(const char *uri, const char *words)
{
    if (loads(context, uri, 0) != NULL)
        testing_failed(__FILE__, __LINE__, text("%s was opened", uri));
    CHECK_HAS(error_text(), words);
}

#define GOLD "hsmzke:y4KctdcFRsGUNnVTruBnrxixw "
#define SILVER "hsmzke:silver "
#define SECRET "hsmzke:secret "

static void references(void)
{
    store_setup(HSMZKE_PARAM_KEYS " = aliases\n", "[aliases]\npayroll = pkcs11:object=gold\n");
    gives("hsmzke:gold", GOLD);
    gives("hsmzke:y4KctdcFRsGUNnVTruBnrxixw", GOLD);
    gives("hsmzke:silver", SILVER);
    gives("hsmzke:payroll", "hsmzke:payroll ");
    refused("hsmzke:absent", "no secret key 'absent'");
    refused("hsmzke:y4KctdcFRsGUNnVTruBnrxixx", "check character");
    refused("hsmzke:a-label-that-is-too-long-for-it", "too long");
    /* Not percent-decoded: RFC 7512 is for pkcs11: URIs. */
    refused("hsmzke:gol%64", "gol%64");
    refused("hsmzke://gold", "");
    OSSL_LIB_CTX_free(context);
}

static bool lists_all(const char *uri)
{
    const char *all = loads(context, uri, 0);

    return all != NULL && strlen(all) == strlen(GOLD SILVER SECRET) && strstr(all, GOLD) != NULL &&
           strstr(all, SILVER) != NULL && strstr(all, SECRET) != NULL;
}

static void uris(void)
{
    store_setup("", NULL);
    /* Keys of other kinds and sizes are on the token, too. */
    token_import("prod", USER_PIN,
                 "short 00112233445566778899aabbccddeeff\n"
                 "secret 00112233445566778899aabbccddeeff0011 type=generic\n");
    gives("pkcs11:object=gold", GOLD);
    gives("pkcs11:token=prod;object=silver;type=secret-key", SILVER);
    gives("pkcs11:id=%cb%82%9c%b5%d7%05%46%c1%94%36%75%53%ae%e0%67%af%18%b1", GOLD);
    CHECK(lists_all("pkcs11:"));
    CHECK(lists_all("pkcs11:token=prod"));
    CHECK(lists_all("pkcs11:token=prod;type=secret-key"));
    CHECK(lists_all("hsmzke:"));
    gives("pkcs11:object=absent", "");
    gives("pkcs11:object=short", "");
    gives("pkcs11:object=secret", "hsmzke:secret ");
    gives("hsmzke:secret", "hsmzke:secret ");
    CHECK(ERR_peek_error() == 0);
    OSSL_LIB_CTX_free(context);
}

static void many_keys(void)
{
    enum { MANY = 100 };
    const char *lines = "";
    const char *all;
    size_t count = 0;

    store_setup("", NULL);
    for (int i = 0; i < MANY; i++)
        lines = text("%skey-%d " GOLD_KEY "\n", lines, i);
    token_import("prod", USER_PIN, lines);
    all = loads(context, "pkcs11:token=prod", 0);
    CHECK(all != NULL);
    for (const char *at = strstr(all, "hsmzke:key-"); at != NULL;
         at = strstr(at + 1, "hsmzke:key-"))
        count++;
    CHECK(count == MANY && strstr(all, "error") == NULL);
    OSSL_LIB_CTX_free(context);
}

static void other_classes(void)
{
    static const char *const types[] = { "private", "public", "cert", "data" };

    store_setup("", NULL);
    for (size_t i = 0; i < 4; i++)
        refused(text("pkcs11:token=prod;type=%s", types[i]), "pkcs11-uris = no");
    /* Who wants something else gets nothing. */
    CHECK(strcmp(loads(context, "hsmzke:gold", OSSL_STORE_INFO_CERT), "") == 0);
    CHECK(strcmp(loads(context, "pkcs11:", OSSL_STORE_INFO_CRL), "") == 0);
    OSSL_LIB_CTX_free(context);
}

static void malformed(void)
{
    static const char *const bad[] = {
        "pkcs11:object=%zz",        "pkcs11:object=%",
        "pkcs11:nonsense=gold",     "pkcs11:object",
        "pkcs11:type=nonsense",     "pkcs11:;",
        "pkcs11:object=a;object=b", "pkcs11:id=%0",
        "pkcs11:slot-id=x",         "pkcs11:module-path=/x.so",
        "pkcs11:token=prod#x",      "pkcs11:?pin-source=nonsense",
        "pkcs11:token=absent",      "pkcs11:library-version=1.2.3.4",
    };

    store_setup("", NULL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char *all = loads(context, bad[i], 0);

        if (all != NULL && strstr(all, "hsmzke:") != NULL && strcmp(bad[i], "pkcs11:;") != 0)
            testing_failed(__FILE__, __LINE__, text("%s gave %s", bad[i], all));
        CHECK(all != NULL || ERR_peek_error() != 0);
        ERR_clear_error();
    }
    gives("hsmzke:gold", GOLD);
    OSSL_LIB_CTX_free(context);
}

/* URIs changed at random: an error or keys, no crash. */
static void random_uris(void)
{
    static const char *const seeds[] = { "pkcs11:token=prod;object=gold;type=secret-key",
                                         "pkcs11:id=%cb%82;object=%67old?pin-value=1",
                                         "hsmzke:y4KctdcFRsGUNnVTruBnrxixw" };
    static const char alphabet[] = "%;=?&:0123456789abcxyz#/ ";
    struct prng prng = { prng_seed() };

    /* No token of another name can be reached, so no PIN is tried there. */
    store_setup("", NULL);
    for (unsigned long job = jobs_to_run(500, 100); job > 0; job--) {
        char uri[200];
        size_t length;

        snprintf(uri, sizeof(uri), "%s", seeds[prng_upto(&prng, 2)]);
        length = strlen(uri);
        for (size_t changes = 1 + prng_upto(&prng, 3); changes > 0; changes--)
            uri[7 + prng_upto(&prng, length - 8)] =
                alphabet[prng_upto(&prng, sizeof(alphabet) - 2)];
        (void)loads(context, uri, 0);
        ERR_clear_error();
    }
    gives("hsmzke:gold", GOLD);
    OSSL_LIB_CTX_free(context);
}

static void keys_that_went_away(void)
{
    OSSL_STORE_CTX *store;
    OSSL_STORE_INFO *info;
    EVP_PKEY_CTX *ctx;
    EVP_PKEY *pkey;

    store_setup("", NULL);
    store = OSSL_STORE_open_ex("pkcs11:", context, NULL, NULL, NULL, NULL, NULL, NULL);
    CHECK(store != NULL);
    token_destroy("prod", USER_PIN, "silver");
    for (int i = 0; i < 2; i++) {
        info = OSSL_STORE_load(store);
        CHECK(info != NULL || strstr(error_text(), "silver") != NULL);
        OSSL_STORE_INFO_free(info);
    }
    CHECK(OSSL_STORE_eof(store) && OSSL_STORE_close(store) == 1);
    store = OSSL_STORE_open_ex("hsmzke:gold", context, NULL, NULL, NULL, NULL, NULL, NULL);
    info = OSSL_STORE_load(store);
    CHECK(info != NULL && (pkey = OSSL_STORE_INFO_get1_PKEY(info)) != NULL);
    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    ctx = EVP_PKEY_CTX_new_from_pkey(context, pkey, NULL);
    CHECK(EVP_PKEY_check(ctx) == 1);
    token_destroy("prod", USER_PIN, "gold");
    CHECK(EVP_PKEY_check(ctx) != 1);
    CHECK_HAS(error_text(), "gold");
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

static void wrong_configuration(void)
{
    store_setup(HSMZKE_PARAM_PKCS11_URIS " = perhaps\n", NULL);
    refused("hsmzke:gold", "pkcs11-uris = 'perhaps'");
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(references),          CHILD_TEST(uris),      CHILD_TEST(many_keys),
        CHILD_TEST(other_classes),       CHILD_TEST(malformed), CHILD_TEST(random_uris),
        CHILD_TEST(keys_that_went_away),

        CHILD_TEST(wrong_configuration),

    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
