/*
 * Keys of the HSM through OSSL_STORE: references, pkcs11: URIs and lists; URIs that are not ours,
 * malformed, or about keys that went away; and another provider's loader for pkcs11: URIs beside
 * ours.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/store.h>

#include <hsmzke/hsmzke.h>

static OSSL_LIB_CTX *context;

static void store_setup(const char *settings, const char *sections)
{
    token_standard();
    context = context_with(text("%s%s", settings_standard(), settings), sections);
}

/* What a URI gives, each thing's reference or name and a blank; NULL: it cannot be opened. */
static const char *load(const char *uri, int expect)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, context, NULL, NULL, NULL, NULL, NULL, NULL);
    const char *all = "";

    if (store == NULL)
        return NULL;
    if (expect != 0)
        CHECK(OSSL_STORE_expect(store, expect) == 1);
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);
        char reference[64];

        if (info == NULL) {
            all = text("%s%s", all, OSSL_STORE_error(store) ? "error " : "");
            continue;
        }
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_NAME) {
            all = text("%sname=%s ", all, OSSL_STORE_INFO_get0_NAME(info));
        } else {
            EVP_PKEY *pkey = OSSL_STORE_INFO_get0_PKEY(info);

            CHECK(pkey != NULL && EVP_PKEY_get_utf8_string_param(pkey, "reference", reference,
                                                                 sizeof(reference), NULL) == 1);
            all = text("%s%s ", all, reference);
        }
        OSSL_STORE_INFO_free(info);
    }
    CHECK(OSSL_STORE_close(store) == 1);
    return all;
}

static void gives(const char *uri, const char *expected)
{
    const char *all = load(uri, OSSL_STORE_INFO_PKEY);

    if (all == NULL || strcmp(all, expected) != 0)
        testing_failed(__FILE__, __LINE__,
                       text("%s: %s; %s", uri, all == NULL ? "(not opened)" : all, error_text()));
    CHECK(ERR_peek_error() == 0);
}

static void refused(const char *uri, const char *words)
{
    if (load(uri, 0) != NULL)
        testing_failed(__FILE__, __LINE__, text("%s was opened", uri));
    CHECK_HAS(error_text(), words);
}

#define GOLD "hsmzke:y4KctdcFRsGUNnVTruBnrxixw "
#define SILVER "hsmzke:silver "

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

static bool lists_both(const char *uri)
{
    const char *all = load(uri, 0);

    return all != NULL && strlen(all) == strlen(GOLD SILVER) && strstr(all, GOLD) != NULL &&
           strstr(all, SILVER) != NULL;
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
    CHECK(lists_both("pkcs11:"));
    CHECK(lists_both("pkcs11:token=prod"));
    CHECK(lists_both("pkcs11:token=prod;type=secret-key"));
    CHECK(lists_both("hsmzke:"));
    gives("pkcs11:object=absent", "");
    gives("pkcs11:object=short", "");
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
    all = load("pkcs11:token=prod", 0);
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
    CHECK(strcmp(load("hsmzke:gold", OSSL_STORE_INFO_CERT), "") == 0);
    CHECK(strcmp(load("pkcs11:", OSSL_STORE_INFO_CRL), "") == 0);
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
        const char *all = load(bad[i], 0);

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
        (void)load(uri, 0);
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

/* ---- beside another loader for pkcs11: URIs ---- */

static bool decoy_done;

static void *decoy_open(void *provctx, const char *uri)
{
    (void)uri;
    decoy_done = false;
    return provctx;
}

static int decoy_load(void *store, OSSL_CALLBACK *callback, void *argument,
                      OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_argument)
{
    static char name[] = "decoy";
    int type = OSSL_OBJECT_NAME;
    OSSL_PARAM params[3];

    (void)store, (void)passphrase, (void)passphrase_argument;
    decoy_done = true;
    params[0] = OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type);
    params[1] = OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA, name, 0);
    params[2] = OSSL_PARAM_construct_end();
    return callback(params, argument);
}

static int decoy_eof(void *store)
{
    (void)store;
    return decoy_done;
}

static int decoy_close(void *store)
{
    (void)store;
    return 1;
}

static const OSSL_ALGORITHM *decoy_query(void *provctx, int operation, int *no_cache)
{
    static const OSSL_DISPATCH dispatch[] = {
        { OSSL_FUNC_STORE_OPEN, (void (*)(void))decoy_open },
        { OSSL_FUNC_STORE_LOAD, (void (*)(void))decoy_load },
        { OSSL_FUNC_STORE_EOF, (void (*)(void))decoy_eof },
        { OSSL_FUNC_STORE_CLOSE, (void (*)(void))decoy_close },
        { 0, NULL },
    };
    static const OSSL_ALGORITHM algorithms[] = {
        { "pkcs11", "provider=decoy", dispatch, NULL },
        { NULL, NULL, NULL, NULL },
    };

    (void)provctx;
    *no_cache = 0;
    return operation == OSSL_OP_STORE ? algorithms : NULL;
}

