/* AES-256-CBC (NIST SP 800-38A, 6.2). */
#include "cipher/cipher.h"

CIPHER_MODE(cipher_cbc, cipher);

const struct cipher_mode cipher_cbc = {
    .name = "AES-256-CBC",
    .kind = MACHINE_CBC,
    .iv_size = HSM_BLOCK,
    .blocks = hsm_cbc,
    .software = &cipher_cbc_software,
    .dispatch = cipher_cbc_dispatch,
    .inner = cipher_cbc_inner,
};
