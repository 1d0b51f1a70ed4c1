/*
 * Key wrap by a mechanism of the HSM's own, which is trusted as far as it was seen to do what ECB
 * does.  Part of the state machine (machine.h), and pure like it.
 */
#ifndef HSMZKE_CIPHER_NATIVE_H
#define HSMZKE_CIPHER_NATIVE_H

#include "cipher/machine-state.h"

enum {
    NATIVE_TRIAL_MOST = 1024, /**< a mechanism is tried on data of up to this size, in bytes */
};

/** Wraps, or unwraps, all of `in` over the engine's blocks(). */
typedef enum machine_result native_over_blocks_fn(const struct machine *machine,
                                                  const struct machine_engine *engine,
                                                  unsigned char *out, size_t *written,
                                                  const unsigned char *in, size_t size);

/**
 * The same result by the HSM's mechanism if there is one that can be trusted, else over blocks.
 * `own_iv`: the IV is another one than the standard's.
 */
enum machine_result native_wrap(const struct machine *machine, const struct machine_engine *engine,
                                bool own_iv, native_over_blocks_fn *over_blocks, unsigned char *out,
                                size_t *written, const unsigned char *in, size_t size);

#endif
