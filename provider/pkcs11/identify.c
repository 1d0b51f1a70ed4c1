/*
 * A key's identity: the first 8 bytes of E_K(B), B = "hsmzke-id-v1" || 00000002, by whichever
 * mechanism the key allows; one value whatever that is.  Of an AES key that may not encrypt but
 * sign, those of CMAC of B.  A label says nothing about a key: tokens are exchanged.
 */
#include <string.h>

#include "pkcs11/computed.h"
#include "pkcs11/gcm-mechanism.h"
#include "pkcs11/key.h"
#include "pkcs11/sign.h"
#include "pkcs11/operation.h"
#include "secret.h"

enum {
    IDENTITY_IV = 12, /* of identity_block: with it as GCM's IV, E_K(B) is the first key stream */
};

static const unsigned char identity_block[HSM_BLOCK + 1] = "hsmzke-id-v1\0\0\0\2";
static const unsigned char zeros[HSM_BLOCK];

/* E_K(B): ECB of B; CBC of B with IV 0; CTR of zeros from counter block B. */
static const struct {
    enum mechanism mechanism;
    const unsigned char *iv, *data;
} ways[IDENTITY_BY_GCM] = {
    [IDENTITY_BY_ECB] = { MECHANISM_ECB, NULL, identity_block },
    [IDENTITY_BY_CBC] = { MECHANISM_CBC, zeros, identity_block },
    [IDENTITY_BY_CTR] = { MECHANISM_CTR, identity_block, zeros },
};

bool hsm_iv_is_reserved(const unsigned char *iv, size_t size)
{
    return size == IDENTITY_IV && memcmp(iv, identity_block, IDENTITY_IV) == 0;
}

static CK_RV by_encryption(const struct hsm_key *key, struct session *session,
                           struct key_facts *facts, unsigned char value[HSM_BLOCK])
{
    struct failure ignored;
    CK_RV rv = CKR_MECHANISM_INVALID;

    for (; facts->identity_way < IDENTITY_BY_GCM; facts->identity_way++) {
        const enum identity_way i = facts->identity_way;
        const struct operation operation = { key->number, ways[i].mechanism, true };

        rv = operation_once(session, key->token, facts, &operation, ways[i].iv, ways[i].data, value,
                            HSM_BLOCK, &ignored);
        if (!ckr_refusal(rv))
            break;
    }
    return rv;
}

/* GCM over a block of zeros: a key that allows nothing else.  The tag is nobody's. */
static CK_RV by_gcm(const struct hsm_key *key, struct session *session,
                    const struct key_facts *facts, unsigned char value[HSM_BLOCK])
{
    const struct hsm_gcm data = { .iv = identity_block, .iv_size = IDENTITY_IV };
    const CK_FUNCTION_LIST *f = key->token->module->f;
    struct gcm_mechanism mechanism;
    unsigned char out[2 * HSM_BLOCK];
    CK_ULONG given = sizeof(out);
    struct computed computed;
    struct failure ignored;
    CK_RV rv;

    computed_prepare(&computed, zeros, out, HSM_BLOCK);
    gcm_mechanism(&mechanism, &data, HSM_BLOCK);
    rv = operation_init(session, key->token, facts, true, &mechanism.mechanism, &ignored);
    if (rv == CKR_OK)
        rv = CALL(f,
                  C_Encrypt(session->handle, (CK_BYTE *)(uintptr_t)zeros, HSM_BLOCK, out, &given));
    if (rv == CKR_OK && (given != sizeof(out) || !gcm_iv_kept(&mechanism, &data)))
        rv = CKR_MECHANISM_INVALID; /* it is some other GCM */
    if (!computed_check(&computed, out, HSM_BLOCK) && rv == CKR_OK)
        rv = CKR_HSMZKE_NOT_COMPUTED;
    if (rv == CKR_OK)
        memcpy(value, out, HSM_BLOCK);
    secret_wipe(out, sizeof(out));
    return rv;
}

CK_RV key_identify(const struct hsm_key *key, struct session *session, struct key_facts *facts)
{
    unsigned char value[HSM_BLOCK];
    enum identity_kind kind;
    CK_RV rv;

    facts->identity_kind = IDENTITY_UNKNOWN;
    /* A PIN is not asked for just to know this. */
    if (facts->always_authenticate || facts->family != HSM_AES)
        return CKR_OK;
    if (facts->may_encrypt) {
        kind = IDENTITY_AES;
        rv = by_encryption(key, session, facts, value);
        if (rv != CKR_HSMZKE_EXITING && ckr_refusal(rv))
            rv = by_gcm(key, session, facts, value);
    } else if (facts->may_sign) {
        kind = IDENTITY_CMAC;
        rv =
            sign_in_session(session, key->token, facts, HSM_CMAC, identity_block, HSM_BLOCK, value);
    } else {
        return CKR_OK;
    }
    if (rv == CKR_OK) {
        facts->identity_kind = kind;
        memcpy(facts->identity, value, HSM_IDENTITY_SIZE);
    }
    secret_wipe(value, sizeof(value)); /* the rest is nobody's */
    return rv == CKR_HSMZKE_EXITING || !ckr_refusal(rv) ? rv : CKR_OK;
}
