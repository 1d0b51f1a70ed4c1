/*
 * What the tests of MACs in the HSM share: the keys on their token, data, and a MAC to compare
 * with.
 */
#ifndef HSMZKE_MACS_H
#define HSMZKE_MACS_H

#include "testing.h"

#define SECRET GOLD_KEY SILVER_KEY

enum { LARGE = 3 * 1024 * 1024 + 5, IV = 12 };

/** GMAC's IV where one is as good as another. */
extern const unsigned char mac_iv[IV];

/** LARGE bytes of data. */
extern unsigned char *large;

/** The standard token with more keys, and the data. */
void mac_setup(void);
/** The MAC of `size` bytes of the data under the key itself, from default. */
void mac_expect(const char *mac, size_t size, struct mac_message *message);
/** Whether a context's MAC is the one expected. */
bool mac_agrees(EVP_MAC_CTX *ctx, const struct mac_message *expected);
/** A context with a reference as its key, given without its NULs; for GMAC with mac_iv, too. */
EVP_MAC_CTX *mac_keyed(OSSL_LIB_CTX *context, const char *mac, const char *name);
/** A key works, after all that went wrong. */
void mac_works(OSSL_LIB_CTX *context, const char *mac, const char *name, size_t size);
/** `openssl mac` on 100000 bytes of the data, with these arguments through the gateway, and with
 * those with default on the key itself: the same output. */
void mac_commands_agree(const char *config, const char *ours, const char *theirs);

#endif