static int decoy_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                      const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH dispatch[] = {
        { OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))decoy_query },
        { 0, NULL },
    };

    (void)in;
    *out = dispatch;
    *provctx = (void *)(uintptr_t)handle;
    return 1;
}

/* The documented configuration, with another provider that has the scheme. */
static void setup_beside(const char *settings)
{
    store_setup(settings, NULL);
    CHECK(OSSL_PROVIDER_add_builtin(context, "decoy", decoy_init) == 1);
    CHECK(OSSL_PROVIDER_load(context, "decoy") != NULL);
    CHECK(EVP_set_default_properties(context, "provider!=default,?version=256") == 1);
}

static void beside_another(void)
{
    setup_beside(HSMZKE_PARAM_PKCS11_URIS " = no\n");
    CHECK(strcmp(load("pkcs11:token=prod;type=private", 0), "name=decoy ") == 0);
    CHECK(strcmp(load("pkcs11:token=prod", 0), "name=decoy ") == 0);
    ERR_clear_error(); /* of the core, to which names come in another form from 3.5 on */
    gives("hsmzke:gold", GOLD);
    CHECK(lists_both("hsmzke:"));
    OSSL_LIB_CTX_free(context);
}

/* OSSL_STORE asks one loader for a scheme: what it declines goes to no other. */
static void in_front_of_another(void)
{
    setup_beside("");
    CHECK(lists_both("pkcs11:token=prod"));
    refused("pkcs11:token=prod;type=private", "pkcs11-uris = no");
    OSSL_LIB_CTX_free(context);
}

/* The same with pkcs11-provider itself, which Debian has from 13 on. */
static const char *pkcs11_provider(void)
{
    const char *path = text("%s/pkcs11.so", OPENSSL_info(OPENSSL_INFO_MODULES_DIR));

    return access(path, R_OK) == 0 ? path : NULL;
}

/* As docs/configuration.md has it, with raw-keys for SoftHSM, which computes through OpenSSL. */
static const char *side_by_side(const char *provider)
{
    const char *lines =
        text("openssl_conf = openssl_init\n"
             "[openssl_init]\nproviders = provider_sect\n"
             "alg_section = algorithm_sect\n"
             "[algorithm_sect]\n"
             "default_properties = provider!=default,?version=256\n"
             "[provider_sect]\nnull = null_sect\nhsmzke = hsmzke_sect\n"
             "pkcs11 = pkcs11_sect\n[null_sect]\nactivate = 1\n"
             "[hsmzke_sect]\nmodule = %s\nactivate = 1\nraw-keys = software\n"
             "pkcs11-uris = no\n%s\n[pkcs11_sect]\nmodule = %s\nactivate = 1\n"
             "pkcs11-module-path = %s\npkcs11-module-token-pin = " USER_PIN "\n"
             "pkcs11-module-quirks = no-deinit\n",

             testing_path("HSMZKE_TEST_PROVIDER"), settings_standard(), provider, module_path());

    return write_file("side.cnf", lines, strlen(lines));
}

static void shell(const char *command)
{
    const char *output;

    if (run_shell(command, &output) != 0)
        testing_failed(__FILE__, __LINE__, text("%s\n%s", command, output));
}

static void beside_pkcs11_provider(void **state)
{
    const char *provider = pkcs11_provider();
    const char *openssl;

    (void)state;
    if (provider == NULL) {
        print_message("skipped: pkcs11-provider (pkcs11.so) is not installed\n");
        skip();
    }
    token_standard();
    shell(text("pkcs11-tool --module %s --token-label prod --login --pin " USER_PIN
               " --keypairgen --key-type EC:prime256v1 --label eckey --id 0a",
               module_path()));
    openssl = text("cd %s && echo data > data && OPENSSL_CONF=%s openssl", work_dir(),
                   side_by_side(provider));
    shell(text("%s dgst -sha256 -out signature -sign "
               "'pkcs11:token=prod;object=eckey;type=private' data && test -s signature",
               openssl));
    shell(text("%s pkeyutl -encrypt -inkey hsmzke:gold -in data -out sealed", openssl));
    shell(text("%s pkeyutl -decrypt -inkey hsmzke:gold -in sealed -out back && cmp data back",
               openssl));
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
        CHILD_TEST(references),
        CHILD_TEST(uris),
        CHILD_TEST(many_keys),
        CHILD_TEST(other_classes),
        CHILD_TEST(malformed),
        CHILD_TEST(random_uris),
        CHILD_TEST(keys_that_went_away),
        CHILD_TEST(beside_another),
        CHILD_TEST(in_front_of_another),
        CHILD_TEST(wrong_configuration),
        cmocka_unit_test(beside_pkcs11_provider),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
