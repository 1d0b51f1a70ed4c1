/*
 * Answers that make no sense, from a call on: every call says CKR_OK where the real module does.
 * The script, "nonsense WHAT [AFTER]", where so many calls with data are answered well before:
 *
 *   short, long         a block less or more than there is in the output's size
 *   unavailable         CK_UNAVAILABLE_INFORMATION in its place
 *   objects, sessions   handles that name nothing
 *   counts              more slots and objects than there was room for
 *   echo, silent        the data that went in come out; nothing is written
 */
#include "shim.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16 };

static CK_FUNCTION_LIST *below, list;

static bool told(const char *what)
{
    return script_has("nonsense", what);
}

/* Whether it is this call's turn, in this process. */
static bool begun(void)
{
    static atomic_ulong calls;
    char rest[WORD];
    const char *after;

    if (!script_says("nonsense", rest, sizeof(rest)))
        return false;
    after = strchr(rest, ' ');
    return atomic_fetch_add(&calls, 1) >= (after == NULL ? 0 : strtoul(after, NULL, 10));
}

typedef CK_RV data_call(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size);

/* The call below, and then what is made of its answer. */
static CK_RV spoilt(data_call *call, CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                    CK_ULONG *size)
{
    CK_BYTE *before, *data;
    CK_RV rv;

    if (out == NULL || !begun())
        return call(s, in, n, out, size);
    before = malloc(*size + 1);
    data = malloc(n + 1);
    if (before == NULL || data == NULL)
        abort();
    memcpy(before, out, *size);
    if (n > 0)
        memcpy(data, in, n);
    rv = call(s, in, n, out, size);
    if (rv == CKR_OK && told("silent"))
        memcpy(out, before, *size);
    if (rv == CKR_OK && told("echo"))
        memcpy(out, data, n < *size ? n : *size);
    if (rv == CKR_OK && told("short"))
        *size -= *size < BLOCK ? *size : BLOCK;
    if (rv == CKR_OK && told("long"))
        *size += BLOCK;
    if (rv == CKR_OK && told("unavailable"))
        *size = CK_UNAVAILABLE_INFORMATION;
    free(before);
    free(data);
    return rv;
}

static CK_RV encrypt(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size)
{
    return spoilt(below->C_Encrypt, s, in, n, out, size);
}

static CK_RV encrypt_update(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                            CK_ULONG *size)
{
    return spoilt(below->C_EncryptUpdate, s, in, n, out, size);
}

static CK_RV decrypt(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size)
{
    return spoilt(below->C_Decrypt, s, in, n, out, size);
}

static CK_RV decrypt_update(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                            CK_ULONG *size)
{
    return spoilt(below->C_DecryptUpdate, s, in, n, out, size);
}

static CK_RV sign(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size)
{
    return spoilt(below->C_Sign, s, in, n, out, size);
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *s)
{
    const CK_RV rv = below->C_OpenSession(slot, flags, app, notify, s);

    if (rv == CKR_OK && told("sessions"))
        *s = 0xdeadbeef;
    return rv;
}

static CK_RV find_objects(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *objects, CK_ULONG max, CK_ULONG *n)
{
    const CK_RV rv = below->C_FindObjects(s, objects, max, n);

    for (CK_ULONG i = 0; rv == CKR_OK && told("objects") && i < *n; i++)
        objects[i] = 0xdeadbeef;
    if (rv == CKR_OK && told("counts"))
        *n = max + 1000;
    return rv;
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n)
{
    const CK_RV rv = below->C_GetSlotList(present, slots, n);

    /* Without a list it is asked how much room is needed, and more is no nonsense. */
    if (rv == CKR_OK && slots != NULL && told("counts"))
        *n += 1000;
    return rv;
}

CK_FUNCTION_LIST *answers_over(CK_FUNCTION_LIST *real)
{
    below = real;
    list = *real;
    list.C_Encrypt = encrypt;
    list.C_EncryptUpdate = encrypt_update;
    list.C_Decrypt = decrypt;
    list.C_DecryptUpdate = decrypt_update;
    list.C_Sign = sign;
    list.C_OpenSession = open_session;
    list.C_FindObjects = find_objects;
    list.C_GetSlotList = get_slot_list;
    return &list;
}
