/* Holds the key in a context of wolfCrypt (CBC: its ECB is not always built). */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

#include "holder.h"

static Aes context;
static int decrypting;

void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    static const unsigned char zeros[16];

    HOLDER_NEEDS(wc_AesInit(&context, NULL, INVALID_DEVID) == 0);
    decrypting = wish->decrypt;
    if (key != NULL)
        HOLDER_NEEDS(wc_AesSetKey(&context, key, 32, zeros,
                                  decrypting ? AES_DECRYPTION : AES_ENCRYPTION) == 0);
}

void holder_block(const unsigned char in[16], unsigned char out[16])
{
    static const unsigned char zeros[16];

    HOLDER_NEEDS(wc_AesSetIV(&context, zeros) == 0);
    if (decrypting)
        HOLDER_NEEDS(wc_AesCbcDecrypt(&context, out, in, 16) == 0);
    else
        HOLDER_NEEDS(wc_AesCbcEncrypt(&context, out, in, 16) == 0);
}
