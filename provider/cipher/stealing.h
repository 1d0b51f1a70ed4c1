/*
 * CBC with ciphertext stealing (NIST SP 800-38A, addendum: CS1, CS2, CS3), over CBC.  Part of the
 * state machine (machine.h), and pure like it.
 */
#ifndef HSMZKE_CIPHER_STEALING_H
#define HSMZKE_CIPHER_STEALING_H

#include "cipher/machine-state.h"

/**
 * machine_update() for this mode: `in` is a whole message, of 16 bytes or more, and there is one
 * for each machine_init().  `out` NULL: `*written` is the room that is needed.
 */
enum machine_result stealing_update(struct machine *machine, const struct machine_engine *engine,
                                    unsigned char *out, size_t *written, size_t room,
                                    const unsigned char *in, size_t size);

#endif
