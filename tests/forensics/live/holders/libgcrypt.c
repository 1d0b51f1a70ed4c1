/*
 * Holds the key in a handle of libgcrypt.  The variant names features of the processor that it must
 * not use, with commas; "selftest" runs its self-tests (for idle holders).
 */
#include <gcrypt.h>
#include <string.h>

#include "holder.h"

static gcry_cipher_hd_t handle;
static int decrypting;

static void without_features(const char *list)
{
    char names[64], *rest = names, *name;

    HOLDER_NEEDS(strlen(list) < sizeof(names));
    memcpy(names, list, strlen(list) + 1);
    while ((name = strsep(&rest, ",")) != NULL && *name != '\0')
        HOLDER_NEEDS(gcry_control(GCRYCTL_DISABLE_HWF, name, NULL) == 0);
}

void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    int selftest = strcmp(wish->variant, "selftest") == 0;

    if (!selftest)
        without_features(wish->variant);
    HOLDER_NEEDS(gcry_check_version(NULL) != NULL);
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    if (selftest)
        HOLDER_NEEDS(gcry_control(GCRYCTL_SELFTEST, 0) == 0);
    HOLDER_NEEDS(gcry_cipher_open(&handle, GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_ECB, 0) == 0);
    decrypting = wish->decrypt;
    if (key != NULL)
        HOLDER_NEEDS(gcry_cipher_setkey(handle, key, 32) == 0);
}

void holder_block(const unsigned char in[16], unsigned char out[16])
{
    if (decrypting)
        HOLDER_NEEDS(gcry_cipher_decrypt(handle, out, 16, in, 16) == 0);
    else
        HOLDER_NEEDS(gcry_cipher_encrypt(handle, out, 16, in, 16) == 0);
}
