/*
 * Sealed messages, as `openssl pkeyutl -encrypt` makes them: the form.  Pure.
 *
 *     bytes   0 to  7   "HSMZKE" CR LF
 *             8         version: 1
 *             9         algorithm: 1, AES-256-GCM with an IV of 12 bytes and a tag of 16
 *            10         kind of the key's identity: 0 unknown, 1 `aes`, 2 `cmac`
 *            11         0
 *            12 to 19   the key's identity, or zeros
 *            20 to 31   the IV
 *            32 to ...  the ciphertext, as long as the message
 *     the last 16       the tag
 *
 * The first 20 bytes are the AAD.  The identity says which version of a key a message needs; it is
 * no secret, and not the key's reference, which should stay one.
 */
#ifndef HSMZKE_PKEY_SEAL_H
#define HSMZKE_PKEY_SEAL_H

#include "failure.h"

#include <stddef.h>

enum {
    /* The largest message, in bytes. */
    SEAL_MOST = 128 * 1024 * 1024,
    /*
     * What EVP_PKEY_get_size() says: `openssl pkeyutl` reads ten times as much at most, and cuts
     * what is longer off without a word.  Ten times this is more than SEAL_MOST, so that such a
     * file is refused.
     */
    SEAL_ANNOUNCED = 16 * 1024 * 1024,
    SEAL_AAD = 20,
    SEAL_IV = 12,
    SEAL_TAG = 16,
    SEAL_HEADER = SEAL_AAD + SEAL_IV,
    SEAL_MORE = SEAL_HEADER + SEAL_TAG, /* how much longer a sealed message is */
};

/** Writes the first SEAL_AAD bytes, for a key of this identity ("aes:HEX"; "unknown"). */
void seal_write(unsigned char header[SEAL_AAD], const char *identity);

/**
 * Whether `size` bytes at `sealed` can be a sealed message for a key of this identity.
 * @return false, with the reason in `why`
 */
bool seal_check(const unsigned char *sealed, size_t size, const char *identity,
                struct failure *why);

#endif
