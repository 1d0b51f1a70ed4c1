/* Holds the key in a context of Mbed TLS; the variant "selftest" runs its self-test. */
#include <mbedtls/aes.h>
#include <string.h>

#include "holder.h"

static mbedtls_aes_context context;
static int mode = MBEDTLS_AES_ENCRYPT;

void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    if (strcmp(wish->variant, "selftest") == 0)
        HOLDER_NEEDS(mbedtls_aes_self_test(0) == 0);
    mbedtls_aes_init(&context);
    if (key == NULL)
        return;
    if (wish->decrypt) {
        mode = MBEDTLS_AES_DECRYPT;
        HOLDER_NEEDS(mbedtls_aes_setkey_dec(&context, key, 256) == 0);
    } else {
        HOLDER_NEEDS(mbedtls_aes_setkey_enc(&context, key, 256) == 0);
    }
}

void holder_block(const unsigned char in[16], unsigned char out[16])
{
    HOLDER_NEEDS(mbedtls_aes_crypt_ecb(&context, mode, in, out) == 0);
}
