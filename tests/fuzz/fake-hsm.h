/*
 * A PKCS#11 module for fuzz targets, in the place of one that is loaded: the provider's own code
 * above C_ functions runs as it is.  It is honest, computing in software, until it is given the
 * fuzzer's bytes: then they say where it fails or lies.  Everything is as at the start of a process
 * after fake_reset(), so that a finding needs no more than its own input.
 */
#ifndef HSMZKE_FUZZ_FAKE_HSM_H
#define HSMZKE_FUZZ_FAKE_HSM_H

#include "fuzz.h"
#include "pkcs11/key.h"

/** What it can, and what was seen. */
struct fake_hsm {
    struct input *script; /* where it fails or lies; NULL: nowhere */
    bool no_streams;      /* GCM gives nothing before its end */
    bool no_ecb;          /* the keys may not be used for ECB, */
    bool no_ctr;          /* for CTR */
    bool natives;         /* key wrap, CFB and OFB by mechanisms of its own */
    bool buffers;         /* updates hold the last block back */
    bool strange;         /* nobody is logged in before C_Login */
    bool broken;          /* every call fails */
    bool lied;            /* it gave wrong data of the right form: nobody can know */
    unsigned long calls;
};
extern struct fake_hsm fake;

/** The keys on its token. */
enum fake_handle { FAKE_GOLD = 1, FAKE_SILVER, FAKE_SECRET, FAKE_SHORT, FAKE_MASTER, FAKE_MADE };
extern const unsigned char fake_gold[32], fake_silver[32], fake_secret[20];
#define FAKE_GOLD_ID "\xcb\x82\x9c\xb5\xd7\x05\x46\xc1\x94\x36\x75\x53\xae\xe0\x67\xaf\x18\xb1"

/** Sets up for the first time, or again as it was at first. */
void fake_reset(void);

/** What it would learn of `key` is forgotten, too: for keys that outlive a run. */
void fake_reset_key(struct hsm_key *key);

/** An HSM with this module; no settings but one session too few for all that a target does. */
struct hsm *fake_open(void);

#endif
