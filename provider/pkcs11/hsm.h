/*
 * The HSM as the rest of the provider sees it: keys found by name, id or URI, AES and MACs in the
 * HSM; beside it judgement.h (keys judged) and inventory.h (keys listed and generated).  Everything
 * that knows Cryptoki is behind these headers; they name no CK_ type, and nothing of it knows
 * OpenSSL's provider API.
 *
 * All functions may be called from any thread.  After fork() the child goes on with the same
 * objects: it initialises the module, logs in and finds its keys again by itself.
 */
#ifndef HSMZKE_PKCS11_HSM_H
#define HSMZKE_PKCS11_HSM_H

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"
#include "pkcs11/event.h"

enum {
    HSM_BLOCK = 16,         /**< AES's block, in bytes */
    HSM_IDENTITY_SIZE = 8,  /**< a key's identity value, in bytes */
    HSM_IDENTITY_TEXT = 24, /**< as text: "aes:" or "cmac:" and 16 digits, or "unknown"; NUL */
    HSM_MAC_MOST = 64,      /**< the longest MAC, in bytes */
    HSM_TOKENS_MOST = 8,    /**< tokens of an HA group */
    HSM_PARALLEL_MOST = 16, /**< parts of a request */
};

/** How to reach an HSM; docs/configuration.md has the meaning of each. Strings are never NULL but
 * where said. */
struct hsm_settings {
    char *module;                  /**< path of the PKCS#11 module */
    char *init_args;               /**< its init string; NULL: none */
    char *token;                   /**< RFC 7512 URI of the token; NULL: the only one there is */
    char *tokens[HSM_TOKENS_MOST]; /**< those of an HA group in the place of `token`; NULL after
                                        the last */
    char *pin_source;              /**< NULL: none */
    char *credentials;             /**< the directory of `credential:`; NULL: none */
    unsigned int sessions;         /**< most sessions at once for a token */
    unsigned int wait;             /**< milliseconds to wait for a session */
    unsigned int parallel;         /**< sessions that a large request is split over; at least 1 */
    unsigned int reuse;            /**< seconds that a running operation is re-used; 0: never */
    struct hsm_audit *audit;       /**< what is told what happens; NULL: nobody */
};

/** An HSM as one set of settings reaches it. */
struct hsm;

/** A key that was found in the HSM. */
struct hsm_key;

/** What identifies a key. */
struct hsm_query {
    enum hsm_query_kind {
        HSM_BY_LABEL, /**< `value` is a CKA_LABEL */
        HSM_BY_ID,    /**< `value` is a CKA_ID */
        HSM_BY_URI,   /**< `value` is a pkcs11: URI, NUL-terminated */
    } kind;
    const void *value;
    size_t size;       /**< of `value`, in bytes */
    const char *shown; /**< the key's name in messages */
    enum hsm_family {
        HSM_AES,    /**< AES-256 */
        HSM_SECRET, /**< a generic secret of any length, or one for HMAC */
        HSM_ANY,    /**< both */
    } family;       /**< keys of other families are passed over */
    /** Asked of the key on each token of an HA group: one that does not fit is left out; NULL: all
     * fit. */
    bool (*fits)(void *argument, const struct hsm_key *key, struct failure *why);
    void *argument;
};

/**
 * The HSM for `settings`, copied.  Equal settings give the same object; it lives until the process
 * ends.  Loads nothing and asks for nothing: that is left to the first hsm_key_find().
 * @return NULL when out of memory
 */
struct hsm *hsm_get(const struct hsm_settings *settings, struct failure *why);

/**
 * Finds the key that `query` names, after loading the module and logging in as needed.
 * @return NULL, with the reason in `why`; else a key to be given to hsm_key_free()
 */
struct hsm_key *hsm_key_find(struct hsm *hsm, const struct hsm_query *query, struct failure *why);

/**
 * Tells the audit log that a key was refused for a reason that this room does not know of. `shown`:
 * its name as hsm_query has it, or NULL.
 */
void hsm_report_refused(struct hsm *hsm, const char *shown, const struct failure *why);

/** One more owner of `key`. @return `key` */
struct hsm_key *hsm_key_ref(struct hsm_key *key);

/** One owner less; makes no PKCS#11 call. NULL is fine. */
void hsm_key_free(struct hsm_key *key);

