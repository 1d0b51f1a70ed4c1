/* CKM_AES_GCM with its parameter: see gcm-mechanism.h. */
#include "pkcs11/gcm-mechanism.h"

#include <string.h>

void gcm_mechanism(struct gcm_mechanism *mechanism, const struct hsm_gcm *data, size_t tag_size)
{
    memcpy(mechanism->iv, data->iv, data->iv_size);
    mechanism->params = (CK_GCM_PARAMS){
        .pIv = mechanism->iv,
        .ulIvLen = data->iv_size,
        .ulIvBits = data->iv_size * 8,
        .pAAD = (unsigned char *)(uintptr_t)data->aad, /* Cryptoki's type lacks the const */
        .ulAADLen = data->aad_size,
        .ulTagBits = tag_size * 8,
    };
    mechanism->mechanism =
        (CK_MECHANISM){ CKM_AES_GCM, &mechanism->params, sizeof(mechanism->params) };
}

/* Some HSMs put an IV of their own in the place of the one that they were given. */
bool gcm_iv_kept(const struct gcm_mechanism *mechanism, const struct hsm_gcm *data)
{
    return mechanism->params.ulIvLen == data->iv_size &&
           memcmp(mechanism->iv, data->iv, data->iv_size) == 0;
}
