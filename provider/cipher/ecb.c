/* AES-256-ECB (NIST SP 800-38A, 6.1). */
#include "cipher/cipher.h"

bool cipher_ecb_blocks(struct hsm_key *key, bool encrypt, unsigned char chain[HSM_BLOCK],
                       const struct hsm_data *data, struct failure *why)
{
    (void)chain;
    return hsm_ecb(key, encrypt, data, why);
}

CIPHER_MODE(cipher_ecb, cipher);

const struct cipher_mode cipher_ecb = {
    .name = "AES-256-ECB",
    .kind = MACHINE_ECB,
    .blocks = cipher_ecb_blocks,
    .software = &cipher_ecb_software,
    .dispatch = cipher_ecb_dispatch,
    .inner = cipher_ecb_inner,
};
