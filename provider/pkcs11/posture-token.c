/*
 * What a key's posture owes to its token: the mechanisms, the flags, other keys with its name, and
 * other keys that wrap or unwrap.
 */
#include <stdio.h>
#include <string.h>

#include "pkcs11/posture.h"

enum {
    LOOKED_AT = 32, /* other objects; of more it is enough to know that there are some */
    ID_MOST = 255,
};

static CK_RV read_offered(const struct token *token, struct posture_mechanisms *offered)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_ULONG count = 0;
    CK_RV rv = CALL(f, C_GetMechanismList(token->slot, NULL, &count));

    offered->told = POSTURE_UNTOLD;
    offered->count = 0;
    if (rv == CKR_OK && count > 0 && count <= POSTURE_MECHANISMS) {
        rv = CALL(f, C_GetMechanismList(token->slot, offered->types, &count));
        if (rv == CKR_OK && count > 0 && count <= POSTURE_MECHANISMS) {
            offered->told = POSTURE_LISTED;
            offered->count = count;
        }
    }
    return posture_lost(rv) ? rv : CKR_OK;
}

static bool offers(const struct posture_mechanisms *offered, CK_MECHANISM_TYPE type)
{
    bool found = false;

    for (size_t i = 0; i < offered->count; i++)
        found = found || offered->types[i] == type;
    return found;
}

/* By the slot, or by a mechanism that the token lists: CKF_HW_SLOT, CKF_HW. */
static CK_RV read_hardware(struct posture *posture, const struct token *token)
{
    static const CK_MECHANISM_TYPE types[] = { CKM_AES_ECB, CKM_AES_CBC, CKM_AES_GCM, CKM_AES_CTR,
                                               CKM_SHA256_HMAC };
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_SLOT_INFO slot = { 0 };
    CK_MECHANISM_INFO info = { 0 }; /* SoftHSM adds its flags to what is there */
    CK_RV rv = CALL(f, C_GetSlotInfo(token->slot, &slot));

    posture->hardware = POSTURE_UNKNOWN;
    if (rv == CKR_OK)
        posture->hardware = slot.flags & CKF_HW_SLOT ? POSTURE_YES : POSTURE_NO;
    for (size_t i = 0; posture->hardware == POSTURE_NO && i < sizeof(types) / sizeof(types[0]);
         i++) {
        if (!offers(&posture->offered, types[i]))
            continue;
        rv = CALL(f, C_GetMechanismInfo(token->slot, types[i], &info));
        if (rv == CKR_OK && info.flags & CKF_HW)
            posture->hardware = POSTURE_YES;
        break;
    }
    return posture_lost(rv) ? rv : CKR_OK;
}

static CK_RV read_token_flags(struct posture *posture, const struct token *token)
{
    CK_TOKEN_INFO info = { 0 };
    const CK_RV rv = CALL(token->module->f, C_GetTokenInfo(token->slot, &info));

    posture->token_told = rv == CKR_OK;
    posture->token_flags = info.flags;
    return posture_lost(rv) ? rv : CKR_OK;
}

static CK_RV search(const struct token *token, const struct session *session, CK_ATTRIBUTE *wanted,
                    CK_ULONG wanted_count, CK_OBJECT_HANDLE found[LOOKED_AT], CK_ULONG *count,
                    bool *told)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_RV rv = CALL(f, C_FindObjectsInit(session->handle, wanted, wanted_count)), ended;

    *count = 0;
    *told = false;
    if (rv != CKR_OK)
        return posture_lost(rv) ? rv : CKR_OK;
    rv = CALL(f, C_FindObjects(session->handle, found, LOOKED_AT, count));
    ended = CALL(f, C_FindObjectsFinal(session->handle));
    *told = rv == CKR_OK && *count <= LOOKED_AT;
    if (!*told)
        *count = 0;
    return ended; /* a search that does not end: the session is of no more use */
}

static CK_RV add_other(struct posture_others *others, const struct token *token,
                       const struct session *session, CK_OBJECT_HANDLE object)
{
    const size_t used = strlen(others->names);
    unsigned char bytes[ID_MOST];
    char label[32 + 1]; /* the beginning will do */
    CK_ULONG told;
    const CK_RV rv =
        posture_attribute(token, session, object, CKA_LABEL, bytes, sizeof(bytes), &told);

    if (told == CK_UNAVAILABLE_INFORMATION)
        told = 0;
    uri_trim(label, bytes, told < sizeof(label) ? told : sizeof(label) - 1);
    others->count++;
    snprintf(others->names + used, sizeof(others->names) - used, "%s'%s'", used > 0 ? ", " : "",
             label);
    return rv;
}

/* Objects that fit `wanted`, but for `self`; with `only_weak` those whose template lets keys out.
 */
static CK_RV read_others(struct posture_others *others, struct token *token,
                         const struct session *session, CK_OBJECT_HANDLE self, CK_ATTRIBUTE *wanted,
                         CK_ULONG wanted_count, bool only_weak)
{
    CK_OBJECT_HANDLE found[LOOKED_AT] = { CK_INVALID_HANDLE };
    CK_ULONG count;
    CK_RV rv = search(token, session, wanted, wanted_count, found, &count, &others->known);

    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        enum posture_template template = POSTURE_TEMPLATE_NONE;

        if (found[i] == self)
            continue;
        if (only_weak)
            rv = posture_read_template(token, session, found[i], CKA_UNWRAP_TEMPLATE, &template);
        if (rv == CKR_OK && template != POSTURE_TEMPLATE_SAFE)
            rv = add_other(others, token, session, found[i]);
    }
    return rv;
}

/* Other secret keys with the same CKA_LABEL or CKA_ID as `object`.  No value: nothing to share. */
static CK_RV read_same(struct posture_others *others, struct token *token,
                       const struct session *session, CK_OBJECT_HANDLE object,
                       CK_ATTRIBUTE_TYPE type)
{
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    unsigned char value[ID_MOST];
    CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof(class) }, { type, value, 0 } };
    CK_RV rv = posture_attribute(token, session, object, type, value, sizeof(value),
                                 &wanted[1].ulValueLen);

    others->known = wanted[1].ulValueLen == 0;
    if (rv != CKR_OK || others->known || wanted[1].ulValueLen == CK_UNAVAILABLE_INFORMATION)
        return rv;
    return read_others(others, token, session, object, wanted, 2, false);
}

CK_RV posture_read_token(struct posture *posture, const struct hsm_key *key,
                         const struct session *session, CK_OBJECT_HANDLE object)
{
    struct token *token = key->token;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE wraps = { CKA_WRAP, &yes, sizeof(yes) };
    CK_ATTRIBUTE unwraps = { CKA_UNWRAP, &yes, sizeof(yes) };
    CK_RV rv = read_offered(token, &posture->offered);

    if (rv == CKR_OK)
        rv = read_hardware(posture, token);
    if (rv == CKR_OK)
        rv = read_token_flags(posture, token);
    if (rv == CKR_OK)
        rv = read_same(&posture->same_label, token, session, object, CKA_LABEL);
    if (rv == CKR_OK)
        rv = read_same(&posture->same_id, token, session, object, CKA_ID);
    if (rv == CKR_OK)
        rv = read_others(&posture->wrapping, token, session, object, &wraps, 1, false);
    if (rv == CKR_OK)
        rv = read_others(&posture->unwrapping, token, session, object, &unwraps, 1, true);
    return rv;
}
