/*
 * Programs that get past openssl.cnf, for tests/apps/unguarded.sh: what they encrypt with the bytes
 * of a reference no provider sees.
 *
 *     unguarded WAY HEX-KEY HEX-IV <plain >sealed     AES-256-CBC
 *
 *   file        nothing special: openssl.cnf decides
 *   context     a library context of its own, without OSSL_LIB_CTX_load_config()
 *   no-config   OPENSSL_INIT_NO_LOAD_CONFIG
 *   properties  EVP_set_default_properties("")
 *   default     the same with "provider=default", after it loaded that provider
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

enum { MOST = 1 << 20, KEY = 32, IV = 16 };

static int fail(const char *what)
{
    fprintf(stderr, "unguarded: %s\n", what);
    ERR_print_errors_fp(stderr);
    return 1;
}

/* Does what `way` says. @return 0 if it could not; the library context to use in *context */
static int prepare(const char *way, OSSL_LIB_CTX **context)
{
    *context = NULL;
    if (strcmp(way, "file") == 0)
        return 1;
    if (strcmp(way, "context") == 0)
        return (*context = OSSL_LIB_CTX_new()) != NULL;
    if (strcmp(way, "no-config") == 0)
        return OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    if (strcmp(way, "properties") == 0)
        return EVP_set_default_properties(NULL, "");
    if (strcmp(way, "default") == 0)
        return OSSL_PROVIDER_load(NULL, "default") != NULL &&
               EVP_set_default_properties(NULL, "provider=default");
    return 0;
}

/* @return the size of what is in `out`, -1 if it was not encrypted */
static int seal(OSSL_LIB_CTX *context, const unsigned char *key, const unsigned char *iv,
                const unsigned char *in, int size, unsigned char *out)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, "AES-256-CBC", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int given = 0, rest = 0, sealed = -1;

    if (cipher != NULL && ctx != NULL && EVP_EncryptInit_ex2(ctx, cipher, key, iv, NULL) &&
        EVP_EncryptUpdate(ctx, out, &given, in, size) &&
        EVP_EncryptFinal_ex(ctx, out + given, &rest))
        sealed = given + rest;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return sealed;
}

int main(int argc, char **argv)
{
    static unsigned char in[MOST], out[MOST + IV];
    unsigned char key[KEY], iv[IV];
    OSSL_LIB_CTX *context;
    size_t size;
    int sealed;

    /* Before anything else: OPENSSL_hexstr2buf_ex() would read the file. */
    if (argc != 4 || !prepare(argv[1], &context))
        return fail("usage: unguarded file|context|no-config|properties|default KEY IV");
    if (!OPENSSL_hexstr2buf_ex(key, sizeof(key), NULL, argv[2], '\0') ||
        !OPENSSL_hexstr2buf_ex(iv, sizeof(iv), NULL, argv[3], '\0'))
        return fail("KEY has 64 hexadecimal digits, IV 32");
    size = fread(in, 1, sizeof(in), stdin);
    sealed = seal(context, key, iv, in, (int)size, out);
    OSSL_LIB_CTX_free(context);
    if (sealed < 0)
        return fail("not encrypted");
    return fwrite(out, 1, (size_t)sealed, stdout) == (size_t)sealed ? 0 : 1;
}
