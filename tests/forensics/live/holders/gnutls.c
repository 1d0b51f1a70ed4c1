/*
 * Holds the key in a cipher handle of GnuTLS (CBC: it has no ECB).  The variant "selftest" runs its
 * self-tests.
 */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/self-test.h>
#include <string.h>

#include "holder.h"

static gnutls_cipher_hd_t handle;
static int decrypting;

void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    unsigned char copy[32], zeros[16] = { 0 };
    gnutls_datum_t key_datum = { copy, sizeof(copy) }, iv_datum = { zeros, sizeof(zeros) };

    HOLDER_NEEDS(gnutls_global_init() == 0);
    if (strcmp(wish->variant, "selftest") == 0)
        HOLDER_NEEDS(gnutls_cipher_self_test(GNUTLS_SELF_TEST_FLAG_ALL, GNUTLS_CIPHER_UNKNOWN) ==
                     0);
    decrypting = wish->decrypt;
    if (key == NULL)
        return;
    memcpy(copy, key, sizeof(copy));
    HOLDER_NEEDS(gnutls_cipher_init(&handle, GNUTLS_CIPHER_AES_256_CBC, &key_datum, &iv_datum) ==
                 0);
    explicit_bzero(copy, sizeof(copy));
}

void holder_block(const unsigned char in[16], unsigned char out[16])
{
    unsigned char zeros[16] = { 0 };

    gnutls_cipher_set_iv(handle, zeros, sizeof(zeros));
    if (decrypting)
        HOLDER_NEEDS(gnutls_cipher_decrypt2(handle, in, 16, out, 16) == 0);
    else
        HOLDER_NEEDS(gnutls_cipher_encrypt2(handle, in, 16, out, 16) == 0);
}
