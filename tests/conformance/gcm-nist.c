/*
 * NIST's AES-256-GCM vectors, encryption and decryption with forged messages.  Each key is put on a
 * token and used through EVP by reference only.
 */
#include "gcm-vectors.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

/* Cipher, IV length, then key and IV. */
static EVP_CIPHER_CTX *begin(const EVP_CIPHER *cipher, const struct vector *vector, bool encrypt,
                             const char *label)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char reference[32];
    int size;

    reference_by_name(reference, label);
    CHECK(ctx != NULL && EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)vector->iv_size, NULL) == 1);
    CHECK(EVP_CipherInit_ex2(ctx, NULL, reference, vector->iv, -1, NULL) == 1);
    if (vector->aad_size > 0)
        CHECK(EVP_CipherUpdate(ctx, NULL, &size, vector->aad, (int)vector->aad_size) == 1);
    return ctx;
}

static void encrypt_one(const EVP_CIPHER *cipher, const struct vector *vector, const char *label)
{
    EVP_CIPHER_CTX *ctx = begin(cipher, vector, true, label);
    unsigned char out[LONGEST], tag[16];
    int size = 0;

    CHECK(EVP_CipherUpdate(ctx, out, &size, vector->plain, (int)vector->size) == 1);
    CHECK((size_t)size == vector->size && memcmp(out, vector->cipher, vector->size) == 0);
    CHECK(EVP_CipherFinal_ex(ctx, out, &size) == 1 && size == 0);
    CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, (int)vector->tag_size, tag) == 1);
    CHECK(memcmp(tag, vector->tag, vector->tag_size) == 0);
    CHECK(ERR_peek_error() == 0);
    EVP_CIPHER_CTX_free(ctx);
}

/* With the tag before the data (a trial at once) or after them (CTR, which needs 96 bits of IV). */
static void decrypt_one(const EVP_CIPHER *cipher, const struct vector *vector, const char *label,
                        bool tag_first)
{
    EVP_CIPHER_CTX *ctx = begin(cipher, vector, false, label);
    unsigned char out[LONGEST], *tag = (unsigned char *)(uintptr_t)vector->tag;
    const bool expected = !vector->forged;
    const bool one_call = tag_first && vector->iv_size != 12;
    int size = 0, updated, ended = 0;

    if (tag_first)
        CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)vector->tag_size, tag) == 1);
    blank_fill(out, sizeof(out));
    updated = EVP_CipherUpdate(ctx, out, &size, vector->cipher, (int)vector->size);
    CHECK(updated == 1 || (one_call && vector->forged && vector->size > 0));
    if (updated == 0)
        CHECK(size == 0 && still_blank(out, sizeof(out)));
    if (!tag_first)
        CHECK(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)vector->tag_size, tag) == 1);
    if (updated == 1) {
        CHECK((size_t)size == vector->size);
        ended = EVP_CipherFinal_ex(ctx, out + size, &size);
    }
    CHECK(ended == expected);
    if (expected)
        CHECK(memcmp(out, vector->plain, vector->size) == 0 && ERR_peek_error() == 0);
    else
        CHECK(*error_text() != '\0');
    EVP_CIPHER_CTX_free(ctx);
}

static void work(const struct batch *batch)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(batch->context, "AES-256-GCM", "provider=hsmzke");

    CHECK(cipher != NULL);
    for (size_t i = 0; i < batch->count; i++) {
        const struct vector *vector = &batch->vectors[i];
        const char *label = gcm_vector_label(i);

        if (batch->file->encrypt) {
            encrypt_one(cipher, vector, label);
            continue;
        }
        decrypt_one(cipher, vector, label, true);
        if (vector->iv_size == 12)
            decrypt_one(cipher, vector, label, false);
    }
    EVP_CIPHER_free(cipher);
}

static void run_file(const struct file *file)
{
    const size_t run = gcm_vectors_run(file, gcm_vectors_read(file), file->count, work);

    printf("%s: %zu of %zu vectors; %zu of all are forged\n", file->name, run, file->count,
           file->forged);
}

static void encryption(void **state)
{
    (void)state;
    run_file(&gcm_files[0]);
}

static void decryption(void **state)
{
    (void)state;
    run_file(&gcm_files[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encryption),
        cmocka_unit_test(decryption),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
