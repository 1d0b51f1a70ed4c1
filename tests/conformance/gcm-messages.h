/*
 * Random AES-256-GCM messages, to be encrypted or decrypted, and some of those forged.
 */
#ifndef HSMZKE_GCM_MESSAGES_H
#define HSMZKE_GCM_MESSAGES_H

#include "testing.h"

enum { LONGEST = 200000, AAD_MOST = 3000, IV_MOST = 128 };

struct message_of {
    size_t key;
    bool encrypt, forged, evp_cipher, in_place, single, tag_first;
    unsigned char iv[IV_MOST], tag[16], aad[AAD_MOST];
    size_t iv_size, tag_size, aad_size, size;
    unsigned char *in; /* LONGEST */
};

/**
 * Draws all of `message` but its key, which default's `cipher` takes as `key`.
 * @param one_update: the key serves GCM only, so there can be no more
 */
void gcm_message_draw(struct message_of *message, struct prng *prng, const EVP_CIPHER *cipher,
                      const unsigned char key[32], bool one_update);

#endif
