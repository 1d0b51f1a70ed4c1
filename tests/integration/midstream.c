/* A message piece by piece, compared with software: see midstream.h. */
#include "midstream.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

static const unsigned char iv[16] = "initial vector16";

static EVP_CIPHER_CTX *begin(OSSL_LIB_CTX *context, const char *cipher_name,
                             const unsigned char *key, bool encrypt)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, cipher_name, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    CHECK(cipher != NULL && ctx != NULL);
    if (EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt, NULL) != 1) {
        EVP_CIPHER_CTX_free(ctx);
        ctx = NULL;
    } else {
        CHECK(EVP_CIPHER_CTX_set_padding(ctx, 0) == 1);
    }
    EVP_CIPHER_free(cipher);
    return ctx;
}

static void by_software(struct midstream *mid, const char *key_hex, const char *cipher,
                        bool encrypt)
{
    unsigned char key[32], none[16], *out = encrypt ? mid->expected : mid->in;
    EVP_CIPHER_CTX *ctx;
    int size;

    unhex(key_hex, key, sizeof(key));
    for (size_t i = 0; i < MID_SIZE; i++)
        (encrypt ? mid->in : mid->expected)[i] = (unsigned char)(i * 31 + i / 256);
    ctx = begin(context_default(), cipher, key, true);
    CHECK(ctx != NULL);
    CHECK(EVP_CipherUpdate(ctx, out, &size, encrypt ? mid->in : mid->expected, MID_SIZE) == 1);
    CHECK(size == MID_SIZE && EVP_CipherFinal_ex(ctx, none, &size) == 1);
    if (mid->gcm)
        CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, mid->tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

struct midstream *mid_begin(OSSL_LIB_CTX *context, const char *name, const char *key_hex,
                            const char *cipher, bool encrypt)
{
    struct midstream *mid = keep(sizeof(*mid));
    unsigned char reference[32];

    mid->gcm = strstr(cipher, "GCM") != NULL;
    by_software(mid, key_hex, cipher, encrypt);
    reference_by_name(reference, name);
    mid->ctx = begin(context, cipher, reference, encrypt);
    return mid->ctx == NULL ? NULL : mid;
}

int mid_piece(struct midstream *mid, bool in_place)
{
    unsigned char *out = mid->out + mid->at;
    const unsigned char *from = in_place ? out : mid->in + mid->at;
    int size = 0;

    CHECK(mid->at < MID_SIZE && ERR_peek_error() == 0);
    if (in_place)
        memcpy(out, mid->in + mid->at, MID_PIECE);
    else
        blank_fill(out, MID_PIECE);
    if (EVP_CipherUpdate(mid->ctx, out, &size, from, MID_PIECE) != 1) {
        CHECK(ERR_peek_error() != 0 && size == 0);
        CHECK(in_place
                  ? memcmp(out, mid->in + mid->at, MID_PIECE) == 0 || still_blank(out, MID_PIECE)
                  : still_blank(out, MID_PIECE));
        return 0;
    }
    CHECK(size == MID_PIECE && memcmp(out, mid->expected + mid->at, MID_PIECE) == 0);
    CHECK(ERR_peek_error() == 0);
    mid->at += MID_PIECE;
    return 1;
}

void mid_finish(struct midstream *mid)
{
    const bool encrypt = EVP_CIPHER_CTX_is_encrypting(mid->ctx);
    unsigned char none[16], tag[16];
    int size;

    while (mid->at < MID_SIZE)
        CHECK(mid_piece(mid, false) == 1);
    memcpy(tag, mid->tag, sizeof(tag));
    if (mid->gcm && !encrypt)
        CHECK(EVP_CIPHER_CTX_ctrl(mid->ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1);
    CHECK(EVP_CipherFinal_ex(mid->ctx, none, &size) == 1 && size == 0);
    if (mid->gcm && encrypt)
        CHECK(EVP_CIPHER_CTX_ctrl(mid->ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag) == 1);
    CHECK(memcmp(tag, mid->tag, sizeof(tag)) == 0);
    EVP_CIPHER_CTX_free(mid->ctx);
    mid->ctx = NULL;
}
