/* What is right: see software.h. */
#include "software.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include "fuzz.h"

void software(const char *cipher, const unsigned char key[32], const unsigned char *iv,
              bool encrypt, const unsigned char *in, size_t size, unsigned char *out)
{
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(NULL, cipher, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    EXPECT(ctx != NULL && EVP_CipherInit_ex2(ctx, fetched, key, iv, encrypt, NULL) == 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    EXPECT(EVP_CipherUpdate(ctx, out, &n, in, (int)size) == 1 && n == (int)size);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(fetched);
}

void software_gcm(const unsigned char key[32], const struct hsm_gcm *data, unsigned char *out,
                  unsigned char tag[HSM_BLOCK])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    EXPECT(ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, NULL, NULL) == 1);
    EXPECT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)data->iv_size, NULL) == 1);
    EXPECT(EVP_EncryptInit_ex(ctx, NULL, NULL, key, data->iv) == 1);
    if (data->aad_size > 0)
        EXPECT(EVP_EncryptUpdate(ctx, NULL, &n, data->aad, (int)data->aad_size) == 1);
    if (data->size > 0)
        EXPECT(EVP_EncryptUpdate(ctx, out, &n, data->in, (int)data->size) == 1);
    EXPECT(EVP_EncryptFinal_ex(ctx, tag, &n) == 1);
    EXPECT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, HSM_BLOCK, tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

void software_cmac(const unsigned char key[32], const unsigned char *data, size_t size,
                   unsigned char mac[HSM_BLOCK])
{
    char cipher[] = "AES-256-CBC";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0),
        OSSL_PARAM_construct_end(),
    };
    EVP_MAC *fetched = EVP_MAC_fetch(NULL, "CMAC", NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(fetched);
    size_t written;

    EXPECT(ctx != NULL && EVP_MAC_init(ctx, key, 32, params) == 1);
    EXPECT(EVP_MAC_update(ctx, data, size) == 1);
    EXPECT(EVP_MAC_final(ctx, mac, &written, HSM_BLOCK) == 1);
    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(fetched);
}
