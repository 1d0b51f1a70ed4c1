/*
 * Lengths that are wrong, output beyond them, and calls that fail when all is written already, at
 * calls of functions that return a length.  The script:
 *
 *   size FUNCTION:N:WHAT       the length returned: "small" (one less), "large" (one more than
 * there is room for), "unavailable", or a number beyond FUNCTION:N:BYTES    so many bytes are
 * written behind what is returned, as far as the caller gave room overwrite FUNCTION:N:CKR   the
 * output is written, and then the call fails
 */
#include "shim.h"

#include <stdlib.h>
#include <string.h>

enum { JUNK = 0xbd };

static CK_FUNCTION_LIST *below, list;

static bool at(const char *verb, char argument[WORD])
{
    if (!script_at(verb, call_now(), argument))
        return false;
    call_injected();
    return true;
}

/* `room` and `*size` count units of `unit` bytes. */
static CK_RV spoil(CK_RV rv, void *out, CK_ULONG *size, CK_ULONG room, size_t unit)
{
    char argument[WORD];

    if (rv != CKR_OK)
        return rv;
    if (out != NULL && *size <= room && at("beyond", argument)) {
        const size_t left = (room - *size) * unit, bytes = strtoul(argument, NULL, 0);

        memset((CK_BYTE *)out + *size * unit, JUNK, bytes < left ? bytes : left);
    }
    if (at("size", argument)) {
        if (strcmp(argument, "small") == 0)
            *size -= *size > 0;
        else if (strcmp(argument, "large") == 0)
            *size = room + 1;
        else if (strcmp(argument, "unavailable") == 0)
            *size = CK_UNAVAILABLE_INFORMATION;
        else
            *size = strtoul(argument, NULL, 0);
    }
    return at("overwrite", argument) ? strtoul(argument, NULL, 0) : rv;
}

#define WHOLE(name, function)                                                                      \
    static CK_RV name(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size)  \
    {                                                                                              \
        const CK_ULONG room = *size;                                                               \
                                                                                                   \
        return spoil(below->function(s, in, n, out, size), out, size, room, 1);                    \
    }
#define LAST(name, function)                                                                       \
    static CK_RV name(CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size)                           \
    {                                                                                              \
        const CK_ULONG room = *size;                                                               \
                                                                                                   \
        return spoil(below->function(s, out, size), out, size, room, 1);                           \
    }
/* clang-format off */
WHOLE(encrypt, C_Encrypt)
WHOLE(encrypt_update, C_EncryptUpdate)
LAST(encrypt_final, C_EncryptFinal)
WHOLE(decrypt, C_Decrypt)
WHOLE(decrypt_update, C_DecryptUpdate)
LAST(decrypt_final, C_DecryptFinal)
WHOLE(sign, C_Sign)
LAST(sign_final, C_SignFinal)
/* clang-format on */

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n)
{
    const CK_ULONG room = slots == NULL ? 0 : *n;

    return spoil(below->C_GetSlotList(present, slots, n), slots, n, room, sizeof(*slots));
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *m, CK_ULONG *n)
{
    const CK_ULONG room = m == NULL ? 0 : *n;

    return spoil(below->C_GetMechanismList(slot, m, n), m, n, room, sizeof(*m));
}

static CK_RV find_objects(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *found, CK_ULONG most, CK_ULONG *n)
{
    return spoil(below->C_FindObjects(s, found, most, n), found, n, most, sizeof(*found));
}

/* The first attribute that was asked for. */
static CK_RV get_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n)
{
    const CK_ULONG room = n > 0 ? t->ulValueLen : 0;
    const CK_RV rv = below->C_GetAttributeValue(s, o, t, n);

    return n == 0 ? rv : spoil(rv, t->pValue, &t->ulValueLen, room, 1);
}

CK_FUNCTION_LIST *lengths_over(CK_FUNCTION_LIST *real)
{
    below = real;
    list = *real;
    list.C_Encrypt = encrypt;
    list.C_EncryptUpdate = encrypt_update;
    list.C_EncryptFinal = encrypt_final;
    list.C_Decrypt = decrypt;
    list.C_DecryptUpdate = decrypt_update;
    list.C_DecryptFinal = decrypt_final;
    list.C_Sign = sign;
    list.C_SignFinal = sign_final;
    list.C_GetSlotList = get_slot_list;
    list.C_GetMechanismList = get_mechanism_list;
    list.C_FindObjects = find_objects;
    list.C_GetAttributeValue = get_attributes;
    return &list;
}
