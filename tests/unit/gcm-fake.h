/*
 * An engine under struct gcm_machine for its tests: AES-256-GCM and CTR by OpenSSL's default
 * provider, which records what it is asked, and like an HSM cannot do everything or fails.
 */
#ifndef HSMZKE_UNIT_GCM_FAKE_H
#define HSMZKE_UNIT_GCM_FAKE_H

#include "cipher/gcm-machine.h"

/** What the fake HSM can and what it was asked. */
struct fake {
    bool streams;        /* GCM in several updates */
    bool no_ctr;         /* the key may not be used for CTR */
    bool differs;        /* a stream's output is not that of the whole message */
    unsigned calls;      /* so far, of all that can fail */
    unsigned fail_at;    /* the call that fails, the first being 1; 0: none */
    unsigned fail_until; /* and all up to this one */
    unsigned encrypted, decrypted, counted, begun, updated, finished, dropped;
    unsigned open;   /* streams */
    unsigned memory; /* pieces that were not put back */
};

enum { RIG_MOST = 70000 * 3, RIG_BLANK = 0xb1 };

struct gcm_rig {
    struct fake fake;
    struct gcm_limits limits;
    struct gcm_engine engine;
    struct gcm_machine machine;
};

extern const unsigned char gcm_iv[12];

/** A new machine without a key. */
void gcm_rig_open(struct gcm_rig *rig);
/** The same with a key and gcm_iv. */
void gcm_rig_ready(struct gcm_rig *rig, bool encrypt);
/** Frees the machine; nothing of the fake may be open then. */
void gcm_rig_close(struct gcm_rig *rig);

/** What software makes of a message under gcm_iv. */
void gcm_software(const unsigned char *aad, size_t aad_size, const unsigned char *in, size_t size,
                  unsigned char *out, unsigned char tag[HSM_BLOCK]);

#endif
