/* CKM_AES_GCM with its parameter: what messages at once, streams and identities share. */
#ifndef HSMZKE_PKCS11_GCM_MECHANISM_H
#define HSMZKE_PKCS11_GCM_MECHANISM_H

#include "pkcs11/cryptoki.h"
#include "pkcs11/hsm.h"

/** The mechanism with its parameter, whose IV the module can write to. */
struct gcm_mechanism {
    CK_MECHANISM mechanism;
    CK_GCM_PARAMS params;
    unsigned char iv[128];
};

/** Fills in `mechanism`, which must stay where it is, for iv and aad of `data`. */
void gcm_mechanism(struct gcm_mechanism *mechanism, const struct hsm_gcm *data, size_t tag_size);

/** Whether the module left the IV as it was. */
bool gcm_iv_kept(const struct gcm_mechanism *mechanism, const struct hsm_gcm *data);

#endif
