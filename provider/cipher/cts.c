/* AES-256-CBC-CTS: CBC with ciphertext stealing (NIST SP 800-38A, addendum), over CBC in the HSM.
 */
#include "cipher/cipher.h"

CIPHER_MODE(cipher_cts, cipher);

const struct cipher_mode cipher_cts = {
    .name = "AES-256-CBC-CTS",
    .kind = MACHINE_CTS,
    .iv_size = HSM_BLOCK,
    .blocks = hsm_cbc,
    .software = &cipher_cts_software,
    .dispatch = cipher_cts_dispatch,
    .inner = cipher_cts_inner,
};
