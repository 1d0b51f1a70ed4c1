/* Holds the key in a key of libtomcrypt, which always makes both schedules; "selftest" tests it. */
#include <string.h>
#include <tomcrypt.h>

#include "holder.h"

static symmetric_key context;
static int decrypting;

void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    if (strcmp(wish->variant, "selftest") == 0)
        HOLDER_NEEDS(aes_test() == CRYPT_OK);
    decrypting = wish->decrypt;
    if (key != NULL)
        HOLDER_NEEDS(aes_setup(key, 32, 0, &context) == CRYPT_OK);
}

void holder_block(const unsigned char in[16], unsigned char out[16])
{
    if (decrypting)
        HOLDER_NEEDS(aes_ecb_decrypt(in, out, &context) == CRYPT_OK);
    else
        HOLDER_NEEDS(aes_ecb_encrypt(in, out, &context) == CRYPT_OK);
}
