/* Attributes of an object: read one at a time, and a module's odd answers made plain. */
#ifndef HSMZKE_PKCS11_ATTRIBUTE_H
#define HSMZKE_PKCS11_ATTRIBUTE_H

#include "pkcs11/token.h"

/** One attribute's bytes. @return their number, or -1 where the module has none that we can use */
int attribute_bytes(const struct token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, void *value, size_t size);

/** A number. @return CK_UNAVAILABLE_INFORMATION where there is none */
CK_ULONG attribute_number(const struct token *token, CK_SESSION_HANDLE session,
                          CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type);

/** A boolean; `otherwise` where there is none. */
bool attribute_bool(const struct token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, bool otherwise);

#endif
