/*
 * AES-256-OFB (NIST SP 800-38A, 6.4), by the HSM's own mechanism or over ECB, with a call for each
 * block.
 */
#include "cipher/cipher.h"

CIPHER_MODE(cipher_ofb, cipher);

const struct cipher_mode cipher_ofb = {
    .name = "AES-256-OFB",
    .kind = MACHINE_OFB,
    .function = CIPHER_ENCRYPTING,
    .iv_size = HSM_BLOCK,
    .native = HSM_OFB,
    .blocks = cipher_ecb_blocks,
    .software = &cipher_ofb_software,
    .dispatch = cipher_ofb_dispatch,
    .inner = cipher_ofb_inner,
};
