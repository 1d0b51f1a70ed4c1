/*
 * Which key a reference means to one instance: aliases, pins of identity, and a cache of keys
 * found.
 */
#ifndef HSMZKE_KEYRING_H
#define HSMZKE_KEYRING_H

#include "failure.h"
#include "pkcs11/hsm.h"

struct instance;

enum {
    KEYRING_BUCKETS = 64,
};

/** Guarded by instance_lock(). */
struct keyring {
    struct keyring_entry *buckets[KEYRING_BUCKETS];
};

/**
 * The key for the `size` bytes at `bytes`, which begin as a reference does.  The first time, this
 * connects to the HSM and looks for the key.
 * @return NULL, with the reason in `why`; else a key to be given to hsm_key_free()
 */
struct hsm_key *keyring_get(struct instance *instance, const unsigned char *bytes, size_t size,
                            struct failure *why);

/** Frees all entries. */
void keyring_clear(struct keyring *keyring);

#endif
