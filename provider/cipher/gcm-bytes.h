/* Bytes that a GCM message keeps: AAD, and ciphertext so far. */
#ifndef HSMZKE_CIPHER_GCM_BYTES_H
#define HSMZKE_CIPHER_GCM_BYTES_H

#include <stdbool.h>
#include <stddef.h>

/** Bytes that are kept; neither plaintext nor secret. */
struct gcm_bytes {
    unsigned char *data;
    size_t size, room;
};

/** Appends to `bytes`, which may grow to `most`. @return false, nothing appended, beyond that */
bool gcm_bytes_append(struct gcm_bytes *bytes, const unsigned char *data, size_t size, size_t most);

/** Makes `copy`, which has nothing, the same.  @return false: out of memory */
bool gcm_bytes_copy(struct gcm_bytes *copy, const struct gcm_bytes *bytes);

/** Nothing is kept any more; a little room is. */
void gcm_bytes_empty(struct gcm_bytes *bytes);

/** Gives the room back, too. */
void gcm_bytes_clear(struct gcm_bytes *bytes);

#endif
