/*
 * Holds the key as text or in pieces, with no schedule; the variant says how.  It is decoded for
 * each block and wiped again.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "holder.h"

enum {
    GAP = 200, /* between the halves of a key, from the first byte of one to that of the other */
    KEPT = 1024,
};

static unsigned char *kept; /* on the heap; text in an odd place */
static int decrypting;
static const char *variant;

/* One character a byte becomes one in two bytes, or back. */
static void widen(size_t length)
{
    for (size_t i = length; i-- > 0;) {
        kept[2 * i] = kept[i];
        kept[2 * i + 1] = 0;
    }
}

static void narrow(char *text, size_t room)
{
    size_t step = strstr(variant, "utf-16") != NULL ? 2 : 1;

    for (size_t i = 0; i < room; i++)
        text[i] = (char)kept[step * i];
    text[room - 1] = '\0';
}

/* Every byte as two digits, in a step of two or three characters. */
static void keep_hex(const unsigned char *key, const char *digits, size_t step)
{
    for (size_t i = 0; i < 32; i++) {
        kept[step * i] = (unsigned char)digits[key[i] >> 4];
        kept[step * i + 1] = (unsigned char)digits[key[i] & 15];
        if (step == 3)
            kept[step * i + 2] = ':';
    }
}

static void keep(const unsigned char *key)
{
    if (strcmp(variant, "hex") == 0)
        keep_hex(key, "0123456789abcdef", 2);
    else if (strcmp(variant, "colons") == 0)
        keep_hex(key, "0123456789ABCDEF", 3);
    else if (strcmp(variant, "hex utf-16") == 0) {
        keep_hex(key, "0123456789ABCDEF", 2);
        widen(64);
    } else if (strncmp(variant, "base64", 6) == 0) {
        EVP_EncodeBlock(kept, key, 32);
        if (strcmp(variant, "base64 utf-16") == 0)
            widen(44);
    } else if (strcmp(variant, "halves") == 0) {
        memcpy(kept + GAP, key, 16);
        memcpy(kept, key + 16, 16);
    } else {
        HOLDER_NEEDS(strcmp(variant, "bswap32") == 0 || strcmp(variant, "reversed") == 0);
        for (int i = 0; i < 32; i++)
            kept[i] = key[variant[0] == 'b' ? i ^ 3 : 31 - i];
    }
}

static void parse_hex(const char *text, size_t step, unsigned char *key)
{
    unsigned int byte;

    for (size_t i = 0; i < 32; i++) {
        HOLDER_NEEDS(sscanf(text + step * i, "%2x", &byte) == 1);
        key[i] = (unsigned char)byte;
    }
}

static void restore(unsigned char key[33])
{
    char text[128];

    narrow(text, sizeof(text));
    if (strncmp(variant, "hex", 3) == 0)
        parse_hex(text, 2, key);
    else if (strcmp(variant, "colons") == 0)
        parse_hex(text, 3, key);
    else if (strncmp(variant, "base64", 6) == 0)
        HOLDER_NEEDS(EVP_DecodeBlock(key, (const unsigned char *)text, 44) == 33);
    else if (strcmp(variant, "halves") == 0) {
        memcpy(key, kept + GAP, 16);
        memcpy(key + 16, kept, 16);
    } else {
        for (int i = 0; i < 32; i++)
            key[i] = kept[variant[0] == 'b' ? i ^ 3 : 31 - i];
    }
    explicit_bzero(text, sizeof(text));
}

void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    kept = calloc(1, KEPT);
    HOLDER_NEEDS(kept != NULL);
    decrypting = wish->decrypt;
    variant = wish->variant;
    kept += strstr(variant, "hex") || strstr(variant, "base") || strstr(variant, "col") ? 13 : 16;
    if (key != NULL)
        keep(key);
}

void holder_block(const unsigned char in[16], unsigned char out[16])
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    unsigned char key[33];
    int written;

    HOLDER_NEEDS(context != NULL);
    restore(key);
    HOLDER_NEEDS(EVP_CipherInit_ex(context, EVP_aes_256_ecb(), NULL, key, NULL, !decrypting) == 1);
    EVP_CIPHER_CTX_set_padding(context, 0);
    HOLDER_NEEDS(EVP_CipherUpdate(context, out, &written, in, 16) == 1 && written == 16);
    EVP_CIPHER_CTX_free(context);
    explicit_bzero(key, sizeof(key));
}
