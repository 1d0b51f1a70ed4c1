/*
 * Run by setuid.c, with more rights than its caller or without: what hsmzke's settings are with the
 * configuration file argv[1].  Writes "secure=0" or "secure=1", the settings in force, and what a
 * key's use fails with.
 */
#include <stdio.h>
#include <sys/auxv.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

static int show_settings(OSSL_LIB_CTX *context)
{
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(context, "hsmzke");
    const char *settings = NULL;
    OSSL_PARAM params[] = { OSSL_PARAM_utf8_ptr(OSSL_PROV_PARAM_BUILDINFO, &settings, 0),
                            OSSL_PARAM_END };
    const int good =
        provider != NULL && OSSL_PROVIDER_get_params(provider, params) == 1 && settings != NULL;

    if (good)
        printf("%s\n", settings);
    OSSL_PROVIDER_unload(provider);
    return good;
}

/* With a PIN that is in the environment only. */
static void use_key(OSSL_LIB_CTX *context)
{
    static const unsigned char reference[32] = "hsmzke:gold";
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, "AES-256-ECB", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (cipher != NULL && EVP_EncryptInit_ex2(ctx, cipher, reference, NULL, NULL) == 1)
        printf("the key works\n");
    ERR_print_errors_fp(stdout);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

int main(int argc, char **argv)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();

    printf("secure=%d\n", getauxval(AT_SECURE) != 0);
    if (argc != 2 || context == NULL || OSSL_LIB_CTX_load_config(context, argv[1]) != 1 ||
        !show_settings(context)) {
        ERR_print_errors_fp(stdout);
        return 1;
    }
    use_key(context);
    OSSL_LIB_CTX_free(context);
    return 0;
}