/** Whether the HSM lets `key` encrypt (else decrypt): CKA_ENCRYPT, CKA_DECRYPT. */
bool hsm_key_may(const struct hsm_key *key, bool encrypt, struct failure *why);

/** Whether the HSM lets `key` make MACs: CKA_SIGN. */
bool hsm_key_may_sign(const struct hsm_key *key, struct failure *why);

/**
 * The key's own names, under which a pin may stand as well: its CKA_LABEL as text and its id
 * reference without the prefix; "" where it has none.  They live as long as the key.
 */
void hsm_key_names(const struct hsm_key *key, const char **label, const char **id);

/** The key's family: never HSM_ANY. */
enum hsm_family hsm_key_family(const struct hsm_key *key);

/** The key's length in bytes; 0 where the module does not tell it. */
size_t hsm_key_size(const struct hsm_key *key);

/** The label of the token that has the key; it lives as long as the process. */
const char *hsm_key_token(const struct hsm_key *key);

/** Whether that is the configured token: the only one on which an id or a label finds a key. */
bool hsm_key_is_home(const struct hsm_key *key);

/** Whether two keys are one and the same object of a token, as far as can be told. */
bool hsm_key_same(const struct hsm_key *a, const struct hsm_key *b);

/** Looks for the key again, and confirms that it is the one that it was. */
bool hsm_key_confirm(struct hsm_key *key, struct failure *why);

/**
 * Reads the key's attributes as they are now, and hands each to `line` with its value as text
 * ("true", "false", "unknown", a list of mechanisms).
 * @return false, with the reason in `why`; some lines may have been handed out
 */
bool hsm_key_attributes(struct hsm_key *key,
                        void (*line)(void *argument, const char *name, const char *value),
                        void *argument, struct failure *why);

/** Writes the key's identity as text ("aes:HEX", "cmac:HEX", "unknown") into `text`. */
void hsm_key_identity(const struct hsm_key *key, char text[HSM_IDENTITY_TEXT]);

/**
 * Whether `key` has the identity that the configuration expects ("HEX", "aes:HEX", "cmac:HEX").
 * @return false if it has another or an unknown one
 */
bool hsm_key_is(const struct hsm_key *key, const char *expected, struct failure *why);

/** Whether an IV for GCM is the one whose key stream identities come from: not for programs. */
bool hsm_iv_is_reserved(const unsigned char *iv, size_t size);

/**
 * The keys that are to be judged before `key` is used: of an HA group those on each token that is
 * there; `*position` is 0 at first.  They live as long as `key`.
 * @return NULL: there are no more
 */
struct hsm_key *hsm_key_member(struct hsm_key *key, size_t *position);

/** Leaves the key of one token of an HA group out, for the reason in `why`; for others nothing. */
void hsm_key_leave_out(struct hsm_key *member, const struct failure *why);

/** Whether `key` stands for the keys of an HA group. */
bool hsm_key_is_group(const struct hsm_key *key);

/** Whether `key` still stands for what it was found as: false once another key took its place. */
bool hsm_key_current(const struct hsm_key *key);

/**
 * Records that the key was judged in a connection of its token (0: in the one of now) and may be
 * used; and whether that was recorded for the connection that is up.
 */
void hsm_key_accept(struct hsm_key *key, unsigned long connection);
bool hsm_key_accepted(const struct hsm_key *key);

/** Whole blocks for the HSM: a block that waited in the caller's context, then the caller's data.
 */
struct hsm_data {
    const unsigned char *head; /**< HSM_BLOCK bytes that go first, or NULL */
    const unsigned char *in;   /**< `size` bytes; may overlap `out` */
    size_t size;               /**< a multiple of HSM_BLOCK, may be 0 */
    unsigned char *out;        /**< room for `size` bytes and those of `head` */
};

/**
 * AES-256-ECB over `data` in the HSM (NIST SP 800-38A, 6.1).
 * @return false, with the reason in `why`; what had been written to `out` is wiped then
 */
bool hsm_ecb(struct hsm_key *key, bool encrypt, const struct hsm_data *data, struct failure *why);

/** AES-256-CBC (6.2).  `chain`: the IV or last ciphertext block; brought forward on success only.
 */
bool hsm_cbc(struct hsm_key *key, bool encrypt, unsigned char chain[HSM_BLOCK],
             const struct hsm_data *data, struct failure *why);

