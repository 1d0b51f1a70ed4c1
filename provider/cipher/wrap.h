/*
 * AES key wrap (RFC 3394; with padding RFC 5649) over single blocks, in whichever direction of AES
 * the engine takes for encryption.  Part of the state machine (machine.h), and pure like it.
 */
#ifndef HSMZKE_CIPHER_WRAP_H
#define HSMZKE_CIPHER_WRAP_H

#include "cipher/machine-state.h"

/**
 * machine_update() for key wrap: wraps or unwraps `in` as a whole.  `out` NULL: `*written` is the
 * room that is needed.  As in the default provider, a wrapping with padding writes up to 15 bytes
 * more than `size`, of which `room` (an EVP function's guess) does not know.
 */
enum machine_result wrap_update(const struct machine *machine, const struct machine_engine *engine,
                                unsigned char *out, size_t *written, size_t room,
                                const unsigned char *in, size_t size);

#endif
