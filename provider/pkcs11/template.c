/* Templates of keys that are generated: see template.h. */
#include "pkcs11/template.h"

#include <string.h>

enum {
    ATTRIBUTES = 24,
};

static const struct profile {
    const char *name;
    enum hsm_family family;
    bool sign; /* else it encrypts and decrypts */
    CK_MECHANISM_TYPE mechanisms[MECHANISMS_LISTED];
    CK_ULONG count; /* 0: no list */
} profiles[HSM_USAGES] = {
    [HSM_USE_CIPHER] = { "cipher", HSM_AES, false, { CKM_AES_ECB, CKM_AES_CBC, CKM_AES_CTR }, 3 },
    [HSM_USE_GCM] = { "gcm", HSM_AES, false, { CKM_AES_GCM, CKM_AES_CTR }, 2 },
    [HSM_USE_GCM_ONLY] = { "gcm-only", HSM_AES, false, { CKM_AES_GCM }, 1 },
    [HSM_USE_WRAP] = { "wrap", HSM_AES, false, { CKM_AES_ECB }, 1 },
    [HSM_USE_MAC] = { "mac", HSM_AES, true, { CKM_AES_CMAC }, 1 },
    [HSM_USE_ANY] = { "any", HSM_AES, false, { 0 }, 0 },
    [HSM_USE_HMAC] = { "hmac",
                       HSM_SECRET,
                       true,
                       { CKM_SHA256_HMAC, CKM_SHA384_HMAC, CKM_SHA512_HMAC },
                       3 },
};

enum hsm_usage hsm_usage_from(enum hsm_family family, const char *name)
{
    enum hsm_usage usage = 0;

    while (usage < HSM_USAGES &&
           (profiles[usage].family != family || strcmp(profiles[usage].name, name) != 0))
        usage++;
    return usage;
}

CK_MECHANISM_TYPE template_mechanism(const struct hsm_template *wanted, const char **name)
{
    const bool aes = template_family(wanted) == HSM_AES;

    *name = aes ? "CKM_AES_KEY_GEN" : "CKM_GENERIC_SECRET_KEY_GEN";
    return aes ? CKM_AES_KEY_GEN : CKM_GENERIC_SECRET_KEY_GEN;
}

enum hsm_family template_family(const struct hsm_template *wanted)
{
    return profiles[wanted->usage].family;
}

CK_RV template_count(const struct generation *generation, CK_SESSION_HANDLE session,
                     CK_ATTRIBUTE value, CK_ULONG *count)
{
    const CK_FUNCTION_LIST *f = generation->token->module->f;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted[] = { { CKA_CLASS, &class, sizeof(class) }, value };
    CK_OBJECT_HANDLE found[2];
    CK_RV rv, ended;

    *count = 0;
    rv = CALL(f, C_FindObjectsInit(session, wanted, 2));
    if (rv != CKR_OK)
        return rv;
    rv = CALL(f, C_FindObjects(session, found, 2, count));
    ended = CALL(f, C_FindObjectsFinal(session));
    return rv != CKR_OK ? rv : ended;
}

/* Key wrap by mechanisms of the module's own, where C_EncryptInit takes them. */
void template_choose(struct generation *generation)
{
    static const CK_MECHANISM_TYPE native[] = { CKM_AES_KEY_WRAP, CKM_AES_KEY_WRAP_PAD, 0x210bUL };
    const struct token *token = generation->token;
    const struct profile *profile = &profiles[generation->wanted->usage];
    CK_ULONG count = 0;

    memcpy(generation->mechanisms, profile->mechanisms, sizeof(generation->mechanisms));
    generation->mechanism_count = profile->count;
    if (generation->wanted->usage != HSM_USE_WRAP)
        return;
    for (size_t i = 0; i < sizeof(native) / sizeof(native[0]); i++) {
        CK_MECHANISM_INFO info = { 0 };
        const CK_FLAGS both = CKF_ENCRYPT | CKF_DECRYPT;

        if (CALL(token->module->f, C_GetMechanismInfo(token->slot, native[i], &info)) == CKR_OK &&
            (info.flags & both) == both)
            generation->mechanisms[count++] = native[i];
    }
    if (count > 0)
        generation->mechanism_count = count;
}