/**
 * AES-256-CTR (6.5) over `size` bytes, any number of them, from a block boundary.  `counter` (128
 * bits, wraps) is brought forward past the last block that was begun; `stream` gets that block's
 * key stream if `size` is no multiple of HSM_BLOCK.  Both change on success only.
 */
bool hsm_ctr(struct hsm_key *key, bool encrypt, unsigned char counter[HSM_BLOCK],
             unsigned char stream[HSM_BLOCK], const unsigned char *in, unsigned char *out,
             size_t size, struct failure *why);

/** Modes that some modules have as a mechanism of their own; with others they are done over ECB. */
enum hsm_mode {
    HSM_NO_MODE, /**< another one */
    HSM_CFB128,  /**< NIST SP 800-38A, 6.3 */
    HSM_CFB8,
    HSM_CFB1,
    HSM_OFB, /**< 6.4 */
    HSM_KW,  /**< RFC 3394 */
    HSM_KWP, /**< RFC 5649 */
    HSM_MODES,
};

/** A mechanism that a mode may be done with, and what is known of it. */
struct hsm_native {
    enum hsm_trust {
        HSM_TRUST_NOT,      /**< there is none: the mode is to be done over ECB */
        HSM_TRUST_UNPROVEN, /**< what it does is to be compared with ECB, and told by judge() */
        HSM_TRUST_PROVEN,   /**< on this token it did what ECB does */
    } trust;
    struct hsm_key *member; /**< whose mechanism it is: of an HA group one of its keys */
    bool encrypt, own_iv;
    bool alone;       /**< the key refuses ECB, as was learnt */
    unsigned int way; /**< which mechanism: the room's own number */
};

/**
 * The mechanism for `mode`, in the direction of `encrypt`, with an IV that is the standard's own or
 * not (CFB, OFB: false).  Asks the module at the first time.
 */
void hsm_native_find(struct hsm_key *key, enum hsm_mode mode, bool encrypt, bool own_iv,
                     struct hsm_native *native);

/**
 * Tells what was seen of a mechanism: that it did as it should, or that it did not, or failed where
 * ECB went well; then it is not used on this token any more.  A proof that was made without ECB
 * (`alone`) counts for this key only.
 */
void hsm_native_judge(const struct hsm_native *native, bool right);

/** What became of a call of such a mechanism. */
enum hsm_native_answer {
    HSM_NATIVE_DONE,
    HSM_NATIVE_REFUSED, /**< unwrapping: the data are not genuine, says the module */
    HSM_NATIVE_UNFIT,   /**< the mechanism failed, with the reason in `why` */
    HSM_NATIVE_FAILED,  /**< the HSM failed, with the reason in `why` */
};

/** Data for HSM_KW or HSM_KWP, wrapped or unwrapped as a whole. */
struct hsm_wrap {
    const unsigned char *iv; /**< NULL: the standard's own */
    size_t iv_size;
    const unsigned char *in; /**< may overlap what is written */
    size_t size;
    unsigned char *out; /**< room as the standard has it: hsm_wrap_most() */
};

/** The most that comes out of `size` bytes: when wrapping, what does come out. */
size_t hsm_wrap_most(bool encrypt, size_t size);

/**
 * Wraps or unwraps `data` by `native`, with the key that it was found for.  `*written`: what came
 * out; nothing is given out unless HSM_NATIVE_DONE.
 */
enum hsm_native_answer hsm_wrap(const struct hsm_native *native, const struct hsm_wrap *data,
                                size_t *written, struct failure *why);

/**
 * CFB or OFB by `native` over `data`, which has no head.  `*done`: bytes that were done; `shift`,
 * the shift register, is brought forward past them.  Also when it fails: then what was done stays,
 * and nothing of the rest was written.
 */
enum hsm_native_answer hsm_feedback(const struct hsm_native *native, unsigned char shift[HSM_BLOCK],
                                    const struct hsm_data *data, size_t *done, struct failure *why);

/** What became of an authenticated message. */
enum hsm_answer {
    HSM_DONE,
    HSM_WRONG_TAG, /* or, of a module that does not tell, anything that looks like it */
    HSM_FAILED,    /* with the reason in `why` */
};

