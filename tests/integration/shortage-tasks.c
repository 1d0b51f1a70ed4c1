/* What programs do with keys of the HSM: see shortage-tasks.h. */
#include "shortage-tasks.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/store.h>

#include "testing.h"

enum { LARGE_DATA = 1200 * 1024 };

static const unsigned char iv[16] = "sixteen bytes..";
static unsigned char data[LARGE_DATA];

static bool add(struct shortage_result *result, const void *bytes, size_t size)
{
    CHECK(size <= sizeof(result->bytes) - result->size);
    memcpy(result->bytes + result->size, bytes, size);
    result->size += size;
    return true;
}

static const unsigned char *reference(const char *name)
{
    static unsigned char bytes[32];

    reference_by_name(bytes, name);
    return bytes;
}

/* ---- ciphers ---- */

static bool update(EVP_CIPHER_CTX *ctx, const void *in, int size, struct shortage_result *result)
{
    unsigned char out[4096];
    int written = 0;

    return EVP_CipherUpdate(ctx, out, &written, in, size) == 1 && add(result, out, (size_t)written);
}

static bool finish(EVP_CIPHER_CTX *ctx, struct shortage_result *result)
{
    unsigned char out[64], tag[16];
    int written = 0;

    if (EVP_CipherFinal_ex(ctx, out, &written) != 1 || !add(result, out, (size_t)written))
        return false;
    return EVP_CIPHER_CTX_get_mode(ctx) != EVP_CIPH_GCM_MODE ||
           !EVP_CIPHER_CTX_is_encrypting(ctx) ||
           (EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, sizeof(tag), tag) == 1 &&
            add(result, tag, sizeof(tag)));
}

/* A message in pieces, and one more from a copy in its middle. */
static bool message(EVP_CIPHER_CTX *ctx, EVP_CIPHER_CTX *copy, const EVP_CIPHER *cipher,
                    bool encrypt, struct shortage_result *result)
{
    const bool gcm = EVP_CIPHER_get_mode(cipher) == EVP_CIPH_GCM_MODE;
    unsigned char tag[16] = { 0 };
    int n;

    if (EVP_CipherInit_ex2(ctx, cipher, reference("gold"),
                           EVP_CIPHER_get_iv_length(cipher) > 0 ? iv : NULL, encrypt, NULL) != 1)
        return false;
    if (gcm && (EVP_CipherUpdate(ctx, NULL, &n, data, 200) != 1 ||
                (!encrypt && EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag) != 1)))
        return false;
    return update(ctx, data, 1008, result) && EVP_CIPHER_CTX_copy(copy, ctx) == 1 &&
           update(ctx, data, 2000, result) && update(copy, data, 16, result) &&
           update(copy, data, 16, result) &&
           ((gcm && !encrypt) || (finish(ctx, result) && finish(copy, result)));
}

static bool cipher_task(OSSL_LIB_CTX *context, const char *name, bool encrypt,
                        struct shortage_result *result)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new(), *copy = EVP_CIPHER_CTX_new();
    bool good;

    CHECK(cipher != NULL && ctx != NULL && copy != NULL);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    if (EVP_CIPHER_get_mode(cipher) == EVP_CIPH_WRAP_MODE)
        good = EVP_CipherInit_ex2(ctx, cipher, reference("gold"), NULL, encrypt, NULL) == 1 &&
               update(ctx, data, 40, result);
    else
        good = message(ctx, copy, cipher, encrypt, result);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_CTX_free(copy);
    EVP_CIPHER_free(cipher);
    return good;
}

#define CIPHER(function, name, encrypt)                                                            \
    static bool function(OSSL_LIB_CTX *context, struct shortage_result *result)                    \
    {                                                                                              \
        return cipher_task(context, name, encrypt, result);                                        \
    }
CIPHER(ecb, "AES-256-ECB", true)
CIPHER(cbc, "AES-256-CBC", true)
CIPHER(ctr, "AES-256-CTR", false)
CIPHER(cfb, "AES-256-CFB", false)
CIPHER(wrap, "AES-256-WRAP", true)
CIPHER(gcm, "AES-256-GCM", true)
CIPHER(gcm_decrypt, "AES-256-GCM", false)

/* ---- MACs ---- */

static bool mac_end(EVP_MAC_CTX *ctx, struct shortage_result *result)
{
    unsigned char out[64];
    size_t size = 0;

    return EVP_MAC_final(ctx, out, &size, sizeof(out)) == 1 && add(result, out, size);
}

static bool mac_task(OSSL_LIB_CTX *context, const char *name, const char *algorithm,
                     const char *key, size_t large, struct shortage_result *result)
{
    EVP_MAC *mac = EVP_MAC_fetch(context, name, NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL, *copy = NULL;
    char *const set = (char *)(uintptr_t)algorithm; /* OSSL_PARAM's type is not const */
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(
            strcmp(name, "HMAC") == 0 ? OSSL_MAC_PARAM_DIGEST : OSSL_MAC_PARAM_CIPHER, set, 0),
        strcmp(name, "GMAC") == 0
            ? OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_IV, (void *)(uintptr_t)iv, 12)
            : OSSL_PARAM_construct_end(),
        OSSL_PARAM_construct_end(),
    };
    bool good;

    good = ctx != NULL && EVP_MAC_init(ctx, reference(key), 32, params) == 1 &&
           EVP_MAC_update(ctx, data, 1000) == 1 && (copy = EVP_MAC_CTX_dup(ctx)) != NULL &&
           EVP_MAC_update(ctx, data, large) == 1 && mac_end(ctx, result) && mac_end(copy, result);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_CTX_free(copy);
    EVP_MAC_free(mac);
    return good;
}

