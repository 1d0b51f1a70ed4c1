/*
 * What a module makes of templates for keys.  The script: "generate-refuse 0x171 0x170":
 * C_GenerateKey takes no template with one of these attributes; "generate-flip 0x162": it makes the
 * key with the opposite of it.
 */
#include "shim.h"

#include <stdlib.h>

enum { MOST = 64 };

static CK_FUNCTION_LIST *below, list;

static bool names(const char *verb, CK_ATTRIBUTE_TYPE type)
{
    char rest[WORD], *at = rest, *end;

    if (!script_says(verb, rest, sizeof(rest)))
        return false;
    for (; *at != '\0'; at = end) {
        if (strtoul(at, &end, 0) == type)
            return true;
        if (end == at)
            return false;
    }
    return false;
}

static CK_RV generate_key(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *template, CK_ULONG n,
                          CK_OBJECT_HANDLE *key)
{
    static CK_BBOOL opposite;
    CK_ATTRIBUTE changed[MOST];

    if (n > MOST)
        return CKR_ARGUMENTS_BAD;
    for (CK_ULONG i = 0; i < n; i++) {
        changed[i] = template[i];
        if (names("generate-refuse", template[i].type))
            return CKR_ATTRIBUTE_TYPE_INVALID;
        if (names("generate-flip", template[i].type)) {
            opposite = !*(CK_BBOOL *)template[i].pValue;
            changed[i].pValue = &opposite;
        }
    }
    return below->C_GenerateKey(s, m, changed, n, key);
}

CK_FUNCTION_LIST *generate_over(CK_FUNCTION_LIST *real)
{
    below = real;
    list = *real;
    list.C_GenerateKey = generate_key;
    return &list;
}
