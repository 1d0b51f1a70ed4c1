/*
 * What happens to a token from outside.  The script, where N is the number of the call before which
 * it happens:
 *
 *   close FUNCTION:N        all sessions die
 *   logout FUNCTION:N       somebody else logs out
 *   finalize FUNCTION:N     another part of the program calls C_Finalize
 *   remove FUNCTION:N[:K]   the token is gone, and with it all sessions, for K calls (or for good)
 *   exchange A B            of a token that came back, or of sessions that died, the names of these
 *                           two keys are exchanged
 *   flags BITS              C_GetTokenInfo shows these beside the token's own: 0x10000, 0x20000,
 *                           0x40000 are the PIN's count low, final try, locked
 *   cloudhsm                the PIN is "user:password"; the token behind knows the password
 */
#include "shim.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 64 };

static CK_FUNCTION_LIST *below, list;
static atomic_long away; /* calls for which the token is gone still; -1: for good */
static atomic_bool exchanged;

/* ---- events ---- */

static void close_all(void)
{
    CK_SLOT_ID slots[SLOTS];
    CK_ULONG n = SLOTS;

    if (below->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK)
        for (CK_ULONG i = 0; i < n; i++)
            below->C_CloseAllSessions(slots[i]);
    handles_forget();
    atomic_store(&exchanged, true);
}

static void log_out(void)
{
    CK_SLOT_ID slots[SLOTS];
    CK_ULONG n = SLOTS;
    CK_SESSION_HANDLE s;

    if (below->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
        return;
    for (CK_ULONG i = 0; i < n; i++)
        if (below->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL, &s) == CKR_OK) {
            below->C_Logout(s);
            below->C_CloseSession(s);
        }
}

static bool happens(const char *verb, const struct call *call, char argument[WORD])
{
    if (!script_at(verb, call, argument))
        return false;
    call_injected();
    return true;
}

void token_events(const struct call *call)
{
    const long left = atomic_load(&away);
    char argument[WORD];

    if (left > 0)
        atomic_store(&away, left - 1);
    if (left != 0 && !script_says("remove", NULL, 0))
        atomic_store(&away, 0);
    if (below == NULL)
        return;
    if (happens("close", call, NULL))
        close_all();
    if (happens("logout", call, NULL))
        log_out();
    if (happens("finalize", call, NULL))
        below->C_Finalize(NULL);
    if (happens("remove", call, argument)) {
        close_all();
        atomic_store(&away, *argument == '\0' ? -1 : strtol(argument, NULL, 10));
    }
}

static bool is_away(void)
{
    if (atomic_load(&away) == 0)
        return false;
    call_injected();
    return true;
}

/* ---- a token that is away ---- */

static CK_RV no_token(enum function function)
{
    switch (function) {
    case FUNCTION_C_Initialize:
    case FUNCTION_C_Finalize:
    case FUNCTION_C_GetInfo:
    case FUNCTION_C_GetSlotList:
    case FUNCTION_C_GetSlotInfo:
        return CKR_OK;
    case FUNCTION_C_GetTokenInfo:
    case FUNCTION_C_GetMechanismList:
    case FUNCTION_C_GetMechanismInfo:
    case FUNCTION_C_OpenSession:
        return CKR_TOKEN_NOT_PRESENT;
    default:
        return CKR_DEVICE_REMOVED;
    }
}

#define CRYPTOKI(name, parameters, arguments)                                                      \
    static CK_RV away_##name parameters                                                            \
    {                                                                                              \
        const CK_RV rv = no_token(FUNCTION_##name);                                                \
                                                                                                   \
        return rv != CKR_OK && is_away() ? rv : below->name arguments;                             \
    }
#include "functions.h"

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n)
{
    if (!present || !is_away())
        return below->C_GetSlotList(present, slots, n);
    *n = 0;
    return CKR_OK;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    const CK_RV rv = below->C_GetSlotInfo(slot, info);

    if (rv == CKR_OK && is_away())
        info->flags &= ~(CK_FLAGS)CKF_TOKEN_PRESENT;
    return rv;
}

