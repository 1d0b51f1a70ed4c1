/*
 * Another provider's loader for pkcs11: URIs beside ours, in the documented configuration: one made
 * for this test, and pkcs11-provider where it is installed.
 */
#include "loads.h"
#include "testing.h"

#include <string.h>
#include <unistd.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <hsmzke/hsmzke.h>

static OSSL_LIB_CTX *context;
static OSSL_PROVIDER *decoy;

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
    token_standard();
    context = context_with(text("%s%s", settings_standard(), settings), NULL);
    CHECK(OSSL_PROVIDER_add_builtin(context, "decoy", decoy_init) == 1);
    decoy = OSSL_PROVIDER_load(context, "decoy");
    CHECK(decoy != NULL);
    CHECK(EVP_set_default_properties(context, "provider!=default,?version=256") == 1);
}

static bool has_keys(const char *uri)
{
    const char *all = loads(context, uri, 0);

    return all != NULL && strstr(all, "hsmzke:silver ") != NULL && strstr(all, "decoy") == NULL;
}

static void beside_another(void)
{
    setup_beside(HSMZKE_PARAM_PKCS11_URIS " = no\n");
    CHECK(strcmp(loads(context, "pkcs11:token=prod;type=private", 0), "name=decoy ") == 0);
    CHECK(strcmp(loads(context, "pkcs11:token=prod", 0), "name=decoy ") == 0);
    ERR_clear_error(); /* what OpenSSL 3.5 leaves of the other's objects */
    ERR_clear_error(); /* of the core, to which names come in another form from 3.5 on */
    CHECK(strcmp(loads(context, "hsmzke:gold", 0), "hsmzke:y4KctdcFRsGUNnVTruBnrxixw ") == 0);
    CHECK(ERR_peek_error() == 0);
    CHECK(has_keys("hsmzke:"));
    OSSL_PROVIDER_unload(decoy);
    OSSL_LIB_CTX_free(context);
}

/* OSSL_STORE asks one loader for a scheme: what it declines goes to no other. */
static void in_front_of_another(void)
{
    setup_beside("");
    CHECK(has_keys("pkcs11:token=prod"));
    CHECK(loads(context, "pkcs11:token=prod;type=private", 0) == NULL);
    CHECK_HAS(error_text(), "pkcs11-uris = no");
    OSSL_PROVIDER_unload(decoy);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(beside_another),
        CHILD_TEST(in_front_of_another),
        cmocka_unit_test(beside_pkcs11_provider),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
