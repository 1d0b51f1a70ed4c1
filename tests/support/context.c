/*
 * Library contexts of the tests: one with hsmzke from a configuration file of the form that the
 * documentation gives, one with the default provider.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/provider.h>

const char *config_file(const char *settings, const char *sections)
{
    const char *content =
        text("openssl_conf = openssl_init\n"
             "nodejs_conf = openssl_init\n"
             "[openssl_init]\n"
             "providers = provider_sect\n"
             "alg_section = algorithm_sect\n"
             "[algorithm_sect]\n"
             "default_properties = provider=hsmzke\n"
             "[provider_sect]\n"
             "null = null_sect\n"
             "hsmzke = hsmzke_sect\n"
             "[null_sect]\n"
             "activate = 1\n"
             "[hsmzke_sect]\n"
             "module = %s\n"
             "activate = 1\n"
             "%s\n%s\n",
             testing_path("HSMZKE_TEST_PROVIDER"), settings, sections == NULL ? "" : sections);

    return write_file("openssl.cnf", content, strlen(content));
}

OSSL_LIB_CTX *context_with(const char *settings, const char *sections)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    EVP_CIPHER *cipher;

    CHECK(context != NULL);
    CHECK(OSSL_LIB_CTX_load_config(context, config_file(settings, sections)) == 1);
    /* The core swallows the failure of a provider to load from a configuration. */
    cipher = EVP_CIPHER_fetch(context, "AES-256-CBC", "provider=hsmzke");
    CHECK(cipher != NULL);
    EVP_CIPHER_free(cipher);
    return context;
}

OSSL_LIB_CTX *context_default(void)
{
    static OSSL_LIB_CTX *context;

    if (context == NULL) {
        context = OSSL_LIB_CTX_new();
        CHECK(context != NULL && OSSL_PROVIDER_load(context, "default") != NULL);
    }
    return context;
}

const char *pin_file(const char *pin)
{
    return text("file:%s", write_file("pin", pin, strlen(pin)));
}

const char *settings_for(const char *module, const char *lines)
{
    return text("pkcs11-module = %s\n%s", module, lines);
}

static const char *prod(void)
{
    return text("%stoken = %s\npin-source = %s\n", module_lines(), module_token(),
                pin_file(USER_PIN "\n"));
}

const char *settings_standard(void)
{
    const char *native = getenv("HSMZKE_TEST_NATIVE");

    if (native != NULL) {
        spy_setup(NULL, NULL);
        spy_native(native, NULL, false);
        return settings_spied();
    }
    return settings_for(module_path(), prod());
}

const char *settings_spied(void)
{
    return settings_for(testing_path("HSMZKE_TEST_SPY_MODULE"), prod());
}
