/*
 * The oracle's pair: a block and what a key of the HSM makes of it, asked of the HSM as an
 * application would ask: through OpenSSL, its configuration and the provider hsmzke.  The key stays
 * where it is.
 */
#ifndef MEMSCAN_PAIR_H
#define MEMSCAN_PAIR_H

#include <stdbool.h>

#include "../../../provider/failure.h"

struct pair {
    unsigned char plain[16];  /**< random: 12 bytes and 00000002, so that GCM can be asked for it */
    unsigned char cipher[16]; /**< E_K(plain) by AES-256 */
    char mechanism[48];       /**< "AES-256-ECB"; for reports */
};

/**
 * Asks for the pair of a reference ("hsmzke:gold"), in a child process: the PKCS#11 module is not
 * loaded here, and a module that computes by itself leaves no key here.  ECB, CBC, CTR and GCM are
 * tried, then (for keys that may only decrypt) CTR, ECB and CBC the other way, until the key allows
 * one.  A key that allows decryption in ECB or CBC only has a random ciphertext, and a `plain` that
 * is what the HSM makes of it.
 * @return false, with the reason in `why`
 */
bool pair_ask(struct pair *pair, const char *reference, struct failure *why);

#endif
