/* The attributes of a key as text: hsm_key_attributes() of hsm.h. */
#include <stdio.h>
#include <string.h>

#include "pkcs11/group.h"
#include "pkcs11/operation.h"
#include "pkcs11/posture.h"

enum {
    LISTED_MOST = 64, /* mechanisms of one key that are shown */
};

#define NAME(name)                                                                                 \
    {                                                                                              \
        name, #name                                                                                \
    }
static const struct {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
} flags[] = {
    NAME(CKA_SENSITIVE),
    NAME(CKA_EXTRACTABLE),
    NAME(CKA_ALWAYS_SENSITIVE),
    NAME(CKA_NEVER_EXTRACTABLE),
    NAME(CKA_LOCAL),
    NAME(CKA_PRIVATE),
    NAME(CKA_MODIFIABLE),
    NAME(CKA_COPYABLE),
    NAME(CKA_ENCRYPT),
    NAME(CKA_DECRYPT),
    NAME(CKA_SIGN),
    NAME(CKA_VERIFY),
    NAME(CKA_WRAP),
    NAME(CKA_UNWRAP),
    NAME(CKA_DERIVE),
    NAME(CKA_TRUSTED),
    NAME(CKA_WRAP_WITH_TRUSTED),
    NAME(CKA_ALWAYS_AUTHENTICATE),
};
#undef NAME

/* What a module says to one attribute. */
static CK_RV read_one(const struct token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                      CK_ATTRIBUTE *attribute)
{
    const CK_ULONG room = attribute->ulValueLen;
    const CK_RV rv = CALL(token->module->f, C_GetAttributeValue(session, object, attribute, 1));

    if (rv == CKR_OK && attribute->ulValueLen > room) /* CK_UNAVAILABLE_INFORMATION among them */
        return CKR_ATTRIBUTE_TYPE_INVALID;
    return rv;
}

static const char *flag_text(CK_RV rv, const CK_ATTRIBUTE *attribute, CK_BBOOL value)
{
    if (rv != CKR_OK || attribute->ulValueLen != sizeof(value))
        return "unknown";
    return value != CK_FALSE ? "true" : "false";
}

static void mechanisms_text(CK_RV rv, const CK_ATTRIBUTE *attribute, char *list, size_t room)
{
    const CK_MECHANISM_TYPE *types = attribute->pValue;
    const size_t count = attribute->ulValueLen / sizeof(*types);

    list[0] = '\0';
    if (rv != CKR_OK) {
        snprintf(list, room, "unknown");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const size_t used = strlen(list);

        snprintf(list + used, room - used, "%s%s", used > 0 ? ", " : "",
                 posture_mechanism_name(types[i]));
    }
    if (count == 0)
        snprintf(list, room, "all");
}

static CK_RV describe(const struct token *token, const struct session *session,
                      CK_OBJECT_HANDLE object,
                      void (*line)(void *argument, const char *name, const char *value),
                      void *argument)
{
    CK_MECHANISM_TYPE types[LISTED_MOST];
    CK_ATTRIBUTE attribute;
    char list[1024];
    CK_RV rv;

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        CK_BBOOL value = CK_FALSE;

        attribute = (CK_ATTRIBUTE){ flags[i].type, &value, sizeof(value) };
        rv = read_one(token, session->handle, object, &attribute);
        if (ckr_connection_lost(rv) || ckr_key_gone(rv))
            return rv;
        line(argument, flags[i].name, flag_text(rv, &attribute, value));
    }
    attribute = (CK_ATTRIBUTE){ CKA_ALLOWED_MECHANISMS, types, sizeof(types) };
    rv = read_one(token, session->handle, object, &attribute);
    mechanisms_text(rv, &attribute, list, sizeof(list));
    line(argument, "CKA_ALLOWED_MECHANISMS", list);
    return CKR_OK;
}

bool hsm_key_attributes(struct hsm_key *key,
                        void (*line)(void *argument, const char *name, const char *value),
                        void *argument, struct failure *why)
{
    struct hsm_key *member = group_any(key, false, why);
    struct session *session;
    struct token *token;
    struct key_facts facts;
    CK_RV rv;

    if (member == NULL || (session = key_session(member, &facts, why)) == NULL)
        return false;
    token = member->token;
    rv = operation_end(session, token);
    if (rv == CKR_OK)
        rv = describe(token, session, facts.handle, line, argument);
    session_return(token, session, rv == CKR_OK);
    life_lock();
    if (ckr_connection_lost(rv))
        token_lost(token, facts.epoch);
    life_unlock();
    return rv == CKR_OK ||
           ckr_failure(why, FAILURE_OPERATION, rv, "token '%s': the attributes of key '%s'",
                       token->label, key->shown);
}
