/*
 * encrypt: enciphers or deciphers a file with any cipher that EVP has by that name.
 *
 *     encrypt enc|dec CIPHER KEYHEX IVHEX IN OUT
 *
 * A plain EVP program, as it might have been written at any time for any OpenSSL 3.  Which provider
 * does the work, and what the bytes of the key mean to it, is decided in openssl.cnf.
 *
 * OUT appears when everything has gone well, whole, or not at all: the work is done in a file
 * beside it, which takes its name at the end.  An IV of "-" means none (ECB has none).
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#define CHUNK 65536

static int complain(const char *what)
{
    fprintf(stderr, "encrypt: %s\n", what);
    ERR_print_errors_fp(stderr);
    return 0;
}

static int complain_file(const char *what, const char *name)
{
    fprintf(stderr, "encrypt: %s %s: %s\n", what, name, strerror(errno));
    return 0;
}

/* Exactly size bytes of hexadecimal digits, nothing padded and nothing cut. */
static int parse_hex(const char *hex, unsigned char *bytes, size_t capacity, int size)
{
    size_t length = 0;

    if (size < 0 || (size_t)size > capacity || strlen(hex) != 2 * (size_t)size)
        return 0;
    return size == 0 || OPENSSL_hexstr2buf_ex(bytes, capacity, &length, hex, '\0');
}

static int start(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher, int enc, const char *keyhex,
                 const char *ivhex)
{
    unsigned char key[EVP_MAX_KEY_LENGTH], iv[EVP_MAX_IV_LENGTH];
    int keylen = EVP_CIPHER_get_key_length(cipher), ivlen = EVP_CIPHER_get_iv_length(cipher),
        ok = 0;

    if (EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER)
        return complain("a cipher with a tag: this program has nowhere to keep it");
    if (strcmp(ivhex, "-") == 0)
        ivhex = "";
    if (!parse_hex(keyhex, key, sizeof(key), keylen))
        fprintf(stderr, "encrypt: the key must be %d hexadecimal digits\n", 2 * keylen);
    else if (!parse_hex(ivhex, iv, sizeof(iv), ivlen))
        fprintf(stderr, "encrypt: the IV must be %d hexadecimal digits%s\n", 2 * ivlen,
                ivlen == 0 ? " (write - for none)" : "");
    else if (!EVP_CipherInit_ex2(ctx, cipher, key, ivlen > 0 ? iv : NULL, enc, NULL))
        complain("the cipher does not start");
    else
        ok = 1;
    OPENSSL_cleanse(key, sizeof(key));
    return ok;
}

static int pump(EVP_CIPHER_CTX *ctx, FILE *in, const char *in_name, FILE *out, const char *out_name)
{
    unsigned char input[CHUNK], output[CHUNK + EVP_MAX_BLOCK_LENGTH];
    size_t got;
    int made = 0;

    while ((got = fread(input, 1, sizeof(input), in)) > 0) {
        if (!EVP_CipherUpdate(ctx, output, &made, input, (int)got))
            return complain("the cipher failed");
        if (fwrite(output, 1, (size_t)made, out) != (size_t)made)
            return complain_file("cannot write", out_name);
    }
    if (ferror(in))
        return complain_file("cannot read", in_name);
    if (!EVP_CipherFinal_ex(ctx, output, &made))
        return complain("the cipher failed at the end of the file");
    if (fwrite(output, 1, (size_t)made, out) != (size_t)made)
        return complain_file("cannot write", out_name);
    return 1;
}

/* The file beside out_name that becomes it; what is no regular file is not replaced. */
static FILE *open_beside(const char *out_name, char *temporary, size_t capacity)
{
    struct stat info;
    FILE *out = NULL;
    mode_t mask;
    int fd;

    if (lstat(out_name, &info) == 0 && !S_ISREG(info.st_mode)) {
        fprintf(stderr, "encrypt: %s exists and is no regular file\n", out_name);
        return NULL;
    }
    if ((size_t)snprintf(temporary, capacity, "%s.XXXXXX", out_name) >= capacity) {
        fprintf(stderr, "encrypt: %s: the name is too long\n", out_name);
        return NULL;
    }
    fd = mkstemp(temporary);
    if (fd < 0) {
        complain_file("cannot write beside", out_name);
        return NULL;
    }
    mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask) != 0 || (out = fdopen(fd, "wb")) == NULL) {
        complain_file("cannot write", temporary);
        close(fd);
        unlink(temporary);
    }
    return out;
}

static int run(EVP_CIPHER_CTX *ctx, const char *in_name, const char *out_name)
{
    char temporary[PATH_MAX];
    FILE *in = fopen(in_name, "rb"), *out;
    int ok;

    if (in == NULL)
        return complain_file("cannot read", in_name);
    out = open_beside(out_name, temporary, sizeof(temporary));
    if (out == NULL) {
        fclose(in);
        return 0;
    }
    ok = pump(ctx, in, in_name, out, out_name);
    fclose(in);
    if (fclose(out) != 0 && ok)
        ok = complain_file("cannot write", out_name);
    if (ok && rename(temporary, out_name) != 0)
        ok = complain_file("cannot write", out_name);
    if (!ok)
        unlink(temporary);
    return ok;
}

int main(int argc, char **argv)
{
    EVP_CIPHER *cipher = NULL;
    EVP_CIPHER_CTX *ctx = NULL;
    int enc, ok = 0;

    if (argc != 7 || (strcmp(argv[1], "enc") != 0 && strcmp(argv[1], "dec") != 0)) {
        fprintf(stderr, "usage: encrypt enc|dec CIPHER KEYHEX IVHEX IN OUT\n");
        return 1;
    }
    enc = argv[1][0] == 'e';
    cipher = EVP_CIPHER_fetch(NULL, argv[2], NULL);
    ctx = EVP_CIPHER_CTX_new();
    if (cipher == NULL || ctx == NULL)
        complain("there is no such cipher");
    else
        ok = start(ctx, cipher, enc, argv[3], argv[4]) && run(ctx, argv[5], argv[6]);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return ok ? 0 : 1;
}
