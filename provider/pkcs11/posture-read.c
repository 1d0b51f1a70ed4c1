/*
 * Reads a key's attributes for its posture, one by one: a module that does not know one of them
 * answers for the others all the same.  What it answers is not believed: a length that does not
 * fit, or a value that is neither true nor false, is "unknown".
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "pkcs11/posture.h"

enum {
    TEMPLATE_MOST = 32, /* attributes in a template; a longer one is not to be believed */
    VALUE_MOST = 256,   /* bytes of each */
};

#define FLAG(name) [POSTURE_##name] = { CKA_##name, "CKA_" #name }
const struct posture_attribute posture_flags[POSTURE_FLAGS] = {
    FLAG(SENSITIVE),
    FLAG(EXTRACTABLE),
    FLAG(WRAP_WITH_TRUSTED),
    FLAG(ALWAYS_SENSITIVE),
    FLAG(NEVER_EXTRACTABLE),
    FLAG(LOCAL),
    FLAG(ENCRYPT),
    FLAG(DECRYPT),
    FLAG(SIGN),
    FLAG(VERIFY),
    FLAG(WRAP),
    FLAG(UNWRAP),
    FLAG(DERIVE),
    FLAG(PRIVATE),
    FLAG(MODIFIABLE),
    FLAG(COPYABLE),
    FLAG(DESTROYABLE),
    FLAG(TRUSTED),
};

bool posture_lost(CK_RV rv)
{
    if (rv == CKR_GENERAL_ERROR || rv == CKR_FUNCTION_FAILED)
        return false;
    return ckr_connection_lost(rv) || ckr_key_gone(rv) || rv == CKR_HSMZKE_EXITING;
}

CK_RV posture_attribute(const struct token *token, const struct session *session,
                        CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, void *value, size_t size,
                        CK_ULONG *told)
{
    CK_ATTRIBUTE attribute = { type, value, size };
    const CK_RV rv =
        CALL(token->module->f, C_GetAttributeValue(session->handle, object, &attribute, 1));

    *told = CK_UNAVAILABLE_INFORMATION;
    if (rv == CKR_OK && (value == NULL || attribute.ulValueLen <= size))
        *told = attribute.ulValueLen;
    return posture_lost(rv) ? rv : CKR_OK;
}

static CK_RV read_flag(const struct token *token, const struct session *session,
                       CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, enum posture_truth *truth)
{
    CK_BBOOL value = 0xff;
    CK_ULONG told;
    const CK_RV rv = posture_attribute(token, session, object, type, &value, sizeof(value), &told);

    *truth = POSTURE_UNKNOWN;
    if (told == sizeof(value) && value <= CK_TRUE)
        *truth = value == CK_TRUE ? POSTURE_YES : POSTURE_NO;
    return rv;
}

static CK_RV read_number(const struct token *token, const struct session *session,
                         CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, CK_ULONG *number)
{
    CK_ULONG value = 0, told;
    const CK_RV rv = posture_attribute(token, session, object, type, &value, sizeof(value), &told);

    *number = told == sizeof(value) ? value : CK_UNAVAILABLE_INFORMATION;
    return rv;
}

/*
 * Whether CKA_VALUE can be read.  This is the only place that names it, and it asks for the length
 * alone, with no memory for a value: so no byte of a key enters this process, whatever the module
 * is willing to give.  A module that tells a length would give the value too; one that says
 * CKR_ATTRIBUTE_SENSITIVE does not; any other answer is none.
 */
static CK_RV probe_value(const struct token *token, const struct session *session,
                         CK_OBJECT_HANDLE object, enum posture_truth *readable)
{
    CK_ATTRIBUTE attribute = { CKA_VALUE, NULL, 0 };
    const CK_RV rv =
        CALL(token->module->f, C_GetAttributeValue(session->handle, object, &attribute, 1));

    *readable = POSTURE_UNKNOWN;
    if (rv == CKR_ATTRIBUTE_SENSITIVE)
        *readable = POSTURE_NO;
    else if (rv == CKR_OK && attribute.ulValueLen > 0 &&
             attribute.ulValueLen != CK_UNAVAILABLE_INFORMATION)
        *readable = POSTURE_YES;
    return posture_lost(rv) ? rv : CKR_OK;
}

/* p11-kit 0.24 carries no lists, and calls that a broken device; of one that is broken the next
 * call tells. */
static CK_RV no_list(CK_RV rv)
{
    return rv == CKR_DEVICE_ERROR ? CKR_OK : rv;
}

/* A list without members is none: SoftHSM says so of keys that were made without one. */
static CK_RV read_allowed(const struct token *token, const struct session *session,
                          CK_OBJECT_HANDLE object, struct posture_mechanisms *allowed)
{
    CK_ULONG told;
    const CK_RV rv = posture_attribute(token, session, object, CKA_ALLOWED_MECHANISMS,
                                       allowed->types, sizeof(allowed->types), &told);

    allowed->told = POSTURE_UNTOLD;
    allowed->count = 0;
    if (told == CK_UNAVAILABLE_INFORMATION || told % sizeof(allowed->types[0]) != 0)
        return no_list(rv);
    allowed->count = told / sizeof(allowed->types[0]);
    allowed->told = allowed->count > 0 ? POSTURE_LISTED : POSTURE_ABSENT;
    return rv;
}