/* The attributes of the key, without those of the set `leave`. @return their number */
static CK_ULONG fill(struct generation *generation, unsigned int leave,
                     CK_ATTRIBUTE attributes[ATTRIBUTES])
{
    static CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    static CK_KEY_TYPE types[] = { CKK_AES, CKK_GENERIC_SECRET };
    static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    const bool sign = profiles[generation->wanted->usage].sign;
    char *label = (char *)(uintptr_t)generation->wanted->label; /* Cryptoki lacks the const */
    const CK_ATTRIBUTE all[] = {
        { CKA_CLASS, &class, sizeof(class) },
        { CKA_KEY_TYPE, &types[template_family(generation->wanted)], sizeof(types[0]) },
        { CKA_VALUE_LEN, &generation->size, sizeof(generation->size) },
        { CKA_LABEL, label, strlen(label) },
        { CKA_ID, generation->id, sizeof(generation->id) },
        { CKA_TOKEN, &yes, sizeof(yes) },
        { CKA_PRIVATE, &yes, sizeof(yes) },
        { CKA_SENSITIVE, &yes, sizeof(yes) },
        { CKA_EXTRACTABLE, &no, sizeof(no) },
        { CKA_WRAP, &no, sizeof(no) },
        { CKA_UNWRAP, &no, sizeof(no) },
        { CKA_DERIVE, &no, sizeof(no) },
        { CKA_ENCRYPT, sign ? &no : &yes, sizeof(yes) },
        { CKA_DECRYPT, sign ? &no : &yes, sizeof(yes) },
        { CKA_SIGN, sign ? &yes : &no, sizeof(yes) },
        { CKA_VERIFY, sign ? &yes : &no, sizeof(yes) },
    };
    CK_ULONG count = sizeof(all) / sizeof(all[0]);

    memcpy(attributes, all, sizeof(all));
    if (!(leave & LEAVE_MODIFIABLE))
        attributes[count++] = (CK_ATTRIBUTE){ CKA_MODIFIABLE, &no, sizeof(no) };
    if (!(leave & LEAVE_COPYABLE))
        attributes[count++] = (CK_ATTRIBUTE){ CKA_COPYABLE, &no, sizeof(no) };
    if (!(leave & LEAVE_MECHANISMS) && generation->mechanism_count > 0)
        attributes[count++] =
            (CK_ATTRIBUTE){ CKA_ALLOWED_MECHANISMS, generation->mechanisms,
                            generation->mechanism_count * sizeof(CK_MECHANISM_TYPE) };
    return count;
}

/*
 * Answers to a template that another template may not get.  NSS says CKR_GENERAL_ERROR to an
 * attribute that it does not know, as others do when the connection is lost: a key with our id
 * tells.
 */
static bool is_about_the_template(struct generation *generation, CK_SESSION_HANDLE session,
                                  CK_RV rv)
{
    const CK_ATTRIBUTE id = { CKA_ID, generation->id, sizeof(generation->id) };
    CK_ULONG made;

    switch (rv) {
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
        return template_count(generation, session, id, &made) == CKR_OK && made == 0;
    case CKR_ATTRIBUTE_TYPE_INVALID:
    case CKR_ATTRIBUTE_VALUE_INVALID:
    case CKR_ATTRIBUTE_READ_ONLY:
    case CKR_TEMPLATE_INCONSISTENT:
    case CKR_TEMPLATE_INCOMPLETE:
    case CKR_ARGUMENTS_BAD:
        return true;
    default:
        return false;
    }
}

/* The whole template first, then with ever more left out. */
CK_RV template_make(struct generation *generation, CK_SESSION_HANDLE session,
                    CK_OBJECT_HANDLE *made)
{
    static const unsigned char sets[LEAVE_SETS] = { 0, 1, 2, 4, 3, 5, 6, 7 };
    const char *name;
    CK_MECHANISM mechanism = { template_mechanism(generation->wanted, &name), NULL, 0 };
    CK_ATTRIBUTE attributes[ATTRIBUTES];
    CK_RV rv = CKR_GENERAL_ERROR, first = CKR_OK;

    for (size_t i = 0; i < LEAVE_SETS; i++) {
        const CK_ULONG count = fill(generation, sets[i], attributes);

        generation->asked = true;
        generation->left_out = sets[i];
        rv = CALL(generation->token->module->f,
                  C_GenerateKey(session, &mechanism, attributes, count, made));
        if (rv == CKR_OK && *made == CK_INVALID_HANDLE)
            return CKR_FUNCTION_FAILED; /* it wrote none: not to be believed */
        if (rv == CKR_OK || !is_about_the_template(generation, session, rv))
            return rv;
        first = i == 0 ? rv : first;
    }
    return first;
}
