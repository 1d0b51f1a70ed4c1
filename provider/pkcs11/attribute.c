/* Attributes of an object: see attribute.h. */
#include "pkcs11/attribute.h"

int attribute_bytes(const struct token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, void *value, size_t size)
{
    CK_ATTRIBUTE attribute = { type, value, size };
    const CK_RV rv = CALL(token->module->f, C_GetAttributeValue(session, object, &attribute, 1));

    if (rv != CKR_OK || attribute.ulValueLen == CK_UNAVAILABLE_INFORMATION ||
        attribute.ulValueLen > size)
        return -1;
    return (int)attribute.ulValueLen;
}

CK_ULONG attribute_number(const struct token *token, CK_SESSION_HANDLE session,
                          CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_ULONG value = 0;

    if (attribute_bytes(token, session, object, type, &value, sizeof(value)) != (int)sizeof(value))
        return CK_UNAVAILABLE_INFORMATION;
    return value;
}

bool attribute_bool(const struct token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, bool otherwise)
{
    CK_BBOOL value = CK_FALSE;

    if (attribute_bytes(token, session, object, type, &value, sizeof(value)) != (int)sizeof(value))
        return otherwise;
    return value != CK_FALSE;
}
