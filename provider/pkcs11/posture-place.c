/* Checks of a key's posture: what it is, and the token that it lies on.  Pure. */
#include <string.h>

#include "pkcs11/posture.h"

enum { AES_256 = 32 };

void posture_type(const struct posture *posture, struct hsm_finding *finding)
{
    const bool unknown =
        posture->key_type == CK_UNAVAILABLE_INFORMATION ||
        (posture->family == HSM_AES && posture->size == CK_UNAVAILABLE_INFORMATION);

    if (unknown)
        posture_unknown(finding, "the module does not tell CKA_KEY_TYPE or CKA_VALUE_LEN");
    else if (!key_belongs(posture->family, posture->key_type))
        posture_fail(finding, HSM_HIGH,
                     "CKA_KEY_TYPE is 0x%lx: not what was promised; use another key",
                     posture->key_type);
    else if (posture->family == HSM_AES && posture->size != AES_256)
        posture_fail(finding, HSM_HIGH,
                     "CKA_VALUE_LEN is %lu and not 32: not what was promised; use another key",
                     posture->size);
    else
        posture_pass(finding, "%s",
                     posture->family == HSM_AES ? "it is an AES-256 key"
                                                : "it is a generic secret or HMAC key");
}

void posture_identity(const struct posture *posture, struct hsm_finding *finding)
{
    if (posture->pin == NULL)
        posture_unknown(finding,
                        "no identity is pinned; the key's is %s: put it under "
                        "`identities`",
                        posture->identity);
    else if (posture->pin_fits)
        posture_pass(finding, "the identity is the one that is pinned, %s", posture->identity);
    else
        posture_fail(finding, HSM_CRITICAL,
                     "the identity is %s, pinned is %.24s: another key stands in its place; find "
                     "out which, and use none until then",
                     posture->identity, posture->pin);
}

void posture_unique(const struct posture *posture, struct hsm_finding *finding)
{
    const struct posture_others *label = &posture->same_label, *id = &posture->same_id;

    if (label->count > 0 || id->count > 0)
        posture_fail(finding, HSM_MEDIUM,
                     "other secret keys on the token have the same %s (%s); give each a name of "
                     "its own",
                     label->count == 0 ? "CKA_ID"
                     : id->count == 0  ? "CKA_LABEL"
                                       : "CKA_LABEL and CKA_ID",
                     label->count > 0 ? label->names : id->names);
    else if (label->known && id->known)
        posture_pass(finding, "no other secret key has its CKA_LABEL or CKA_ID");
    else
        posture_unknown(finding,
                        "the module does not tell whether CKA_LABEL and CKA_ID are unique");
}

void posture_dates(const struct posture *posture, struct hsm_finding *finding)
{
    const char *start = posture->start, *end = posture->end;

    if (*start == '?' || *end == '?')
        posture_unknown(finding, "the module does not tell CKA_START_DATE or CKA_END_DATE");
    else if (*start != '\0' && strcmp(posture->today, start) < 0)
        posture_fail(finding, HSM_LOW,
                     "CKA_START_DATE is %s, which is to come; tokens use the key all the same",
                     start);
    else if (*end != '\0' && strcmp(posture->today, end) > 0)
        posture_fail(finding, HSM_LOW,
                     "CKA_END_DATE was %s; tokens use the key all the same: rotate it", end);
    else
        posture_pass(finding, "%s",
                     *start == '\0' && *end == '\0' ? "no dates are set" : "its dates hold today");
}

/* What other keys could do, they do to keys that can leave the token. */
void posture_other_keys(const struct posture *posture, struct hsm_finding *finding)
{
    const struct posture_others *wrap = &posture->wrapping, *unwrap = &posture->unwrapping;
    const bool stays = posture->flags[POSTURE_EXTRACTABLE] == POSTURE_NO;

    if (wrap->count > 0)
        posture_fail(finding, stays ? HSM_MEDIUM : HSM_HIGH,
                     "others on the token may wrap keys (%s)%s; take CKA_WRAP from them, or give "
                     "the key a token of its own",
                     wrap->names, stays ? ", though not this one, which is not extractable" : "");
    else if (unwrap->count > 0)
        posture_fail(finding, stays ? HSM_MEDIUM : HSM_HIGH,
                     "others on the token may unwrap keys without a CKA_UNWRAP_TEMPLATE (%s), and "
                     "bring known keys in under any name; take CKA_UNWRAP from them, or pin "
                     "identities",
                     unwrap->names);
    else if (wrap->known && unwrap->known)
        posture_pass(finding, "no other key on the token may wrap, or unwrap without a template");
    else
        posture_unknown(finding, "the module does not tell which other keys may wrap or unwrap");
}

void posture_login(const struct posture *posture, struct hsm_finding *finding)
{
    if (!posture->token_told)
        posture_unknown(finding, "the module does not tell the token's flags");
    else if (posture->token_flags & CKF_LOGIN_REQUIRED)
        posture_pass(finding, "the token requires a login");
    else
        posture_fail(finding, HSM_HIGH,
                     "the token requires no login (no CKF_LOGIN_REQUIRED): every program that "
                     "reaches it uses its keys; give it a PIN");
}

void posture_pin(const struct posture *posture, struct hsm_finding *finding)
{
    const CK_FLAGS flags = posture->token_flags;

    if (!posture->token_told)
        posture_unknown(finding, "the module does not tell the token's flags");
    else if (!(flags & CKF_USER_PIN_INITIALIZED))
        posture_fail(finding, HSM_HIGH,
                     "the user PIN was never set (no CKF_USER_PIN_INITIALIZED); set one");
    else if (flags & (CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED))
        posture_fail(finding, HSM_HIGH,
                     "the user PIN is locked or one try from it (CKF_USER_PIN_FINAL_TRY, "
                     "CKF_USER_PIN_LOCKED): somebody tries PINs; find out who");
    else if (flags & CKF_USER_PIN_COUNT_LOW)
        posture_fail(finding, HSM_MEDIUM,
                     "a wrong user PIN was given (CKF_USER_PIN_COUNT_LOW); find out by whom");
    else if (flags & CKF_USER_PIN_TO_BE_CHANGED)
        posture_fail(finding, HSM_MEDIUM,
                     "the user PIN is still the first one (CKF_USER_PIN_TO_BE_CHANGED); change it");
    else
        posture_pass(finding, "the user PIN is set");
}

void posture_hardware(const struct posture *posture, struct hsm_finding *finding)
{
    if (posture->hardware == POSTURE_YES)
        posture_pass(finding, "the module says that it works in hardware");
    else if (posture->hardware == POSTURE_NO)
        posture_fail(finding, HSM_INFO,
                     "no CKF_HW: a software token; unless it is in another process, the key is in "
                     "the memory of this one");
    else
        posture_unknown(finding, "the module does not tell whether it works in hardware");
}
