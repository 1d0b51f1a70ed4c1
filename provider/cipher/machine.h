/*
 * The state machine under the ciphers: what EVP's events do to IV, partial block and position, and
 * which whole blocks go to the HSM when.  Pure: it computes nothing with a key, and a test drives
 * it without a token.  It follows the default provider's ciphers
 * (providers/implementations/ciphers) event for event.
 */
#ifndef HSMZKE_CIPHER_MACHINE_H
#define HSMZKE_CIPHER_MACHINE_H

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

/** A new context: padding on, no IV. */
void machine_new(struct machine *machine, enum machine_kind kind);

/** The size of a mode's IV; 0 if it has none. */
size_t machine_iv_size(enum machine_kind kind);

/**
 * EVP_CipherInit: a new message.  `iv` NULL: CBC, CTS, CFB and OFB start again from the
 * original IV, CTR goes on.
 */
void machine_init(struct machine *machine, bool encrypt, const unsigned char *iv);

/** Whether the IV is the one that was given, however many data there were. */
bool machine_iv_stays(const struct machine *machine);

/**
 * Sets OSSL_CIPHER_PARAM_NUM: for CTR only 0, which leaves the rest of a begun block unused; for
 * CFB and OFB a place in a block.
 */
enum machine_result machine_set_num(struct machine *machine, unsigned int num);

/** EVP_CipherUpdate. `*written`: bytes put to `out`, of `room`; 0 unless MACHINE_DONE. */
enum machine_result machine_update(struct machine *machine, const struct machine_engine *engine,
                                   unsigned char *out, size_t *written, size_t room,
                                   const unsigned char *in, size_t size);

/**
 * How many bytes an update (else machine_at_once()) of `size` bytes puts out if all is well.  For
 * key wrap, whose output has another size, 0.
 */
size_t machine_output(const struct machine *machine, bool update, size_t size);

/** EVP_CipherFinal. */
enum machine_result machine_final(struct machine *machine, const struct machine_engine *engine,
                                  unsigned char *out, size_t *written, size_t room);

/** EVP_Cipher(): whole blocks at once, past padding and what waits. */
enum machine_result machine_at_once(struct machine *machine, const struct machine_engine *engine,
                                    unsigned char *out, size_t *written, size_t room,
                                    const unsigned char *in, size_t size);

/** Forgets all data and the IV. */
void machine_wipe(struct machine *machine);

#endif
