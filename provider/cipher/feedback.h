/*
 * Modes that feed back into the block cipher what came out of it: CFB with 128, 8 and 1 bits, and
 * OFB (NIST SP 800-38A, 6.3 and 6.4), over AES blocks in its encrypting direction.  Part of the
 * state machine (machine.h), and pure like it.
 */
#ifndef HSMZKE_CIPHER_FEEDBACK_H
#define HSMZKE_CIPHER_FEEDBACK_H

#include "cipher/machine-state.h"

/**
 * machine_update() for these modes.  Each piece of up to 4 KiB is written to `out` when all of it
 * is done; when a later one fails, what was written is wiped, and the machine is as it was.
 */
enum machine_result feedback_update(struct machine *machine, const struct machine_engine *engine,
                                    unsigned char *out, size_t *written, size_t room,
                                    const unsigned char *in, size_t size);

#endif
