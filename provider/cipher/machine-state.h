/*
 * What the state machine under the ciphers and its parts (wrap.c, native.c, feedback.c, stealing.c)
 * have in common: a context's state, who computes, and what becomes of an event.
 */
#ifndef HSMZKE_CIPHER_MACHINE_STATE_H
#define HSMZKE_CIPHER_MACHINE_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11/hsm.h"

/** What a mode is, to the machine. */
enum machine_kind {
    MACHINE_ECB,
    MACHINE_CBC,
    MACHINE_CTR,
    MACHINE_CTS,  /* CBC with ciphertext stealing */
    MACHINE_CFB,  /* 128 bits at a time */
    MACHINE_CFB8, /* 8 bits */
    MACHINE_CFB1, /* 1 bit */
    MACHINE_OFB,
    MACHINE_WRAP,     /* key wrap, RFC 3394 */
    MACHINE_WRAP_PAD, /* key wrap with padding, RFC 5649 */
};

/** Where the last two blocks of ciphertext stand in MACHINE_CTS: SP 800-38A, addendum. */
enum machine_stealing { MACHINE_CS1, MACHINE_CS2, MACHINE_CS3 };

/** Modes that the HSM may do as a whole: as the functions of hsm.h, with the engine's argument. */
struct machine_native {
    void (*find)(void *argument, bool encrypt, bool own_iv, struct hsm_native *native);
    enum hsm_native_answer (*wrap)(void *argument, const struct hsm_native *native,
                                   const struct hsm_wrap *data, size_t *written);
    enum hsm_native_answer (*feedback)(void *argument, const struct hsm_native *native,
                                       unsigned char shift[HSM_BLOCK], const struct hsm_data *data,
                                       size_t *done);
    void (*judge)(void *argument, const struct hsm_native *native, bool right);
};

/** Who computes; `argument` is its own. All return false on failure, nothing having changed. */
struct machine_engine {
    void *argument;
    /** As hsm_ecb() and hsm_cbc(): CBC for CBC and CTS, else ECB, which leaves `chain` alone. */
    bool (*blocks)(void *argument, bool encrypt, unsigned char chain[HSM_BLOCK],
                   const struct hsm_data *data);
    /** CTR: as hsm_ctr(). */
    bool (*stream)(void *argument, bool encrypt, unsigned char counter[HSM_BLOCK],
                   unsigned char stream[HSM_BLOCK], const unsigned char *in, unsigned char *out,
                   size_t size);
    const struct machine_native *native; /* CFB, OFB and key wrap; NULL: over blocks() only */
};

/** A cipher context's state; copied by assignment. */
struct machine {
    enum machine_kind kind;
    bool encrypt;
    bool padding;
    bool iv_set;
    bool ended;                           /* CTS: the message has been */
    enum machine_stealing stealing;       /* CTS */
    bool bits;                            /* CFB1: sizes are told in bits */
    unsigned char original_iv[HSM_BLOCK]; /* as it was given */
    unsigned char iv[HSM_BLOCK]; /* CBC, CTS: chain value; CTR: next counter block; CFB, OFB: the
                                  * shift register; key wrap: what goes in front of the data */
    unsigned char partial[HSM_BLOCK]; /* ECB, CBC: data that wait; CTR: key stream */
    size_t waiting;                   /* ECB, CBC: how many bytes of `partial` */
    unsigned int num; /* CTR: bytes of the key stream in `partial` used up; CFB, OFB: in `iv` */
};

/** What became of an event. */
enum machine_result {
    MACHINE_DONE,
    MACHINE_ENGINE_FAILED, /* the engine has said why */
    MACHINE_NO_IV,         /* a mode that needs an IV was given none */
    MACHINE_NO_ROOM,       /* the output buffer is too small */
    MACHINE_WRONG_LENGTH,  /* the data are no whole number of blocks */
    MACHINE_BAD_DECRYPT,   /* the padding is wrong */
    MACHINE_NO_STREAM,     /* a position in a key stream block, set from outside */
    MACHINE_BAD_SIZE,      /* data of a size that the mode does not take */
    MACHINE_ENDED,         /* the message has been, and there was no new one */
    MACHINE_NOT_GENUINE,   /* the data were not wrapped like this, or were changed */
};

enum {
    WRAP_IV_SIZE = 8,     /**< RFC 3394, 2.2.3 */
    WRAP_PAD_IV_SIZE = 4, /**< RFC 5649, 3: the constant in front of the length */
};

/** The size of a mode's IV; 0 if it has none. */
static inline size_t machine_iv_size(enum machine_kind kind)
{
    switch (kind) {
    case MACHINE_ECB:
        return 0;
    case MACHINE_WRAP:
        return WRAP_IV_SIZE;
    case MACHINE_WRAP_PAD:
        return WRAP_PAD_IV_SIZE;
    default:
        return HSM_BLOCK;
    }
}

#endif