/** A message for AES-256-GCM (NIST SP 800-38D). */
struct hsm_gcm {
    const unsigned char *iv;
    size_t iv_size;
    const unsigned char *aad; /* NULL if there is none */
    size_t aad_size;
    const unsigned char *in; /* NULL if there is none */
    size_t size;
    unsigned char *own_iv;    /* encryption: takes the IV of a module that puts its own, as long as
                                 `iv`, and may be `iv`; NULL: that is an error */
    const unsigned char *tag; /* decryption: what the tag must be */
    size_t tag_size;
};

/**
 * A whole message, in the HSM.  `out` gets data->size bytes and may be data->in, or NULL for a
 * decryption that only checks; encryption puts HSM_BLOCK bytes of tag to `tag`.  Unless HSM_DONE,
 * nothing is given out.
 */
enum hsm_answer hsm_gcm_once(struct hsm_key *key, bool encrypt, const struct hsm_gcm *data,
                             unsigned char *out, unsigned char tag[HSM_BLOCK], struct failure *why);

/** An encryption with AES-256-GCM that goes on in a session of its own. */
struct hsm_stream;

/** Whether the token streams GCM, as far as is known. */
bool hsm_stream_possible(const struct hsm_key *key);

/**
 * Begins a stream with iv and aad of `data`.  At most half of the token's sessions are held so.
 * @return NULL, with the reason in `why`; else to be given to hsm_stream_finish() or _drop()
 */
struct hsm_stream *hsm_stream_begin(struct hsm_key *key, const struct hsm_gcm *data,
                                    struct failure *why);

/** Encrypts `size` bytes; `out` may be `in`.  After false only hsm_stream_drop() is left. */
bool hsm_stream_update(struct hsm_stream *stream, const unsigned char *in, unsigned char *out,
                       size_t size, struct failure *why);

/** Ends the message with its tag. @return true: `stream` is gone; false: hsm_stream_drop() is due
 */
bool hsm_stream_finish(struct hsm_stream *stream, unsigned char tag[HSM_BLOCK],
                       struct failure *why);

/** Gives a stream up; its tag is never asked for. */
void hsm_stream_drop(struct hsm_stream *stream);

/** `size` random bytes from the token of `key` (C_GenerateRandom). */
bool hsm_key_random(struct hsm_key *key, unsigned char *bytes, size_t size, struct failure *why);

/** Message authentication codes: CMAC with keys of HSM_AES, HMAC with those of HSM_SECRET. */
enum hsm_mac {
    HSM_CMAC, /**< NIST SP 800-38B */
    HSM_HMAC_SHA1,
    HSM_HMAC_SHA224,
    HSM_HMAC_SHA256,
    HSM_HMAC_SHA384,
    HSM_HMAC_SHA512,
    HSM_MACS,
};

/** The size of a whole MAC, in bytes; at most HSM_MAC_MOST. */
size_t hsm_mac_size(enum hsm_mac kind);

/** The MAC of `size` bytes of `data`, to `mac`.  @return false, with the reason in `why` */
bool hsm_mac(struct hsm_key *key, enum hsm_mac kind, const unsigned char *data, size_t size,
             unsigned char *mac, struct failure *why);

/** A MAC on its way through a session of its own: its state is in the HSM alone. */
struct hsm_mac_stream;

/**
 * Begins a MAC whose data start with `size` bytes of `data`.  At most half of the token's sessions
 * are kept so.
 * @return NULL, with the reason in `why`; else to be given to hsm_mac_stream_free()
 */
struct hsm_mac_stream *hsm_mac_begin(struct hsm_key *key, enum hsm_mac kind,
                                     const unsigned char *data, size_t size, struct failure *why);

/** More data.  After false the MAC is lost. */
bool hsm_mac_update(struct hsm_mac_stream *stream, const unsigned char *data, size_t size,
                    struct failure *why);

/** The MAC; the stream can take no more.  @return false, with the reason in `why` */
bool hsm_mac_final(struct hsm_mac_stream *stream, unsigned char *mac, struct failure *why);

/** Ends a stream at whatever point; NULL is fine. */
void hsm_mac_stream_free(struct hsm_mac_stream *stream);

/** `size` random bytes from the configured token.  @return false, with the reason in `why` */
bool hsm_random(struct hsm *hsm, unsigned char *bytes, size_t size, struct failure *why);

/**
 * Whether this thread is inside a call into a PKCS#11 module at this moment.  A module that
 * computes through OpenSSL (SoftHSM) then calls us with keys of its own, which go to software.
 */
bool hsm_inside_module(void);

#endif
