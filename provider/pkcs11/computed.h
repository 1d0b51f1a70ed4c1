/*
 * Whether a module computed at all.  One that says CKR_OK and writes nothing, or gives back what
 * went in, would have the program take plaintext for ciphertext.  A block of AES does not come out
 * as it went in but once in 2^128 times.
 */
#ifndef HSMZKE_PKCS11_COMPUTED_H
#define HSMZKE_PKCS11_COMPUTED_H

#include <stdbool.h>
#include <stddef.h>

#include "pkcs11/hsm.h"

/** What must not come out: of the data's first and last whole block. */
struct computed {
    unsigned char first[HSM_BLOCK], last[HSM_BLOCK];
};

/**
 * Before the call: remembers `in`, and changes the same bytes of `out`, if it is another place, so
 * that they tell whether they were written.  Fewer bytes than a block tell nothing.
 */
void computed_prepare(struct computed *computed, const unsigned char *in, unsigned char *out,
                      size_t size);

/** After the call. @return false if a block of `out` is as it went in or as it was prepared */
bool computed_check(struct computed *computed, const unsigned char *out, size_t size);

/** Whether any of `size` bytes is not 0: for what was filled with 0 before, a MAC. */
bool computed_something(const unsigned char *out, size_t size);

#endif
