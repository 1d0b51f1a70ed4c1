/* EVP_SKEYs for tests: see skeys.h. */
#include "skeys.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>

struct skey_functions skeys;

/* ISO C knows no way from a pointer to data to one to a function. */
static bool look_up(const char *name, void *function)
{
    void *const found = dlsym(RTLD_DEFAULT, name);

    memcpy(function, &found, sizeof(found));
    return found != NULL;
}

void skeys_or_skip(void)
{
    if (!look_up("EVP_SKEY_import", &skeys.import)) {
        printf("%s has no EVP_SKEY, which is of OpenSSL 3.5\n", OpenSSL_version(OPENSSL_VERSION));
        skip();
    }
    CHECK(look_up("EVP_SKEY_import_raw_key", &skeys.import_raw_key) &&
          look_up("EVP_SKEY_generate", &skeys.generate) &&
          look_up("EVP_SKEY_get0_raw_key", &skeys.get0_raw_key) &&
          look_up("EVP_SKEY_get0_key_id", &skeys.get0_key_id) &&
          look_up("EVP_SKEY_get0_provider_name", &skeys.get0_provider_name) &&
          look_up("EVP_SKEY_export", &skeys.export) &&
          look_up("EVP_SKEY_to_provider", &skeys.to_provider) &&
          look_up("EVP_SKEY_free", &skeys.free) &&
          look_up("EVP_CipherInit_SKEY", &skeys.cipher_init) &&
          look_up("EVP_MAC_init_SKEY", &skeys.mac_init));
    look_up("EVP_KDF_CTX_set_SKEY", &skeys.kdf_set);
}

SKEY *skey_named(OSSL_LIB_CTX *context, const char *type, const char *parameter, const char *value)
{
    char *copy = keep(strlen(value) + 1);
    OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(parameter, copy, strlen(value)),
                            OSSL_PARAM_END };

    strcpy(copy, value);
    return skeys.import(context, type, NULL, SKEY_ALL, params);
}

const char *skey_not_named(OSSL_LIB_CTX *context, const char *type, const char *parameter,
                           const char *value)
{
    const char *words;

    if (skey_named(context, type, parameter, value) != NULL)
        testing_failed(__FILE__, __LINE__, text("no key is named by '%s'", value));
    words = error_text();
    CHECK(*words != '\0');
    return words;
}

SKEY *skey_raw(OSSL_LIB_CTX *context, const char *type, const char *digits)
{
    unsigned char bytes[128];
    const size_t size = unhex(digits, bytes, sizeof(bytes));

    return skeys.import_raw_key(context, type, bytes, size, NULL);
}

enum { SIZE = 64, ROOM = SIZE + 32 };

static const unsigned char iv[16] = "sixteen bytes..";

static const unsigned char *iv_for(const EVP_CIPHER *cipher)
{
    return EVP_CIPHER_get_mode(cipher) == EVP_CIPH_WRAP_MODE ||
                   EVP_CIPHER_get_iv_length(cipher) == 0
               ? NULL
               : iv;
}

/* The default provider's part: its key is bytes. */
static int init(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, SKEY *key, const char *digits,
                int encrypt)
{
    unsigned char bytes[32];

    if (key != NULL)
        return skeys.cipher_init(ctx, cipher, key, iv_for(cipher),
                                 (size_t)EVP_CIPHER_get_iv_length(cipher), encrypt, NULL);
    CHECK(unhex(digits, bytes, sizeof(bytes)) > 0);
    return EVP_CipherInit_ex2(ctx, cipher, bytes, iv_for(cipher), encrypt, NULL);
}

/* @return bytes written; -1: init failed */
static int run(OSSL_LIB_CTX *context, const char *name, SKEY *key, const char *digits, int encrypt,
               const unsigned char *in, int size, unsigned char out[ROOM], unsigned char tag[16])
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const bool gcm = EVP_CIPHER_get_mode(cipher) == EVP_CIPH_GCM_MODE;
    int written = 0, last = 0, ok;

    CHECK(cipher != NULL && ctx != NULL);
    ok = init(ctx, cipher, key, digits, encrypt);
    if (ok == 1) {
        if (gcm && !encrypt)
            CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1);
        CHECK(EVP_CipherUpdate(ctx, out, &written, in, size) == 1);
        CHECK(EVP_CipherFinal_ex(ctx, out + written, &last) == 1);
        if (gcm && encrypt)
            CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
    }
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok == 1 ? written + last : -1;
}

int skey_works(OSSL_LIB_CTX *context, const char *cipher, SKEY *key, const char *digits)
{
    unsigned char in[SIZE] = "what is to be encrypted", out[2][ROOM], back[ROOM],
                  tag[2][16] = { 0 };
    const int size = run(context, cipher, key, digits, 1, in, SIZE, out[0], tag[0]);

    if (size < 0)
        return 0;
    CHECK(size == run(context_default(), cipher, NULL, digits, 1, in, SIZE, out[1], tag[1]));
    CHECK(memcmp(out[0], out[1], (size_t)size) == 0 && memcmp(tag[0], tag[1], 16) == 0);
    CHECK(run(context, cipher, key, digits, 0, out[0], size, back, tag[0]) == SIZE);
    CHECK(memcmp(back, in, SIZE) == 0);
    return 1;
}

const char *skey_refused(OSSL_LIB_CTX *context, const char *name, SKEY *key)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, name, NULL);
    const char *words = "";

    CHECK(cipher != NULL);
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
        unsigned char out[ROOM];
        int n;

        CHECK(init(ctx, cipher, key, NULL, encrypt) != 1);
        words = error_text();
        CHECK(*words != '\0');
        /* Nor is there any other key. */
        CHECK(EVP_CipherUpdate(ctx, out, &n, iv, 16) != 1);
        ERR_clear_error();
        EVP_CIPHER_CTX_free(ctx);
    }
    EVP_CIPHER_free(cipher);
    return words;
}

const char *skey_mac_refused(OSSL_LIB_CTX *context, const char *mac, const char *algorithm,
                             SKEY *key)
{
    EVP_MAC_CTX *ctx = mac_context(context, mac, algorithm);
    const char *words;

    CHECK(skeys.mac_init(ctx, key, NULL) != 1);
    words = error_text();
    CHECK(*words != '\0');
    EVP_MAC_CTX_free(ctx);
    return words;
}
