/*
 * Mechanisms that do a whole mode (CKM_AES_KEY_WRAP, CKM_AES_CFB128, ...): which of them a token
 * has, and what was seen of them.  hsm_native_find() and hsm_native_judge() of hsm.h.
 *
 * A number says little: 0x210A is RFC 5649 in one module and something else in another, and a
 * parameter may be passed over in silence.  So what a mechanism does is compared with ECB at its
 * first use, by the pure machine (cipher/native.c), and a wrong one is never used again.
 */
#include "pkcs11/native.h"

#include <stdlib.h>

#include "pkcs11/group.h"

enum {
    CANDIDATES = 2,
    MECHANISMS_MOST = 4096, /* a longer list is not to be believed */
};

/* In the order in which they are tried; MECHANISM_ECB: none. */
static const enum mechanism candidates[HSM_MODES][CANDIDATES] = {
    [HSM_CFB128] = { MECHANISM_CFB128 }, [HSM_CFB8] = { MECHANISM_CFB8 },
    [HSM_CFB1] = { MECHANISM_CFB1 },     [HSM_OFB] = { MECHANISM_OFB },
    [HSM_KW] = { MECHANISM_KW },         [HSM_KWP] = { MECHANISM_KWP, MECHANISM_KWP_PAD },
};

/* Asked first: tpm2-pkcs11 writes to stderr where it is asked for what it does not list. */
static CK_RV list(const struct token *token, CK_MECHANISM_TYPE wanted, bool *listed)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_MECHANISM_TYPE *types;
    CK_ULONG count = 0, room;
    CK_RV rv = CALL(f, C_GetMechanismList(token->slot, NULL, &count));

    *listed = false;
    if (rv != CKR_OK || count == 0 || count > MECHANISMS_MOST)
        return rv;
    room = count;
    types = calloc(room, sizeof(*types));
    if (types == NULL)
        return CKR_HOST_MEMORY;
    rv = CALL(f, C_GetMechanismList(token->slot, types, &count));
    for (CK_ULONG i = 0; rv == CKR_OK && i < count && i < room; i++)
        *listed = *listed || types[i] == wanted;
    free(types);
    return rv;
}

/* Asks the module once what it does with `mechanism`; an answer that did not come is no answer. */
static void ask(struct hsm_key *key, enum mechanism mechanism)
{
    struct token *token = key->token;
    CK_MECHANISM_INFO info = { 0 }; /* SoftHSM adds its flags to what is there */
    struct key_facts facts;
    struct failure ignored;
    bool listed;
    CK_RV rv;

    if (!key_ready(key, false, &facts, &ignored) || module_enter(token->module) == 0)
        return;
    rv = list(token, mechanism_type(mechanism), &listed);
    if (rv == CKR_OK && listed)
        rv = CALL(token->module->f,
                  C_GetMechanismInfo(token->slot, mechanism_type(mechanism), &info));
    module_leave(token->module);
    if (rv == CKR_HSMZKE_EXITING || rv == CKR_HOST_MEMORY || ckr_connection_lost(rv))
        return;
    life_lock();
    token->natives[mechanism].asked = true;
    token->natives[mechanism].offered[1] = rv == CKR_OK && (info.flags & CKF_ENCRYPT) != 0;
    token->natives[mechanism].offered[0] = rv == CKR_OK && (info.flags & CKF_DECRYPT) != 0;
    life_unlock();
}

static bool look_up(struct hsm_key *key, enum mechanism mechanism, struct hsm_native *native)
{
    const struct native_facts *facts = &key->token->natives[mechanism];
    bool asked, proven;

    life_lock();
    asked = facts->asked;
    life_unlock();
    if (!asked)
        ask(key, mechanism);
    life_lock();
    native->alone = key->without_ecb;
    native->trust = HSM_TRUST_NOT;
    proven = facts->proven[native->encrypt][native->own_iv] ||
             (native->alone && !native->own_iv && key->proven[mechanism][native->encrypt]);
    if (facts->offered[native->encrypt] && !facts->never[native->own_iv] &&
        !key->refuses[mechanism])
        native->trust = proven ? HSM_TRUST_PROVEN : HSM_TRUST_UNPROVEN;
    native->way = mechanism;
    life_unlock();
    return native->trust != HSM_TRUST_NOT;
}

void hsm_native_find(struct hsm_key *key, enum hsm_mode mode, bool encrypt, bool own_iv,
                     struct hsm_native *native)
{
    struct failure ignored;

    *native = (struct hsm_native){ .encrypt = encrypt, .own_iv = own_iv };
    native->member = key = group_any(key, true, &ignored);
    if (key == NULL)
        return;
    for (size_t i = 0; i < CANDIDATES && candidates[mode][i] != MECHANISM_ECB; i++) {
        if (look_up(key, candidates[mode][i], native))
            return;
    }
}

void hsm_native_judge(const struct hsm_native *native, bool right)
{
    struct hsm_key *key = native->member; /* or one of its HA group */
    struct native_facts *facts = &key->token->natives[native->way];

    life_lock();
    if (!right && key->in_group && !token_is_up(key->token))
        ; /* it was the token that failed */
    else if (right && native->alone)
        key->proven[native->way][native->encrypt] = true;
    else if (right)
        facts->proven[native->encrypt][native->own_iv] = true;
    else if (!key->refuses[native->way]) {
        facts->never[1] = true;
        facts->never[0] = facts->never[0] || !native->own_iv;
    }
    life_unlock();
}

static bool is_lost(const struct hsm_key *key)
{
    bool lost;

    life_lock();
    lost = !token_is_up(key->token);
    life_unlock();
    return lost;
}

enum hsm_native_answer native_answer(const struct hsm_native *native, CK_RV rv)
{
    struct hsm_key *key = native->member;

    if (rv != CKR_OK && key->in_group && is_lost(key)) /* ECB goes on with another member */
        return HSM_NATIVE_UNFIT;
    switch (rv) {
    case CKR_OK:
        return HSM_NATIVE_DONE;
    case CKR_HSMZKE_WRONG_TAG:
        return HSM_NATIVE_REFUSED;
    case CKR_HSMZKE_TOLD:
    case CKR_HSMZKE_EXITING:
    case CKR_PIN_INCORRECT:
        return HSM_NATIVE_FAILED;
    case CKR_MECHANISM_INVALID: /* of a key that lists others, or of a token that has it not */
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_KEY_SIZE_RANGE:
        life_lock();
        key->refuses[native->way] = true;
        life_unlock();
        return HSM_NATIVE_UNFIT;
    default:
        return HSM_NATIVE_UNFIT;
    }
}
