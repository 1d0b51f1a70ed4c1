/*
 * One message through EVP, and whether a key works or is refused.  A refusal may come from init,
 * update or final: what counts is that one fails, that no byte came out and that words are there.
 */
#include "testing.h"

#include <string.h>

#include <openssl/err.h>

static int run_updates(EVP_CIPHER_CTX *ctx, struct message *message)
{
    size_t piece = message->piece == 0 ? message->size : message->piece;
    size_t done = 0;
    int written;

    do {
        size_t next = message->size - done < piece ? message->size - done : piece;

        if (!EVP_CipherUpdate(ctx, message->out + message->out_size, &written, message->in + done,
                              (int)next))
            return 0;
        message->out_size += (size_t)written;
        done += next;
    } while (done < message->size);
    return 1;
}

static int run_all(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, struct message *message)
{
    int written = 0;

    if (!EVP_CipherInit_ex2(ctx, cipher, message->key, message->iv, message->encrypt, NULL) ||
        !EVP_CIPHER_CTX_set_padding(ctx, message->padding))
        return 0;
    if (!run_updates(ctx, message))
        return 0;
    if (!EVP_CipherFinal_ex(ctx, message->out + message->out_size, &written))
        return 0;
    message->out_size += (size_t)written;
    return 1;
}

int message_run(OSSL_LIB_CTX *context, struct message *message)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, message->cipher, NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int ok;

    message->out_size = 0;
    ok = cipher != NULL && ctx != NULL && run_all(ctx, cipher, message);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok;
}

static const unsigned char sample[45] = "forty-five bytes of text: two blocks and some";
static const unsigned char sample_iv[16] = "initial vector16";

int key_works(OSSL_LIB_CTX *context, const char *cipher, const unsigned char reference[32],
              const char *key_hex)
{
    unsigned char key[32], expected[96], out[96], back[96];
    struct message software = {
        cipher, key, sample_iv, 1, 1, sample, sizeof(sample), expected, 0, 0
    };
    struct message forth = {
        cipher, reference, sample_iv, 1, 1, sample, sizeof(sample), out, 0, 0
    };
    struct message again = { cipher, reference, sample_iv, 0, 1, out, 0, back, 0, 0 };

    if (!message_run(context, &forth))
        return 0;
    again.size = forth.out_size;
    if (!message_run(context, &again))
        return 0;
    CHECK(again.out_size == sizeof(sample) && memcmp(back, sample, sizeof(sample)) == 0);

    CHECK(unhex(key_hex, key, sizeof(key)) == sizeof(key));
    CHECK(message_run(context_default(), &software) == 1);
    CHECK(forth.out_size == software.out_size && memcmp(out, expected, forth.out_size) == 0);
    CHECK(ERR_peek_error() == 0);
    return 1;
}

int name_works(OSSL_LIB_CTX *context, const char *cipher, const char *name, const char *key_hex)
{
    unsigned char reference[32];

    reference_by_name(reference, name);
    return key_works(context, cipher, reference, key_hex);
}

const char *key_refused(OSSL_LIB_CTX *context, const char *cipher, const unsigned char key[32])
{
    unsigned char out[96];
    struct message message = { cipher, key, sample_iv, 1, 1, sample, sizeof(sample), out, 0, 0 };
    const char *words;

    blank_fill(out, sizeof(out));
    CHECK(ERR_peek_error() == 0);
    CHECK(message_run(context, &message) == 0);
    CHECK(message.out_size == 0 && still_blank(out, sizeof(out)));
    words = error_text();
    CHECK(*words != '\0');
    return words;
}

const char *name_refused(OSSL_LIB_CTX *context, const char *cipher, const char *name)
{
    unsigned char reference[32];

    reference_by_name(reference, name);
    return key_refused(context, cipher, reference);
}

void identity_block(const char *key_hex, unsigned char out[16])
{
    static const unsigned char block[17] = "hsmzke-id-v1\0\0\0\2";
    unsigned char key[32], room[48];
    struct message message = {
        .cipher = "AES-256-ECB", .key = key, .encrypt = 1, .in = block, .size = 16, .out = room
    };

    unhex(key_hex, key, sizeof(key));
    CHECK(message_run(context_default(), &message) == 1);
    memcpy(out, room, 16);
}
