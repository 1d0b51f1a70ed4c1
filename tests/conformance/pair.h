/*
 * Two cipher contexts that are given the same calls: ours with a reference, default's with the key
 * that the reference names.  Every call must return the same and write the same.
 */
#ifndef HSMZKE_TESTING_PAIR_H
#define HSMZKE_TESTING_PAIR_H

#include "testing.h"

struct pair_key {
    const char *name;
    unsigned char reference[32], bytes[32];
};

struct pair {
    EVP_CIPHER *our_cipher, *their_cipher; /* borrowed */
    EVP_CIPHER_CTX *ours, *theirs;
    const struct pair_key *key;
    unsigned char iv[16];
    bool has_iv, encrypt, chained; /* chained: ECB and CBC's key schedules have a direction */
};

void pair_open(struct pair *pair);
void pair_copy(struct pair *to, const struct pair *from);
void pair_close(struct pair *pair);

/* What a call of pair_init gives; PAIR_NEITHER leaves the direction (-1). */
enum {
    PAIR_CIPHER = 1,
    PAIR_KEY = 2,
    PAIR_IV = 4,
    PAIR_DIRECTION = 8,
    PAIR_ALL = 15,
};
/** EVP_CipherInit_ex2 on both; takes key, IV and direction from the pair. */
void pair_init(struct pair *pair, unsigned what);
/** pair->encrypt changes, the key is not given again. */
void pair_turn(struct pair *pair);
/** The parts in the order: cipher, key, IV, and the direction only at the end. */
void pair_init_direction_last(struct pair *pair);
void pair_set_padding(struct pair *pair, int padding);
int pair_padding(const struct pair *pair);
/** IV, updated IV, num and the like are the same on both. */
void pair_compare_parameters(const struct pair *pair);

/** The data of one message on its way through a pair. */
struct stream {
    struct pair *pair;
    unsigned char *in, *ours, *theirs; /* in is NULL in place: both buffers hold the input */
    size_t size, room, consumed, produced;
    bool finished, failed;
};
void stream_open(struct stream *stream, struct pair *pair, const unsigned char *in, size_t size,
                 bool in_place);
/** The same point of the same message, on a copy of the pair. */
void stream_copy(struct stream *to, const struct stream *from, struct pair *pair);
void stream_update(struct stream *stream, size_t size);
void stream_evp_cipher(struct stream *stream, size_t size);
void stream_final(struct stream *stream);
void stream_close(struct stream *stream);

#endif
