/* Checks of a key's posture: roles and mechanisms that are dangerous together.  Pure. */
#include "pkcs11/posture.h"

static enum posture_truth both(enum posture_truth a, enum posture_truth b)
{
    if (a == POSTURE_NO || b == POSTURE_NO)
        return POSTURE_NO;
    return a == POSTURE_YES && b == POSTURE_YES ? POSTURE_YES : POSTURE_UNKNOWN;
}

static enum posture_truth flag(const struct posture *posture, enum posture_flag which)
{
    return posture->flags[which];
}

void posture_wrap_decrypt(const struct posture *posture, struct hsm_finding *finding)
{
    const enum posture_truth use =
        posture_any(flag(posture, POSTURE_DECRYPT), flag(posture, POSTURE_ENCRYPT));
    const enum posture_truth answer = both(flag(posture, POSTURE_WRAP), use);

    if (answer == POSTURE_YES)
        posture_fail(finding, HSM_CRITICAL,
                     "CKA_WRAP and %s: another key wrapped by this one and then decrypted stands "
                     "in the clear; set CKA_WRAP false",
                     flag(posture, POSTURE_DECRYPT) == POSTURE_YES ? "CKA_DECRYPT" : "CKA_ENCRYPT");
    else if (answer == POSTURE_NO)
        posture_pass(finding, "the key does not both wrap and decrypt");
    else
        posture_unknown(finding, "the module does not tell CKA_WRAP, or CKA_DECRYPT and "
                                 "CKA_ENCRYPT");
}

void posture_unwrap_encrypt(const struct posture *posture, struct hsm_finding *finding)
{
    const enum posture_truth answer =
        both(flag(posture, POSTURE_UNWRAP), flag(posture, POSTURE_ENCRYPT));

    if (answer == POSTURE_YES)
        posture_fail(finding, HSM_CRITICAL,
                     "CKA_UNWRAP and CKA_ENCRYPT: a key of an attacker's choice, encrypted and "
                     "then unwrapped, gets onto the token; set CKA_UNWRAP false");
    else if (answer == POSTURE_NO)
        posture_pass(finding, "the key does not both unwrap and encrypt");
    else
        posture_unknown(finding, "the module does not tell CKA_UNWRAP or CKA_ENCRYPT");
}

/* A template that cannot be read is one that nobody can rely on: wrap and unwrap are told. */
void posture_wrap_unwrap(const struct posture *posture, struct hsm_finding *finding)
{
    const enum posture_truth answer =
        both(flag(posture, POSTURE_WRAP), flag(posture, POSTURE_UNWRAP));

    if (answer == POSTURE_UNKNOWN)
        posture_unknown(finding, "the module does not tell CKA_WRAP or CKA_UNWRAP");
    else if (answer == POSTURE_NO)
        posture_pass(finding, "the key does not both wrap and unwrap");
    else if (posture->unwrap_template == POSTURE_TEMPLATE_SAFE)
        posture_pass(finding, "CKA_UNWRAP_TEMPLATE keeps what is unwrapped in the token");
    else
        posture_fail(finding, HSM_CRITICAL,
                     "CKA_WRAP and CKA_UNWRAP without a CKA_UNWRAP_TEMPLATE that forces "
                     "CKA_SENSITIVE and no CKA_EXTRACTABLE: a key is wrapped and comes back "
                     "readable; set CKA_WRAP and CKA_UNWRAP false");
}

void posture_wrap_template(const struct posture *posture, struct hsm_finding *finding)
{
    const enum posture_truth wrap = flag(posture, POSTURE_WRAP);

    if (wrap == POSTURE_NO)
        posture_pass(finding, "the key does not wrap");
    else if (posture->wrap_template == POSTURE_TEMPLATE_WEAK ||
             posture->wrap_template == POSTURE_TEMPLATE_SAFE)
        posture_pass(finding, "CKA_WRAP_TEMPLATE limits what the key wraps");
    else if (wrap == POSTURE_UNKNOWN || posture->wrap_template == POSTURE_TEMPLATE_UNKNOWN)
        posture_unknown(finding, "the module does not tell CKA_WRAP or CKA_WRAP_TEMPLATE");
    else
        posture_fail(finding, HSM_MEDIUM,
                     "CKA_WRAP without CKA_WRAP_TEMPLATE: the key wraps whatever is extractable; "
                     "set CKA_WRAP false or give it a template");
}

void posture_derive_encrypt(const struct posture *posture, struct hsm_finding *finding)
{
    const enum posture_truth answer =
        both(flag(posture, POSTURE_DERIVE),
             posture_any(posture_allows(posture, CKM_AES_ECB_ENCRYPT_DATA),
                         posture_allows(posture, CKM_AES_CBC_ENCRYPT_DATA)));

    if (answer == POSTURE_YES)
        posture_fail(finding, HSM_HIGH,
                     "CKA_DERIVE with CKM_AES_ECB_ENCRYPT_DATA or CKM_AES_CBC_ENCRYPT_DATA: "
                     "derivation encrypts data of the caller's, with a readable result; set "
                     "CKA_DERIVE false");
    else if (answer == POSTURE_NO)
        posture_pass(finding, "no derivation encrypts with the key");
    else
        posture_unknown(finding, "the module does not tell CKA_DERIVE or the mechanisms");
}

