/*
 * gcm: seals or opens a file with AES-256-GCM.
 *
 *     gcm seal|open KEYHEX IN OUT
 *
 * A plain EVP program, as it might have been written at any time for any OpenSSL 3; it knows
 * nothing of providers.  A sealed file is 12 bytes of IV, the data, and 16 bytes of tag.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

enum { KEY = 32, IV = 12, TAG = 16, MOST = 1 << 24 };

struct text {
    unsigned char *bytes;
    size_t size;
};

static int read_file(const char *path, struct text *text)
{
    FILE *file = fopen(path, "rb");

    text->bytes = malloc(MOST);
    text->size = file != NULL && text->bytes != NULL ? fread(text->bytes, 1, MOST, file) : 0;
    if (file == NULL || text->bytes == NULL || ferror(file))
        fprintf(stderr, "gcm: cannot read %s\n", path);
    return file != NULL && fclose(file) == 0 && text->bytes != NULL && text->size < MOST;
}

static int write_file(const char *path, const unsigned char *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    int done = file != NULL && fwrite(bytes, 1, size, file) == size;

    if (file != NULL)
        done &= fclose(file) == 0;
    if (!done)
        fprintf(stderr, "gcm: cannot write %s\n", path);
    return done;
}

static int seal(EVP_CIPHER_CTX *ctx, const unsigned char *key, const struct text *in,
                unsigned char *out, size_t *size)
{
    int n = 0, m = 0;

    *size = IV + in->size + TAG;
    return RAND_bytes(out, IV) == 1 && EVP_EncryptInit_ex2(ctx, NULL, key, out, NULL) == 1 &&
           EVP_EncryptUpdate(ctx, out + IV, &n, in->bytes, (int)in->size) == 1 &&
           EVP_EncryptFinal_ex(ctx, out + IV + n, &m) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + IV + in->size) == 1;
}

static int unseal(EVP_CIPHER_CTX *ctx, const unsigned char *key, const struct text *in,
                  unsigned char *out, size_t *size)
{
    int n = 0, m = 0;

    if (in->size < IV + TAG)
        return 0;
    *size = in->size - IV - TAG;
    return EVP_DecryptInit_ex2(ctx, NULL, key, in->bytes, NULL) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, in->bytes + in->size - TAG) == 1 &&
           EVP_DecryptUpdate(ctx, out, &n, in->bytes + IV, (int)*size) == 1 &&
           EVP_DecryptFinal_ex(ctx, out + n, &m) == 1;
}

/* Nothing is written unless all went well. */
static int work(int sealing, const unsigned char *key, const struct text *in, const char *path)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    unsigned char *out = calloc(1, in->size + IV + TAG);
    size_t size = 0;
    int done = cipher != NULL && ctx != NULL && out != NULL &&
               EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, sealing, NULL) == 1 &&
               (sealing ? seal : unseal)(ctx, key, in, out, &size);

    if (!done) {
        fprintf(stderr, "gcm: %s failed\n", sealing ? "sealing" : "opening");
        ERR_print_errors_fp(stderr);
    }
    done = done && write_file(path, out, size);
    free(out);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return done;
}

int main(int argc, char **argv)
{
    unsigned char key[KEY];
    struct text in = { NULL, 0 };
    size_t size = 0;
    int done;

    if (argc != 5 || (strcmp(argv[1], "seal") != 0 && strcmp(argv[1], "open") != 0) ||
        !OPENSSL_hexstr2buf_ex(key, sizeof(key), &size, argv[2], '\0') || size != KEY) {
        fprintf(stderr, "usage: gcm seal|open KEYHEX IN OUT, the key with 64 digits\n");
        return 2;
    }
    done = read_file(argv[3], &in) && work(argv[1][0] == 's', key, &in, argv[4]);
    free(in.bytes);
    OPENSSL_cleanse(key, sizeof(key));
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
