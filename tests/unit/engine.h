/*
 * Engines under struct machine for its tests: a toy that records what it is asked and fails on
 * command, and AES-256 by OpenSSL's default provider.  Neither knows anything of an HSM.
 */
#ifndef HSMZKE_UNIT_ENGINE_H
#define HSMZKE_UNIT_ENGINE_H

#include <openssl/evp.h>

#include "cipher/machine.h"

enum { TOY_MASK = 0x5a };

/**
 * The toy cipher: every byte is XORed with TOY_MASK, for CTR with the first byte of the counter
 * block too; a chain value's first byte and a counter go up by one a block.
 */
struct toy {
    unsigned int calls;   /* so far */
    unsigned int fail_at; /* the call that fails, the first being 1; 0: none */
    /* the last call: */
    bool encrypt;
    struct hsm_data data; /* its pointers; `head` as in the next field */
    unsigned char head[HSM_BLOCK];
    unsigned char chain[HSM_BLOCK]; /* as it came */
};
struct machine_engine toy_engine(struct toy *toy);

enum { RIG_ROOM = 512, RIG_BLANK = 0xb1 };

/** A machine over a toy, and where its output goes. */
struct rig {
    struct machine machine;
    struct toy toy;
    size_t room;                 /* what the machine is told of `out` */
    unsigned char out[RIG_ROOM]; /* RIG_BLANK before each event */
    size_t written;              /* by the last event; not 0 before it */
};
void rig_open(struct rig *rig, enum machine_kind kind, bool encrypt, const unsigned char *iv);
enum machine_result rig_update(struct rig *rig, const void *in, size_t size);
enum machine_result rig_final(struct rig *rig);
enum machine_result rig_at_once(struct rig *rig, const void *in, size_t size);
/** Whether the last event left `out` alone from byte `written` on. */
bool rig_rest_is_blank(const struct rig *rig);

/** AES-256: ECB or CBC for blocks(), CTR for stream(). */
struct aes {
    EVP_CIPHER_CTX *encrypt, *decrypt; /* ECB, without padding */
    bool chained;                      /* blocks() is CBC */
};
void aes_open(struct aes *aes, enum machine_kind kind, const unsigned char key[32]);
void aes_close(struct aes *aes);
struct machine_engine aes_engine(struct aes *aes);

#endif
