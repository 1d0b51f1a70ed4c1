/*
 * Holds the key in an EVP_CIPHER_CTX of OpenSSL.  The variant is the cipher's name; with "+random"
 * the random generator has been used as well.
 */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "holder.h"

static EVP_CIPHER_CTX *context;
static int wants_iv;

void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    char name[32] = "";
    const char *plus = strchr(wish->variant, '+');
    unsigned char iv[16] = { 0 };
    EVP_CIPHER *cipher;

    memcpy(name, wish->variant, plus ? (size_t)(plus - wish->variant) : strlen(wish->variant));
    if (plus != NULL)
        HOLDER_NEEDS(RAND_bytes(iv, sizeof(iv)) == 1);
    cipher = EVP_CIPHER_fetch(NULL, name, NULL);

    HOLDER_NEEDS(cipher != NULL);
    context = EVP_CIPHER_CTX_new();
    HOLDER_NEEDS(context != NULL);
    wants_iv = EVP_CIPHER_get_iv_length(cipher);
    if (key != NULL) {
        HOLDER_NEEDS(EVP_CipherInit_ex2(context, cipher, key, iv, !wish->decrypt, NULL) == 1);
        EVP_CIPHER_CTX_set_padding(context, 0);
    }
    EVP_CIPHER_free(cipher);
}

/* In a mode with a counter the block is where that begins, and what comes out of zeros is AES of
 * it. */
void holder_block(const unsigned char in[16], unsigned char out[16])
{
    static const unsigned char zeros[16];
    const unsigned char *iv = zeros, *data = in;
    int written, mode = EVP_CIPHER_CTX_get_mode(context);

    if (mode == EVP_CIPH_CTR_MODE || mode == EVP_CIPH_GCM_MODE) {
        iv = in;
        data = zeros;
    }
    if (wants_iv > 0)
        HOLDER_NEEDS(EVP_CipherInit_ex2(context, NULL, NULL, iv, -1, NULL) == 1);
    HOLDER_NEEDS(EVP_CipherUpdate(context, out, &written, data, 16) == 1 && written == 16);
}
