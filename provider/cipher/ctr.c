/* AES-256-CTR (NIST SP 800-38A, 6.5); the counter is all 128 bits, as in OpenSSL. */
#include "cipher/cipher.h"

CIPHER_MODE(cipher_ctr, cipher);

const struct cipher_mode cipher_ctr = {
    .name = "AES-256-CTR",
    .kind = MACHINE_CTR,
    .iv_size = HSM_BLOCK,
    .stream = hsm_ctr,
    .software = &cipher_ctr_software,
    .dispatch = cipher_ctr_dispatch,
    .inner = cipher_ctr_inner,
};
