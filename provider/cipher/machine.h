/*
 * The state machine under the ciphers: what EVP's events do to IV, partial block and position, and
 * which whole blocks go to the HSM when.  Pure: it computes nothing with a key, and a test drives
 * it without a token.  It follows the default provider's ciphers
 * (providers/implementations/ciphers) event for event.
 */
#ifndef HSMZKE_CIPHER_MACHINE_H
#define HSMZKE_CIPHER_MACHINE_H

#include "cipher/machine-state.h"

/** A new context: padding on, no IV. */
void machine_new(struct machine *machine, enum machine_kind kind);

/**
 * EVP_CipherInit: a new message.  `iv` NULL: CBC, CTS, CFB and OFB start again from the
 * original IV, CTR goes on.
 */
void machine_init(struct machine *machine, bool encrypt, const unsigned char *iv);

/** Whether an init without an IV begins again with the one that was given; else it goes on. */
bool machine_begins_again(const struct machine *machine);

/**
 * Sets OSSL_CIPHER_PARAM_NUM: for CTR only 0, which leaves the rest of a begun block unused; for
 * CFB and OFB a place in a block.
 */
enum machine_result machine_set_num(struct machine *machine, unsigned int num);

/** EVP_CipherUpdate. `*written`: bytes put to `out`, of `room`; 0 unless MACHINE_DONE. */
enum machine_result machine_update(struct machine *machine, const struct machine_engine *engine,
                                   unsigned char *out, size_t *written, size_t room,
                                   const unsigned char *in, size_t size);

/**
 * How many bytes an update (else machine_at_once()) of `size` bytes puts out if all is well.  For
 * key wrap, whose output has another size, 0.
 */
size_t machine_output(const struct machine *machine, bool update, size_t size);

/** EVP_CipherFinal. */
enum machine_result machine_final(struct machine *machine, const struct machine_engine *engine,
                                  unsigned char *out, size_t *written, size_t room);

/** EVP_Cipher(): whole blocks at once, past padding and what waits. */
enum machine_result machine_at_once(struct machine *machine, const struct machine_engine *engine,
                                    unsigned char *out, size_t *written, size_t room,
                                    const unsigned char *in, size_t size);

/** Forgets all data and the IV. */
void machine_wipe(struct machine *machine);

#endif
