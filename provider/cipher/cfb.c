/*
 * AES-256-CFB with 128, 8 and 1 bits of feedback (NIST SP 800-38A, 6.3), by the HSM's own mechanism
 * or over ECB, where encryption takes a call for each block, byte or bit.
 */
#include "cipher/cipher.h"

CIPHER_MODE(cipher_cfb, cipher);
CIPHER_MODE(cipher_cfb8, cipher);
CIPHER_MODE(cipher_cfb1, cipher);

const struct cipher_mode cipher_cfb = {
    .name = "AES-256-CFB",
    .kind = MACHINE_CFB,
    .function = CIPHER_ENCRYPTING,
    .iv_size = HSM_BLOCK,
    .native = HSM_CFB128,
    .blocks = cipher_ecb_blocks,
    .software = &cipher_cfb_software,
    .dispatch = cipher_cfb_dispatch,
    .inner = cipher_cfb_inner,
};

const struct cipher_mode cipher_cfb8 = {
    .name = "AES-256-CFB8",
    .kind = MACHINE_CFB8,
    .function = CIPHER_ENCRYPTING,
    .iv_size = HSM_BLOCK,
    .native = HSM_CFB8,
    .blocks = cipher_ecb_blocks,
    .software = &cipher_cfb8_software,
    .dispatch = cipher_cfb8_dispatch,
    .inner = cipher_cfb8_inner,
};

const struct cipher_mode cipher_cfb1 = {
    .name = "AES-256-CFB1",
    .kind = MACHINE_CFB1,
    .function = CIPHER_ENCRYPTING,
    .iv_size = HSM_BLOCK,
    .native = HSM_CFB1,
    .blocks = cipher_ecb_blocks,
    .software = &cipher_cfb1_software,
    .dispatch = cipher_cfb1_dispatch,
    .inner = cipher_cfb1_inner,
};
