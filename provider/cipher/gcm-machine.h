/*
 * The state machine under AES-256-GCM: what EVP's events do in each state, what is given out when,
 * and which calls that takes of the HSM.  Pure: a test drives it without a token.
 *
 * The HSM must not give out H = E_K(0), and may give tag and plaintext only at the end; EVP wants
 * each update's output at once.  So the first data are done as if they were the whole message, and
 * if more follows, the rest is streamed by a module that can, else done by CTR, which is what GCM's
 * body is; the tag then comes from one call over the whole.
 */
#ifndef HSMZKE_CIPHER_GCM_MACHINE_H
#define HSMZKE_CIPHER_GCM_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cipher/gcm-bytes.h"
#include "cipher/gcm-limits.h"
#include "pkcs11/hsm.h"

enum {
    GCM_IV_MOST = 128,          /* bytes */
    GCM_IV_USUAL = 12,          /* the only length that CTR continues */
    GCM_FIRST_MOST = 64 * 1024, /* first data that are done as a whole message everywhere */
};

enum gcm_state {
    GCM_NO_KEY,
    GCM_IV_ONLY,
    GCM_KEY_ONLY, /* a key, never an IV */
    GCM_READY,    /* key and IV */
    GCM_AAD,      /* AAD was seen */
    GCM_ONE,      /* one update of data */
    GCM_MORE,     /* more than one */
    GCM_DONE,
    GCM_BAD_TAG, /* the tag was wrong */
    GCM_SPENT,   /* a key, and an IV that is used up */
};

/** Where a message's IV comes from. */
enum gcm_iv_source {
    GCM_IV_GIVEN, /* by the program, or it was told */
    GCM_IV_DRAWN, /* from the HSM, and nobody was told: the module may put its own */
    GCM_IV_OWN,   /* the module's own, which no second call gets */
};

/** Who computes. */
struct gcm_engine {
    void *argument;
    /**
     * A whole message; encryption puts 16 bytes to `tag`, decryption checks data->tag, and does no
     * more where `out` is NULL.
     */
    enum hsm_answer (*once)(void *argument, bool encrypt, const struct hsm_gcm *data,
                            unsigned char *out, unsigned char tag[HSM_BLOCK]);
    /** As hsm_ctr(). */
    bool (*count)(void *argument, bool encrypt, unsigned char counter[HSM_BLOCK],
                  unsigned char stream[HSM_BLOCK], const unsigned char *in, unsigned char *out,
                  size_t size);
    /** Random bytes for an IV. */
    bool (*random)(void *argument, unsigned char *bytes, size_t size);
    /** Whether encryption can be streamed, as far as is known. */
    bool (*can_stream)(void *argument);
    /** An encryption of iv and aad of `data` that goes on; NULL: it failed, or none can be held. */
    struct hsm_stream *(*begin)(void *argument, const struct hsm_gcm *data);
    bool (*update)(void *argument, struct hsm_stream *stream, const unsigned char *in,
                   unsigned char *out, size_t size);
    bool (*finish)(void *argument, struct hsm_stream *stream, unsigned char tag[HSM_BLOCK]);
    void (*drop)(struct hsm_stream *stream);
    /** Memory for plaintext on its way. */
    unsigned char *(*get)(void *argument, size_t size);
    void (*put)(unsigned char *memory, size_t size);
};

/** A GCM context's state. */
struct gcm_machine {
    const struct gcm_limits *limits;
    enum gcm_state state;
    bool encrypt;
    unsigned char iv[GCM_IV_MOST];
    size_t iv_size;
    bool iv_set;
    enum gcm_iv_source iv_source;
    bool iv_generated;            /* one was, or a part of it, since the context was made */
    unsigned char tag[HSM_BLOCK]; /* decryption: as it was set; encryption: the result, when DONE */
    size_t tag_size;              /* 0: none was set */
    bool tag_fresh;               /* it was set after the last init */
    bool verified;                /* the first data were, with this tag */
    struct gcm_bytes aad;
    struct gcm_bytes kept; /* ciphertext so far, up to limits->buffer */
    bool all_kept;
    uint64_t total;            /* bytes of data so far */
    struct hsm_stream *stream; /* encryption that goes on in the HSM, or NULL */
    bool held;                 /* `held_tag` is the tag of the one update */
    unsigned char held_tag[HSM_BLOCK];
};

/** What became of an event. */
enum gcm_result {
    GCM_OK,
    GCM_ENGINE_FAILED, /* the engine has said why */
    GCM_WRONG_STATE,   /* not in this state */
    GCM_NO_IV,
    GCM_NO_TAG,
    GCM_TAG_DIFFERS,
    GCM_ONE_SHOT_ONLY, /* gcm-one-shot = always */
    GCM_BUFFER_FULL,   /* gcm-buffer */
    GCM_IV_LENGTH,     /* CTR would be needed, and the IV has not 96 bits */
    GCM_IV_REPLACED,   /* more data, and the module took an IV of its own for the first */
    GCM_TOO_LONG,      /* SP 800-38D: 2^36 - 32 bytes */
    GCM_MEMORY,
};

void gcm_new(struct gcm_machine *machine, const struct gcm_limits *limits);

/** Drops what is kept, wipes all. */
void gcm_free(struct gcm_machine *machine, const struct gcm_engine *engine);

/** An exact copy, whose stream stays with the original. `copy` is not initialised before. */
enum gcm_result gcm_copy(struct gcm_machine *copy, const struct gcm_machine *machine);

/** EVP_CipherInit: `key`: a key was given; `iv` NULL: none was. */
void gcm_init(struct gcm_machine *machine, const struct gcm_engine *engine, bool encrypt, bool key,
              const unsigned char *iv, size_t iv_size);

/**
 * The same without a key, where another engine has the key and all of the message: what counts
 * should a key of ours follow.
 */
void gcm_note(struct gcm_machine *machine, bool encrypt, const unsigned char *iv, size_t iv_size);

/** Makes an IV for an encryption that was given none; an error for a decryption. */
enum gcm_result gcm_need_iv(struct gcm_machine *machine, const struct gcm_engine *engine);

/** The key is gone. */
void gcm_lose_key(struct gcm_machine *machine, const struct gcm_engine *engine);

/** The IV as the program reads it; from then on it is the message's. NULL: there is none. */
const unsigned char *gcm_tell_iv(struct gcm_machine *machine);

/** AAD: EVP_CipherUpdate without output. */
enum gcm_result gcm_aad(struct gcm_machine *machine, const struct gcm_engine *engine,
                        const unsigned char *aad, size_t size);

/** Data; `out` gets `size` bytes. */
enum gcm_result gcm_data(struct gcm_machine *machine, const struct gcm_engine *engine,
                         const unsigned char *in, unsigned char *out, size_t size);

/** EVP_CipherFinal. */
enum gcm_result gcm_end(struct gcm_machine *machine, const struct gcm_engine *engine);

/** EVP_CTRL_AEAD_SET_TAG, decryption only. */
enum gcm_result gcm_set_tag(struct gcm_machine *machine, const unsigned char *tag, size_t size);

/** EVP_CTRL_AEAD_GET_TAG, after an encryption's final only. */
enum gcm_result gcm_get_tag(const struct gcm_machine *machine, unsigned char *tag, size_t size);

/** EVP_CTRL_AEAD_SET_IVLEN. */
enum gcm_result gcm_set_iv_size(struct gcm_machine *machine, const struct gcm_engine *engine,
                                size_t size);

#endif
