/* AES-256-GCM, what the two files of the state machine share: see gcm-machine.h. */
#ifndef HSMZKE_CIPHER_GCM_DATA_H
#define HSMZKE_CIPHER_GCM_DATA_H

#include "cipher/gcm-machine.h"

/** Makes an IV for an encryption that was given none; an error for a decryption. */
enum gcm_result gcm_need_iv(struct gcm_machine *machine, const struct gcm_engine *engine);

/** Appends to `bytes`, which may grow to `most`. @return false, nothing appended, beyond that */
bool gcm_append(struct gcm_bytes *bytes, const unsigned char *data, size_t size, size_t most);

#endif
