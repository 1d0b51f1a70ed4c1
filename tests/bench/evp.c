/*
 * EVP loops.  The cipher is fetched and the key given once; a message is init with an IV, update,
 * final.
 */
#include <stdio.h>
#include <string.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include "evp.h"

static const char *const names[EVP_SIDE_MODES] = { "AES-256-ECB", "AES-256-CBC", "AES-256-CTR",
                                                   "AES-256-CBC", "AES-256-GCM" };

int evp_side_complain(const char *what)
{
    fprintf(stderr, "bench: EVP: %s\n", what);
    ERR_print_errors_fp(stderr);
    return 0;
}

int evp_side_open(struct evp_side *side, const char *config, const unsigned char *key)
{
    size_t i;

    memset(side, 0, sizeof(*side));
    memcpy(side->key, key, sizeof(side->key));
    side->libctx = OSSL_LIB_CTX_new();
    if (side->libctx == NULL)
        return evp_side_complain("no library context");
    if (config != NULL && !OSSL_LIB_CTX_load_config(side->libctx, config))
        return evp_side_complain(config);
    for (i = 0; i < EVP_SIDE_MODES; i++) {
        side->ciphers[i] = EVP_CIPHER_fetch(side->libctx, names[i], NULL);
        if (side->ciphers[i] == NULL)
            return evp_side_complain(names[i]);
    }
    return 1;
}

void evp_side_close(struct evp_side *side)
{
    size_t i;

    for (i = 0; i < EVP_SIDE_MODES; i++)
        EVP_CIPHER_free(side->ciphers[i]);
    OSSL_LIB_CTX_free(side->libctx);
    memset(side, 0, sizeof(*side));
}

EVP_CIPHER_CTX *evp_side_start(const struct evp_side *side, enum mode mode, int enc,
                               const unsigned char *iv)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    if (mode == MODE_ECB)
        iv = NULL;
    if (ctx != NULL && EVP_CipherInit_ex2(ctx, side->ciphers[mode], side->key, iv, enc, NULL) &&
        EVP_CIPHER_CTX_set_padding(ctx, mode == MODE_PADDED))
        return ctx;
    EVP_CIPHER_CTX_free(ctx);
    evp_side_complain(names[mode]);
    return NULL;
}

static void next_iv(unsigned char *iv)
{
    for (int i = 0; i < 4 && ++iv[i] == 0; i++)
        ;
}

/* Of GCM with its tag, as C_Encrypt gives it. */
static int final(EVP_CIPHER_CTX *ctx, const struct work *work, unsigned char *out, int *made)
{
    int rest = 0;

    if (!EVP_EncryptFinal_ex(ctx, out + *made, &rest))
        return 0;
    *made += rest;
    if (work->mode != MODE_GCM)
        return 1;
    if (!EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, WORK_TAG, out + *made))
        return 0;
    *made += WORK_TAG;
    return 1;
}

/* Call number `call`; of a message, with its init and its final where it begins or ends there. */
static int one_call(EVP_CIPHER_CTX *ctx, const struct work *work, long call, unsigned char *iv,
                    const unsigned char *in, unsigned char *out, int *made)
{
    const int streams = work->shape == SHAPE_STREAMS, whole = work->shape == SHAPE_MESSAGES;

    if (whole || (streams && call % WORK_STREAM == 0)) {
        next_iv(iv);
        if (!EVP_EncryptInit_ex2(ctx, NULL, NULL, work->mode == MODE_ECB ? NULL : iv, NULL))
            return 0;
    }
    if (!EVP_EncryptUpdate(ctx, out, made, in, (int)work->size))
        return 0;
    if (whole || (streams && call % WORK_STREAM == WORK_STREAM - 1))
        return final(ctx, work, out, made);
    return 1;
}

double evp_side_measure(const struct evp_side *side, const struct work *work, double seconds)
{
    static unsigned char in[WORK_SIZE_MAX], out[WORK_ROOM];
    unsigned char iv[16] = { 0 };
    EVP_CIPHER_CTX *ctx = evp_side_start(side, work->mode, 1, iv);
    double begun = work_clock(), spent = 0;
    long calls = 0;
    int ok = ctx != NULL, made = 0, i;

    while (ok && spent < seconds) {
        for (i = 0; ok && i < WORK_BATCH; i++)
            ok = one_call(ctx, work, calls + i, iv, in, out, &made);
        calls += WORK_BATCH;
        spent = work_clock() - begun;
    }
    EVP_CIPHER_CTX_free(ctx);
    if (!ok) {
        evp_side_complain("a call failed");
        return -1;
    }
    return spent * 1e6 / (double)calls;
}

int evp_sides_agree(const struct evp_side *one, const struct evp_side *other,
                    const struct work *work)
{
    static unsigned char in[WORK_SIZE_MAX], out[2][WORK_ROOM];
    unsigned char iv[2][16] = { { 7 }, { 7 } };
    EVP_CIPHER_CTX *ctx[2] = { evp_side_start(one, work->mode, 1, iv[0]),
                               evp_side_start(other, work->mode, 1, iv[1]) };
    int ok = ctx[0] != NULL && ctx[1] != NULL, made[2] = { 0, 0 }, i, side;

    for (i = 0; ok && i < 8; i++) {
        memset(in, 'a' + i, work->size);
        for (side = 0; ok && side < 2; side++)
            ok = one_call(ctx[side], work, i, iv[side], in, out[side], &made[side]) ||
                 evp_side_complain("a call failed");
        if (ok && (made[0] != made[1] || memcmp(out[0], out[1], (size_t)made[0]) != 0))
            ok = evp_side_complain("the bytes are not those that the software cipher makes");
    }
    EVP_CIPHER_CTX_free(ctx[0]);
    EVP_CIPHER_CTX_free(ctx[1]);
    return ok;
}