static bool cmac(OSSL_LIB_CTX *context, struct shortage_result *result)
{
    return mac_task(context, "CMAC", "AES-256-CBC", "gold", LARGE_DATA, result);
}

static bool gmac(OSSL_LIB_CTX *context, struct shortage_result *result)
{
    return mac_task(context, "GMAC", "AES-256-GCM", "gold", 5000, result);
}

static bool hmac(OSSL_LIB_CTX *context, struct shortage_result *result)
{
    return mac_task(context, "HMAC", "SHA256", "salt", 5000, result);
}

/* ---- keys as EVP_PKEYs ---- */

static EVP_PKEY *load(OSSL_LIB_CTX *context, const char *uri, size_t *all)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, context, NULL, NULL, NULL, NULL, NULL, NULL);
    EVP_PKEY *pkey = NULL;

    while (store != NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info == NULL)
            break;
        ++*all;
        if (pkey == NULL)
            pkey = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return pkey;
}

static bool list(OSSL_LIB_CTX *context, struct shortage_result *result)
{
    size_t all = 0;
    EVP_PKEY *pkey = load(context, "pkcs11:token=prod", &all);
    const unsigned char number = (unsigned char)all;

    EVP_PKEY_free(pkey);
    return all == 3 && add(result, &number, 1);
}

/* Sealed, opened, with a copy of the context for each. */
static bool seal(OSSL_LIB_CTX *context, EVP_PKEY *pkey, struct shortage_result *result)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(context, pkey, NULL), *copy = NULL;
    unsigned char sealed[512], opened[512];
    size_t sealed_size = sizeof(sealed), size = sizeof(opened);
    const bool good = ctx != NULL && EVP_PKEY_encrypt_init(ctx) == 1 &&
                      EVP_PKEY_encrypt(ctx, sealed, &sealed_size, iv, sizeof(iv)) == 1 &&
                      (copy = EVP_PKEY_CTX_dup(ctx)) != NULL && EVP_PKEY_decrypt_init(copy) == 1 &&
                      EVP_PKEY_decrypt(copy, opened, &size, sealed, sealed_size) == 1 &&
                      add(result, opened, size);

    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_CTX_free(copy);
    return good;
}

static bool sign(OSSL_LIB_CTX *context, EVP_PKEY *pkey, struct shortage_result *result)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char out[64];
    size_t size = sizeof(out);
    const bool good = EVP_DigestSignInit_ex(ctx, NULL, NULL, context, NULL, pkey, NULL) == 1 &&
                      EVP_DigestSignUpdate(ctx, data, 3000) == 1 &&
                      EVP_DigestSignFinal(ctx, out, &size) == 1 && add(result, out, size);

    EVP_MD_CTX_free(ctx);
    return good;
}

/* As text, and written and read. */
static bool write(OSSL_LIB_CTX *context, EVP_PKEY *pkey, struct shortage_result *result)
{
    BIO *memory = BIO_new(BIO_s_mem());
    EVP_PKEY *again = NULL;
    bool good = EVP_PKEY_print_private(memory, pkey, 0, NULL) == 1;

    (void)BIO_reset(memory);
    good = good && PEM_write_bio_PrivateKey(memory, pkey, NULL, NULL, 0, NULL, NULL) == 1 &&
           (again = PEM_read_bio_PrivateKey_ex(memory, NULL, NULL, NULL, context, NULL)) != NULL &&
           EVP_PKEY_eq(again, pkey) == 1 && sign(context, again, result);
    EVP_PKEY_free(again);
    BIO_free(memory);
    return good;
}

static bool keys(OSSL_LIB_CTX *context, struct shortage_result *result)
{
    size_t all = 0;
    EVP_PKEY *pkey = load(context, "hsmzke:gold", &all);
    const bool good = pkey != NULL && seal(context, pkey, result) && sign(context, pkey, result) &&
                      write(context, pkey, result);

    EVP_PKEY_free(pkey);
    return good;
}

/* ---- random numbers ---- */

static bool random_numbers(OSSL_LIB_CTX *context, struct shortage_result *result)
{
    EVP_RAND *rand = EVP_RAND_fetch(context, "HSMZKE-RAND", NULL);
    EVP_RAND_CTX *ctx = rand != NULL ? EVP_RAND_CTX_new(rand, NULL) : NULL;
    unsigned char out[32];
    const bool good = ctx != NULL && EVP_RAND_instantiate(ctx, 256, 0, NULL, 0, NULL) == 1 &&
                      EVP_RAND_generate(ctx, out, sizeof(out), 256, 0, NULL, 0) == 1 &&
                      add(result, "", 1);

    EVP_RAND_CTX_free(ctx);
    EVP_RAND_free(rand);
    return good;
}

const struct shortage_task shortage_tasks[] = {
    { "AES-256-ECB", ecb },
    { "AES-256-CBC", cbc },
    { "AES-256-CTR", ctr },
    { "AES-256-CFB", cfb },
    { "AES-256-WRAP", wrap },
    { "AES-256-GCM", gcm },
    { "AES-256-GCM, decryption", gcm_decrypt },
    { "CMAC", cmac },
    { "GMAC", gmac },
    { "HMAC", hmac },
    { "a token's keys listed", list },
    { "a key loaded, written, read, used", keys },
    { "HSMZKE-RAND", random_numbers },
    { NULL, NULL },
};
