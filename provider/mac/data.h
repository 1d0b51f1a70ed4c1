/*
 * The data of one MAC and its key.  What becomes of them is a mac_work's: CMAC and HMAC are
 * signatures (signing.c), GMAC is an encryption with AES-GCM (gmac-data.c).  Data are kept, so that
 * the HSM is asked once, at the end: a copy is exact and a lost session costs nothing.  Knows
 * nothing of EVP.
 */
#ifndef HSMZKE_MAC_DATA_H
#define HSMZKE_MAC_DATA_H

#include "pkcs11/hsm.h"

enum {
    MAC_IV_MOST = 128, /* bytes */
};

struct mac_work;

struct mac_data {
    const struct mac_work *work; /* constant */
    size_t most;                 /* constant: bytes that are kept at most */
    struct hsm_key *key;         /* owned; NULL: there is none */
    enum hsm_mac kind;           /* signing only */
    unsigned char *bytes;        /* `size` of `room` in use: what the HSM has not got yet */
    size_t size, room;
    struct hsm_mac_stream *stream; /* signing only; NULL: `bytes` is all */
    unsigned char iv[MAC_IV_MOST]; /* GMAC only */
    size_t iv_size;                /* 0: none was set */
    enum {
        MAC_OPEN,
        MAC_FINISHED, /* the MAC was given out; GMAC: the IV has served */
        MAC_LOST,     /* data that are not kept are lost with their session */
    } state;
};

/** How the HSM makes one kind of MAC. */
struct mac_work {
    /** The size of the MAC, in bytes; at most HSM_MAC_MOST. */
    size_t (*size)(const struct mac_data *data);
    /** Whether the HSM lets `key` do it. */
    bool (*may)(const struct hsm_key *key, struct failure *why);
    /** The key goes: sets the state in which the next one begins. */
    void (*rekey)(struct mac_data *data);
    /** More data. */
    bool (*update)(struct mac_data *data, const unsigned char *in, size_t size,
                   struct failure *why);
    /** The MAC, whose session can have been lost before. */
    bool (*final)(struct mac_data *data, unsigned char *mac, struct failure *why);
};

/** CMAC and HMAC: up to `most` bytes are kept, more go through a session of their own. */
extern const struct mac_work mac_signing;

/** GMAC: all data are kept, for AAD cannot be given to a module in pieces. */
extern const struct mac_work mac_encrypting;

/** Makes `data` ready for use, without a key. */
void mac_data_new(struct mac_data *data, const struct mac_work *work, size_t most);

/** A new MAC with `key`, which is taken over; the key of before is dropped. */
void mac_data_key(struct mac_data *data, struct hsm_key *key, enum hsm_mac kind);

/** The key is gone, with the data. */
void mac_data_drop_key(struct mac_data *data);

/** A new MAC with the same key. */
void mac_data_restart(struct mac_data *data);

/** A new MAC under this IV, of at most MAC_IV_MOST bytes; none of them: the IV is forgotten. */
void mac_data_iv(struct mac_data *data, const unsigned char *iv, size_t size);

/** Keeps more data.  @return false: out of memory, and nothing has changed */
bool mac_data_keep(struct mac_data *data, const unsigned char *in, size_t size,
                   struct failure *why);

/** Wipes the data that are kept. */
void mac_data_wipe(struct mac_data *data);

/** Makes `to`, which is not in use, a copy.  @return false: not possible (any more) */
bool mac_data_copy(struct mac_data *to, const struct mac_data *from, struct failure *why);

/** Gives back all that it has. */
void mac_data_free(struct mac_data *data);

#endif
