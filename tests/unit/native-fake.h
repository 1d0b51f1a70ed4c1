/*
 * A mechanism of the HSM's own, for the tests of native.[ch] and feedback.c: by OpenSSL's default
 * provider, and it lies, refuses or fails as it is told.
 */
#ifndef HSMZKE_UNIT_NATIVE_FAKE_H
#define HSMZKE_UNIT_NATIVE_FAKE_H

#include "cipher/native.h"
#include "engine.h"

enum { NATIVE_ROOM = 4096 + 64, NOT_JUDGED = -1 };

extern const unsigned char native_key[32], native_iv[16];

/** The argument of an engine: AES for blocks(), and a mechanism that does what it is told to. */
struct native_fake {
    struct aes aes;
    struct hsm_native now; /* what find() says */
    bool no_blocks;        /* the key refuses ECB, which is learnt at the first time */
    enum {
        HONEST,
        WRONG_BYTES,
        WRONG_SIZE,
        REFUSES,
        UNFIT,
        FAILS,
        TRUSTING, /* damaged data are done as well */
        STOPS,    /* UNFIT at the last block */
    } how;
    const char *cipher; /* the default provider's */
    unsigned int blocks, natives;
    int judged;
    bool judged_alone;
    const unsigned char *iv; /* as it came last */
};

bool native_blocks(void *fake, bool encrypt, unsigned char chain[HSM_BLOCK],
                   const struct hsm_data *data);

/** Its other functions. */
extern const struct machine_native native_fakes;

/** The default provider's name of a kind. */
const char *native_name(enum machine_kind kind);

/** @return the bytes that software makes with native_key; SIZE_MAX: not genuine */
size_t native_by_default(const char *name, bool encrypt, const unsigned char *iv,
                         const unsigned char *in, size_t size, unsigned char *out);

#endif
