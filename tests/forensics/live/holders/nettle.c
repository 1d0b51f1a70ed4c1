/* Holds the key in a context of nettle. */
#include <nettle/aes.h>

#include "holder.h"

static struct aes256_ctx context;
static int decrypting;

void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    decrypting = wish->decrypt;
    if (key == NULL)
        return;
    if (decrypting)
        aes256_set_decrypt_key(&context, key);
    else
        aes256_set_encrypt_key(&context, key);
}

void holder_block(const unsigned char in[16], unsigned char out[16])
{
    if (decrypting)
        aes256_decrypt(&context, 16, out, in);
    else
        aes256_encrypt(&context, 16, out, in);
}