void posture_sign_encrypt(const struct posture *posture, struct hsm_finding *finding)
{
    const enum posture_truth answer =
        both(posture_any(flag(posture, POSTURE_SIGN), flag(posture, POSTURE_VERIFY)),
             posture_any(flag(posture, POSTURE_ENCRYPT), flag(posture, POSTURE_DECRYPT)));

    if (answer == POSTURE_YES)
        posture_fail(finding, HSM_MEDIUM,
                     "the key both makes MACs and encrypts: what one of them gives out can be used "
                     "against the other; take two keys");
    else if (answer == POSTURE_NO)
        posture_pass(finding, "the key does not both make MACs and encrypt");
    else
        posture_unknown(finding, "the module does not tell CKA_SIGN, CKA_VERIFY, CKA_ENCRYPT or "
                                 "CKA_DECRYPT");
}

void posture_mechanisms(const struct posture *posture, struct hsm_finding *finding)
{
    const bool dangerous =
        flag(posture, POSTURE_WRAP) == POSTURE_YES || flag(posture, POSTURE_DERIVE) == POSTURE_YES;

    if (posture->allowed.told == POSTURE_LISTED)
        posture_pass(finding, "CKA_ALLOWED_MECHANISMS names %zu", posture->allowed.count);
    else if (posture->allowed.told == POSTURE_UNTOLD)
        posture_unknown(finding, "the module does not tell CKA_ALLOWED_MECHANISMS");
    else
        posture_fail(finding, dangerous ? HSM_HIGH : HSM_MEDIUM,
                     "CKA_ALLOWED_MECHANISMS is absent: every mechanism of the token is open%s; "
                     "make keys with the list of those that are used",
                     dangerous ? ", for a key that may wrap or derive" : "");
}

/* Whether the key encrypts or decrypts at all: one that makes MACs does not, by whatever list. */
static enum posture_truth allows(const struct posture *posture, CK_MECHANISM_TYPE type)
{
    return both(posture_any(flag(posture, POSTURE_ENCRYPT), flag(posture, POSTURE_DECRYPT)),
                posture_allows(posture, type));
}

static void untold(struct hsm_finding *finding)
{
    posture_unknown(finding, "the module does not tell which mechanisms the key may be used with");
}

void posture_ecb(const struct posture *posture, struct hsm_finding *finding)
{
    const bool wraps = flag(posture, POSTURE_WRAP) == POSTURE_YES;
    const enum posture_truth answer =
        wraps ? posture_allows(posture, CKM_AES_ECB) : allows(posture, CKM_AES_ECB);

    if (answer == POSTURE_YES)
        posture_fail(finding, wraps ? HSM_HIGH : HSM_MEDIUM,
                     "CKM_AES_ECB is allowed: blocks can be cut out and put together, and GCM's "
                     "value H be had%s; leave it out of CKA_ALLOWED_MECHANISMS where hsmzke does "
                     "not need it",
                     wraps ? ", of wrapped keys as well" : "");
    else if (answer == POSTURE_NO)
        posture_pass(finding, "CKM_AES_ECB is not allowed");
    else
        untold(finding);
}

void posture_cbc_pad(const struct posture *posture, struct hsm_finding *finding)
{
    const enum posture_truth answer =
        both(posture_any(flag(posture, POSTURE_DECRYPT), flag(posture, POSTURE_UNWRAP)),
             posture_allows(posture, CKM_AES_CBC_PAD));

    if (answer == POSTURE_YES)
        posture_fail(finding, HSM_MEDIUM,
                     "CKM_AES_CBC_PAD is allowed with CKA_DECRYPT or CKA_UNWRAP: a padding oracle; "
                     "hsmzke does not need it, leave it out of CKA_ALLOWED_MECHANISMS");
    else if (answer == POSTURE_NO)
        posture_pass(finding, "the key cannot be asked for CBC padding");
    else
        untold(finding);
}

void posture_malleable(const struct posture *posture, struct hsm_finding *finding)
{
    static const CK_MECHANISM_TYPE types[] = { CKM_AES_CTR,  CKM_AES_OFB,    CKM_AES_CFB1,
                                               CKM_AES_CFB8, CKM_AES_CFB128, CKM_AES_CFB64 };
    enum posture_truth answer = POSTURE_NO;
    const bool signs = flag(posture, POSTURE_SIGN) == POSTURE_YES;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        answer = posture_any(answer, allows(posture, types[i]));
    if (answer == POSTURE_YES)
        posture_fail(finding, signs ? HSM_LOW : HSM_MEDIUM,
                     "CTR, OFB or CFB is allowed%s: data can be changed unseen; use GCM, or a MAC "
                     "with another key",
                     signs ? "" : " and CKA_SIGN is not true");
    else if (answer == POSTURE_NO)
        posture_pass(finding, "CTR, OFB and CFB are not allowed");
    else
        untold(finding);
}

void posture_gcm_mixed(const struct posture *posture, struct hsm_finding *finding)
{
    const enum posture_truth answer =
        both(allows(posture, CKM_AES_GCM),
             posture_any(allows(posture, CKM_AES_CTR), allows(posture, CKM_AES_ECB)));

    if (answer == POSTURE_YES)
        posture_fail(finding, HSM_MEDIUM,
                     "CKM_AES_GCM is allowed beside CTR or ECB: who may use the key can rebuild "
                     "GCM's key stream or have its value H, and forge; take a key of its own for "
                     "GCM");
    else if (answer == POSTURE_NO)
        posture_pass(finding, "GCM does not stand beside CTR or ECB");
    else
        untold(finding);
}

/* No attribute limits a tag; a trial would cost an IV, and an HSM counts failed decryptions. */
void posture_gcm_tag(const struct posture *posture, struct hsm_finding *finding)
{
    if (allows(posture, CKM_AES_GCM) == POSTURE_NO)
        posture_pass(finding, "GCM is not allowed");
    else
        posture_unknown(finding, "no attribute tells whether the HSM takes GCM tags of less than "
                                 "96 bits from other programs; hsmzke does not (gcm-min-tag)");
}