static bool forces(const CK_ATTRIBUTE *attributes, size_t count, CK_ATTRIBUTE_TYPE type,
                   CK_BBOOL value)
{
    for (size_t i = 0; i < count; i++) {
        if (attributes[i].type == type)
            return attributes[i].ulValueLen == sizeof(CK_BBOOL) &&
                   *(const CK_BBOOL *)attributes[i].pValue == value;
    }
    return false;
}

/* Asks for `count` attributes: first for types and lengths, then for values in our own memory. */
static CK_RV read_members(const struct token *token, const struct session *session,
                          CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, size_t count,
                          enum posture_template *template)
{
    unsigned char values[TEMPLATE_MOST][VALUE_MOST] = { { 0 } };
    CK_ATTRIBUTE members[TEMPLATE_MOST] = { { 0 } };
    const size_t size = count * sizeof(members[0]);
    CK_ULONG told;
    CK_RV rv = posture_attribute(token, session, object, type, members, size, &told);

    if (rv != CKR_OK || told != size)
        return rv;
    for (size_t i = 0; i < count; i++) {
        members[i].pValue = values[i];
        members[i].ulValueLen = VALUE_MOST;
    }
    rv = posture_attribute(token, session, object, type, members, size, &told);
    if (rv != CKR_OK || told != size)
        return rv;
    for (size_t i = 0; i < count; i++)
        members[i].pValue = values[i]; /* whatever the module put there */
    *template = forces(members, count, CKA_SENSITIVE, CK_TRUE) &&
                        forces(members, count, CKA_EXTRACTABLE, CK_FALSE)
                    ? POSTURE_TEMPLATE_SAFE
                    : POSTURE_TEMPLATE_WEAK;
    return rv;
}

static CK_RV read_template(const struct token *token, const struct session *session,
                           CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                           enum posture_template *template)
{
    CK_ULONG told;
    const CK_RV rv = posture_attribute(token, session, object, type, NULL, 0, &told);

    if (rv != CKR_OK || told == CK_UNAVAILABLE_INFORMATION || told % sizeof(CK_ATTRIBUTE) != 0 ||
        told > TEMPLATE_MOST * sizeof(CK_ATTRIBUTE))
        return rv;
    if (told > 0)
        return read_members(token, session, object, type, told / sizeof(CK_ATTRIBUTE), template);
    *template = POSTURE_TEMPLATE_NONE;
    return rv;
}

/* p11-kit 0.24's server dies of a template that is there: then none is asked for any more. */
CK_RV posture_read_template(struct token *token, const struct session *session,
                            CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                            enum posture_template *template)
{
    bool unfit;
    CK_RV rv;

    *template = POSTURE_TEMPLATE_UNKNOWN;
    life_lock();
    unfit = token->templates_unfit;
    life_unlock();
    if (unfit)
        return CKR_OK;
    rv = read_template(token, session, object, type, template);
    if (rv == CKR_OK)
        return rv;
    life_lock();
    token->templates_unfit = true;
    life_unlock();
    return no_list(rv);
}

/* "20261231"; "" for a date that is not set, "?" for what is none. */
static CK_RV read_date(const struct token *token, const struct session *session,
                       CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, char date[9])
{
    CK_ULONG told;
    CK_RV rv;

    memset(date, 0, 9);
    rv = posture_attribute(token, session, object, type, date, 8, &told);
    if (told != 8 || strspn(date, "0123456789") != 8) /* whatever was written, it may be shown */
        strcpy(date, told == 0 ? "" : "?");
    return rv;
}

static CK_RV read_flags(struct posture *posture, const struct token *token,
                        const struct session *session, CK_OBJECT_HANDLE object)
{
    CK_RV rv = CKR_OK;

    for (size_t i = 0; rv == CKR_OK && i < POSTURE_FLAGS; i++)
        rv = read_flag(token, session, object, posture_flags[i].type, &posture->flags[i]);
    return rv;
}

CK_RV posture_read_key(struct posture *posture, struct token *token, const struct session *session,
                       CK_OBJECT_HANDLE object)
{
    const time_t now = time(NULL);
    struct tm utc;
    CK_RV rv = read_flags(posture, token, session, object);

    if (rv == CKR_OK)
        rv = probe_value(token, session, object, &posture->readable);
    if (rv == CKR_OK)
        rv = read_number(token, session, object, CKA_KEY_TYPE, &posture->key_type);
    if (rv == CKR_OK)
        rv = read_number(token, session, object, CKA_VALUE_LEN, &posture->size);
    if (rv == CKR_OK)
        rv = read_allowed(token, session, object, &posture->allowed);
    if (rv == CKR_OK)
        rv = posture_read_template(token, session, object, CKA_WRAP_TEMPLATE,
                                   &posture->wrap_template);
    if (rv == CKR_OK)
        rv = posture_read_template(token, session, object, CKA_UNWRAP_TEMPLATE,
                                   &posture->unwrap_template);
    if (rv == CKR_OK)
        rv = read_date(token, session, object, CKA_START_DATE, posture->start);
    if (rv == CKR_OK)
        rv = read_date(token, session, object, CKA_END_DATE, posture->end);
    if (gmtime_r(&now, &utc) == NULL || strftime(posture->today, 9, "%Y%m%d", &utc) != 8)
        strcpy(posture->end, "?");
    return rv;
}
