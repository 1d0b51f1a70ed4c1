/*
 * Which key a reference means to one instance of the provider: aliases, pins of identity, and a
 * cache of keys found.
 */
#ifndef HSMZKE_KEYRING_H
#define HSMZKE_KEYRING_H

#include "config.h"
#include "failure.h"
#include "pkcs11/hsm.h"

enum {
    KEYRING_BUCKETS = 64,
};

struct keyring {
    const struct config *config; /* aliases and pins; constant */
    struct hsm *hsm;             /* constant */
    /* Guarded by lock_take(). */
    struct keyring_entry *buckets[KEYRING_BUCKETS];
};

/**
 * The key of `family` for the `size` bytes at `bytes`, which begin as a reference does, to be shown
 * or judged.  The first time, this connects to the HSM and looks for the key.
 * @return NULL, with the reason in `why`; else a key to be given to hsm_key_free()
 */
struct hsm_key *keyring_find(struct keyring *keyring, enum hsm_family family,
                             const unsigned char *bytes, size_t size, struct failure *why);

/** The same, to be used: `key-policy` accepts it. */
struct hsm_key *keyring_get(struct keyring *keyring, enum hsm_family family,
                            const unsigned char *bytes, size_t size, struct failure *why);

/** Whether `key-policy` accepts a key, however it was found: to be asked before it is used. */
bool keyring_allows(struct keyring *keyring, struct hsm_key *key, struct failure *why);

/**
 * The same, without a word to the audit log; `name`: the one that the key was reached by, or NULL.
 * Of an HA group each key is judged, and at least one is accepted.
 */
bool keyring_judges(struct keyring *keyring, const char *name, struct hsm_key *key,
                    struct failure *why);

/**
 * Whether a key that was found by other means than a reference (listed, generated) may be used:
 * pins bind it as well.
 */
bool keyring_accepts(const struct keyring *keyring, const struct hsm_key *key, struct failure *why);

/** The same for hsm_query's `fits`; `keyring` is its argument. */
bool keyring_fits(void *keyring, const struct hsm_key *key, struct failure *why);

/**
 * The identity that is pinned for a key, by its names or by `name`, the one that it was reached by
 * (NULL: it was not): of several pins one that it does not fit, if there is such a one.
 * @return NULL: there is no pin
 */
const char *keyring_pin(const struct keyring *keyring, const char *name, const struct hsm_key *key);

/** Frees all entries. */
void keyring_clear(struct keyring *keyring);

#endif