/* ---- a token that is there ---- */

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    char bits[WORD];
    CK_RV rv;

    if (is_away())
        return CKR_TOKEN_NOT_PRESENT;
    rv = below->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && script_says("flags", bits, sizeof(bits)))
        info->flags |= strtoul(bits, NULL, 0);
    return rv;
}

static CK_RV login(CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG n)
{
    const CK_BYTE *colon;

    if (is_away())
        return CKR_DEVICE_REMOVED;
    if (!script_says("cloudhsm", NULL, 0))
        return below->C_Login(s, user, pin, n);
    colon = memchr(pin, ':', n);
    if (colon == NULL || colon == pin)
        return CKR_PIN_INCORRECT;
    return below->C_Login(s, user, pin + (colon + 1 - pin), n - (CK_ULONG)(colon + 1 - pin));
}

/* The other name, where this is one of the two that are exchanged; else NULL. */
static const char *other_name(const void *name, CK_ULONG size, char both[WORD])
{
    char *second;

    if (!atomic_load(&exchanged) || !script_says("exchange", both, WORD) ||
        (second = strchr(both, ' ')) == NULL)
        return NULL;
    *second++ = '\0';
    if (strlen(both) == size && memcmp(both, name, size) == 0)
        return second;
    return strlen(second) == size && memcmp(second, name, size) == 0 ? both : NULL;
}

static CK_RV find_objects_init(CK_SESSION_HANDLE s, CK_ATTRIBUTE *template, CK_ULONG n)
{
    CK_ATTRIBUTE changed[8];
    char both[WORD];

    if (is_away())
        return CKR_DEVICE_REMOVED;
    if (n > sizeof(changed) / sizeof(changed[0]))
        return CKR_ARGUMENTS_BAD;
    for (CK_ULONG i = 0; i < n; i++) {
        const char *other = NULL;

        changed[i] = template[i];
        if (template[i].type == CKA_LABEL)
            other = other_name(template[i].pValue, template[i].ulValueLen, both);
        if (other != NULL) {
            changed[i].pValue = (char *)(both + (other - both));
            changed[i].ulValueLen = strlen(other);
            call_injected();
        }
    }
    return below->C_FindObjectsInit(s, changed, n);
}

static CK_RV get_attribute_value(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *template,
                                 CK_ULONG n)
{
    CK_ULONG room[16] = { 0 };
    char both[WORD];
    CK_RV rv;

    if (is_away())
        return CKR_DEVICE_REMOVED;
    for (CK_ULONG i = 0; i < n && i < 16; i++)
        room[i] = template[i].ulValueLen;
    rv = below->C_GetAttributeValue(s, o, template, n);
    for (CK_ULONG i = 0; rv == CKR_OK && i < n && i < 16; i++) {
        const char *other = template[i].type == CKA_LABEL && template[i].pValue != NULL
                                ? other_name(template[i].pValue, template[i].ulValueLen, both)
                                : NULL;

        if (other != NULL && strlen(other) <= room[i]) {
            memcpy(template[i].pValue, other, strlen(other));
            template[i].ulValueLen = strlen(other);
        }
    }
    return rv;
}

CK_FUNCTION_LIST *token_over(CK_FUNCTION_LIST *real)
{
    below = real;
    list = *real;
#define CRYPTOKI(name, parameters, arguments) list.name = real->name == NULL ? NULL : away_##name;
#include "functions.h"
    list.C_GetSlotList = get_slot_list;
    list.C_GetSlotInfo = get_slot_info;
    list.C_GetTokenInfo = get_token_info;
    list.C_Login = login;
    list.C_FindObjectsInit = find_objects_init;
    list.C_GetAttributeValue = get_attribute_value;
    return &list;
}
