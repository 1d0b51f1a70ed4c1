/* Random AES-256-GCM messages: see gcm-messages.h. */
#include "gcm-messages.h"

/* What software makes of the message: its text becomes the ciphertext that is to be decrypted. */
static void seal(struct message_of *message, const EVP_CIPHER *cipher, const unsigned char key[32])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n;

    CHECK(EVP_EncryptInit_ex2(ctx, cipher, NULL, NULL, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)message->iv_size, NULL) == 1);
    CHECK(EVP_EncryptInit_ex2(ctx, NULL, key, message->iv, NULL) == 1);
    CHECK(EVP_EncryptUpdate(ctx, NULL, &n, message->aad, (int)message->aad_size) == 1);
    CHECK(EVP_EncryptUpdate(ctx, message->in, &n, message->in, (int)message->size) == 1);
    CHECK(EVP_EncryptFinal_ex(ctx, message->in, &n) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, message->tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
}

static void flip(struct prng *prng, unsigned char *bytes, size_t size)
{
    bytes[prng_upto(prng, size - 1)] ^= (unsigned char)(1U << prng_upto(prng, 7));
}

static void forge(struct prng *prng, struct message_of *message)
{
    message->forged = true;
    switch (prng_upto(prng, 3)) {
    case 0:
        if (message->size > 0) {
            flip(prng, message->in, message->size);
            break;
        } /* fall through */
    case 1:
        if (message->aad_size > 0) {
            flip(prng, message->aad, message->aad_size);
            break;
        } /* fall through */
    case 2:
        flip(prng, message->iv, message->iv_size);
        break;
    default:
        flip(prng, message->tag, message->tag_size);
    }
}

void gcm_message_draw(struct message_of *message, struct prng *prng, const EVP_CIPHER *cipher,
                      const unsigned char key[32], bool one_update)
{
    const size_t limits[] = { 0, 17, 64, 64, 300, 300, 1500, 20000, LONGEST, LONGEST };
    const size_t aad_limits[] = { 0, 0, 20, 20, AAD_MOST };

    message->encrypt = prng_one_in(prng, 2);
    message->forged = false;
    message->evp_cipher = prng_one_in(prng, 6);
    message->in_place = prng_one_in(prng, 3);
    message->iv_size = prng_one_in(prng, 4) ? 1 + prng_upto(prng, IV_MOST - 1) : 12;
    message->single = message->iv_size != 12 || one_update || prng_one_in(prng, 4);
    message->tag_first = message->single || prng_one_in(prng, 2);
    message->tag_size = 12 + prng_upto(prng, 4);
    message->size = prng_upto(prng, limits[prng_upto(prng, 9)]);
    if (message->single && message->size > 65536) /* a stream cannot be copied without CTR */
        message->size %= 65536;
    message->aad_size = prng_upto(prng, aad_limits[prng_upto(prng, 4)]);
    prng_fill(prng, message->iv, message->iv_size);
    prng_fill(prng, message->aad, message->aad_size);
    prng_fill(prng, message->in, message->size);
    if (message->encrypt)
        return;
    seal(message, cipher, key);
    if (prng_one_in(prng, 4))
        forge(prng, message);
}
