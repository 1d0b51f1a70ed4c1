/*
 * AES-256 key wrap, without and with padding (RFC 3394, RFC 5649; NIST SP 800-38F), by the HSM's
 * own mechanism or over ECB.  C_WrapKey would need a key that can be read.  The -INV ciphers have
 * the two functions of AES change places (SP 800-38F, 5.1), which no mechanism does.
 */
#include "cipher/cipher.h"
#include "cipher/wrap.h"

static bool inverse(struct hsm_key *key, bool encrypt, unsigned char chain[HSM_BLOCK],
                    const struct hsm_data *data, struct failure *why)
{
    (void)chain;
    return hsm_ecb(key, !encrypt, data, why);
}

CIPHER_MODE_UPDATE_ONLY(cipher_wrap, cipher);
CIPHER_MODE_UPDATE_ONLY(cipher_wrap_pad, cipher);
CIPHER_MODE_UPDATE_ONLY(cipher_wrap_inv, cipher);
CIPHER_MODE_UPDATE_ONLY(cipher_wrap_pad_inv, cipher);

const struct cipher_mode cipher_wrap = {
    .name = "AES-256-WRAP",
    .kind = MACHINE_WRAP,
    .iv_size = WRAP_IV_SIZE,
    .native = HSM_KW,
    .blocks = cipher_ecb_blocks,
    .software = &cipher_wrap_software,
    .dispatch = cipher_wrap_dispatch,
    .inner = cipher_wrap_inner,
};

const struct cipher_mode cipher_wrap_pad = {
    .name = "AES-256-WRAP-PAD",
    .kind = MACHINE_WRAP_PAD,
    .iv_size = WRAP_PAD_IV_SIZE,
    .native = HSM_KWP,
    .blocks = cipher_ecb_blocks,
    .software = &cipher_wrap_pad_software,
    .dispatch = cipher_wrap_pad_dispatch,
    .inner = cipher_wrap_pad_inner,
};

const struct cipher_mode cipher_wrap_inv = {
    .name = "AES-256-WRAP-INV",
    .kind = MACHINE_WRAP,
    .function = CIPHER_INVERSE,
    .iv_size = WRAP_IV_SIZE,
    .blocks = inverse,
    .software = &cipher_wrap_inv_software,
    .dispatch = cipher_wrap_inv_dispatch,
    .inner = cipher_wrap_inv_inner,
};

const struct cipher_mode cipher_wrap_pad_inv = {
    .name = "AES-256-WRAP-PAD-INV",
    .kind = MACHINE_WRAP_PAD,
    .function = CIPHER_INVERSE,
    .iv_size = WRAP_PAD_IV_SIZE,
    .blocks = inverse,
    .software = &cipher_wrap_pad_inv_software,
    .dispatch = cipher_wrap_pad_inv_dispatch,
    .inner = cipher_wrap_pad_inv_inner,
};
