/*
 * NIST's AES-256-GCM vectors (CAVS 14.0), encryption and decryption with forged messages: IVs of 8,
 * 96 and 1024 bits, tags of 32 to 128.  Each key is put on a token and used through EVP by
 * reference only.  There are so many that each batch gets a token and a process of its own.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

enum { LONGEST = 128, BATCH = 225, AT_ONCE = 4 };

struct vector {
    char key[65];
    unsigned char iv[LONGEST], aad[LONGEST], plain[LONGEST], cipher[LONGEST], tag[16];
    size_t iv_size, aad_size, size, tag_size;
    bool forged;
};

struct file {
    const char *name;
    bool encrypt;
    size_t count, forged; /* as the file is published */
};

static struct file files[] = {
    { "gcmEncryptExtIV256", true, 7875, 0 },
    { "gcmDecrypt256", false, 7875, 3919 },
};

/* What the child of a batch works on: the parent fills it in before it forks. */
struct batch {
    const struct file *file;
    const struct vector *vectors;
    size_t count;
};

/* "NAME = VALUE": the value, which may be empty, if the line has this name. */
static const char *value_of(char *line, const char *name)
{
    const size_t length = strlen(name);

    if (strncmp(line, name, length) != 0 || strncmp(line + length, " =", 2) != 0)
        return NULL;
    line += length + 2;
    line += strspn(line, " ");
    line[strcspn(line, "\r\n")] = '\0';
    return line;
}

static void read_line(struct vector *vector, char *line)
{
    const char *value;

    if ((value = value_of(line, "Key")) != NULL) {
        CHECK(strlen(value) == 64);
        memcpy(vector->key, value, 65);
    } else if ((value = value_of(line, "IV")) != NULL) {
        vector->iv_size = unhex(value, vector->iv, LONGEST);
    } else if ((value = value_of(line, "AAD")) != NULL) {
        vector->aad_size = unhex(value, vector->aad, LONGEST);
    } else if ((value = value_of(line, "PT")) != NULL) {
        vector->size = unhex(value, vector->plain, LONGEST);
    } else if ((value = value_of(line, "CT")) != NULL) {
        vector->size = unhex(value, vector->cipher, LONGEST);
    } else if ((value = value_of(line, "Tag")) != NULL) {
        vector->tag_size = unhex(value, vector->tag, sizeof(vector->tag));
    } else if (strncmp(line, "FAIL", 4) == 0) {
        vector->forged = true;
    }
}

static struct vector *read_vectors(const struct file *file)
{
    const char *path =
        text("%s/ciphers/AES/GCM/%s.rsp", testing_path("HSMZKE_TEST_VECTORS"), file->name);
    FILE *stream = fopen(path, "r");
    struct vector *vectors = keep(file->count * sizeof(*vectors)), *next = vectors;
    size_t forged = 0;
    char line[1024];

    if (stream == NULL)
        fprintf(stderr, "%s: needs Debian's python3-cryptography-vectors\n", path);
    CHECK(stream != NULL);
    while (fgets(line, sizeof(line), stream) != NULL) {
        if (value_of(line, "Count") != NULL)
            CHECK(next++ < vectors + file->count);
        else if (next > vectors)
            read_line(next - 1, line);
    }
    fclose(stream);
    CHECK(next == vectors + file->count);
    for (size_t i = 0; i < file->count; i++) {
        CHECK(*vectors[i].key != '\0' && vectors[i].iv_size > 0 && vectors[i].tag_size >= 4);
        forged += vectors[i].forged;
    }
    CHECK(forged == file->forged);
    return vectors;
}

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

static void put_keys(const struct batch *batch)
{
    const size_t room = batch->count * 100;
    char *lines = keep(room);
    size_t used = 0;

    for (size_t i = 0; i < batch->count; i++)
        used +=
            (size_t)snprintf(lines + used, room - used, "nist-%zu %s\n", i, batch->vectors[i].key);
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN, lines);
}

static void run_batch(void *argument)
{
    const struct batch *batch = argument;
    OSSL_LIB_CTX *context;
    EVP_CIPHER *cipher;

    put_keys(batch);
    context = context_with(text("%sgcm-min-tag = 4\n", settings_standard()), NULL);
    cipher = EVP_CIPHER_fetch(context, "AES-256-GCM", "provider=hsmzke");
    CHECK(cipher != NULL);
    for (size_t i = 0; i < batch->count; i++) {
        const struct vector *vector = &batch->vectors[i];
        const char *label = text("nist-%zu", i);

        if (batch->file->encrypt) {
            encrypt_one(cipher, vector, label);
            continue;
        }
        decrypt_one(cipher, vector, label, true);
        if (vector->iv_size == 12)
            decrypt_one(cipher, vector, label, false);
    }
    EVP_CIPHER_free(cipher);
    OSSL_LIB_CTX_free(context);
}

/* All batches; in the quick form, which also runs under tools that slow it down, one in ten. */
static void run_file(void **state)
{
    const struct file *file = *state;
    const struct vector *vectors = read_vectors(file);
    const size_t step = quick() ? 10 * BATCH : BATCH;
    size_t next = 0, run = 0, failed = 0;

    while (next < file->count) {
        int pids[AT_ONCE];
        size_t started = 0;

        for (; started < AT_ONCE && next < file->count; started++) {
            const size_t left = file->count - next;
            struct batch batch = { file, vectors + next, left < BATCH ? left : BATCH };

            pids[started] = start_child(run_batch, &batch);
            next += step;
            run += batch.count;
        }
        for (size_t i = 0; i < started; i++)
            failed += wait_child(pids[i]) != 0;
    }
    CHECK(failed == 0 && run > 0 && (quick() || run == file->count));
    printf("%s: %zu of %zu vectors; %zu of all are forged\n", file->name, run, file->count,
           file->forged);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { files[0].name, run_file, NULL, NULL, &files[0] },
        { files[1].name, run_file, NULL, NULL, &files[1] },
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
