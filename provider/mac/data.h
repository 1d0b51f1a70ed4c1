/*
 * The data of one MAC on their way to the HSM.  They are kept, so that the HSM is asked once, at
 * the end: a copy is exact and a lost session costs nothing.  Beyond MAC_KEPT they go through a
 * session of their own, and both have an end.  Knows nothing of EVP.
 */
#ifndef HSMZKE_MAC_DATA_H
#define HSMZKE_MAC_DATA_H

#include "pkcs11/hsm.h"

enum {
    MAC_KEPT = 1024 * 1024, /* bytes that are kept at most */
};

/** All zero: nothing of it is in use. */
struct mac_data {
    struct hsm_key *key; /* owned; NULL: there is none */
    enum hsm_mac kind;
    unsigned char *bytes; /* `size` of `room` in use: what the HSM has not got yet */
    size_t size, room;
    struct hsm_mac_stream *stream; /* NULL: `bytes` is all */
    enum {
        MAC_OPEN,
        MAC_FINISHED, /* the MAC was given out */
        MAC_LOST,     /* data that are not kept are lost with their session */
    } state;
};

/** A new MAC with `key`, which is taken over; what was before is cleared. */
void mac_data_key(struct mac_data *data, struct hsm_key *key, enum hsm_mac kind);

/** A new MAC with the same key. */
void mac_data_restart(struct mac_data *data);

/** More data.  @return false, with the reason in `why` */
bool mac_data_update(struct mac_data *data, const unsigned char *in, size_t size,
                     struct failure *why);

/** Writes hsm_mac_size() bytes. @return false, with the reason in `why`; it can be tried again */
bool mac_data_final(struct mac_data *data, unsigned char *mac, struct failure *why);

/** Makes `to`, which is not in use, a copy.  @return false: not possible (any more) */
bool mac_data_copy(struct mac_data *to, const struct mac_data *from, struct failure *why);

/** Gives back all that it has; it is all zero then. */
void mac_data_clear(struct mac_data *data);

#endif
