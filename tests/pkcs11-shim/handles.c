/*
 * Handles that are given anew.  The script: "renumber": sessions and objects are counted from 1 on,
 * and from 1 on again whenever all sessions died or the module was started: the old handle of one
 * key is then that of another, the old handle of a session that of a new one.  And "reuse": an
 * object that is found gets the handle of one that is gone.
 */
#include "shim.h"

#include <pthread.h>

enum { MOST = 4096 };

static CK_FUNCTION_LIST *below, list;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What stands behind the handles 1, 2, ...; guarded by the lock. */
static struct numbers {
    CK_ULONG real[MOST], used;
} sessions, objects;

void handles_forget(void)
{
    pthread_mutex_lock(&lock);
    sessions.used = objects.used = 0;
    pthread_mutex_unlock(&lock);
}

static bool on(void)
{
    return script_says("renumber", NULL, 0);
}

static CK_ULONG show(struct numbers *numbers, CK_ULONG real)
{
    CK_ULONG i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < numbers->used && numbers->real[i] != real; i++)
        ;
    if (i == numbers->used && i < MOST)
        numbers->real[numbers->used++] = real;
    pthread_mutex_unlock(&lock);
    return i + 1;
}

static CK_ULONG real_of(const struct numbers *numbers, CK_ULONG shown)
{
    CK_ULONG real = CK_UNAVAILABLE_INFORMATION;

    if (!on())
        return shown;
    pthread_mutex_lock(&lock);
    if (shown >= 1 && shown <= numbers->used)
        real = numbers->real[shown - 1];
    pthread_mutex_unlock(&lock);
    return real;
}

/* All that work in a session. */
#define CRYPTOKI(name, parameters, arguments)
#define CRYPTOKI_SESSION(name, parameters, arguments)                                              \
    static CK_RV in_##name parameters                                                              \
    {                                                                                              \
        s = real_of(&sessions, s);                                                                 \
        return below->name arguments;                                                              \
    }
#include "functions.h"

static CK_RV initialize(void *args)
{
    handles_forget();
    return below->C_Initialize(args);
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *s)
{
    const CK_RV rv = below->C_OpenSession(slot, flags, app, notify, s);

    if (rv == CKR_OK && on())
        *s = show(&sessions, *s);
    return rv;
}

static CK_RV close_all(CK_SLOT_ID slot)
{
    handles_forget();
    return below->C_CloseAllSessions(slot);
}

/* Objects that are gone leave their handle to `real`, which has none. */
static void reuse(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE real)
{
    CK_OBJECT_CLASS class;
    CK_ATTRIBUTE ask = { CKA_CLASS, &class, sizeof(class) };
    CK_ULONG i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < objects.used && objects.real[i] != real; i++)
        ;
    for (CK_ULONG j = 0; i == objects.used && j < objects.used; j++) {
        if (below->C_GetAttributeValue(s, objects.real[j], &ask, 1) == CKR_OBJECT_HANDLE_INVALID)
            objects.real[i = j] = real;
    }
    pthread_mutex_unlock(&lock);
}

static CK_RV find_objects(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *found, CK_ULONG most, CK_ULONG *n)
{
    const CK_RV rv = below->C_FindObjects(real_of(&sessions, s), found, most, n);

    for (CK_ULONG i = 0; rv == CKR_OK && script_says("reuse", NULL, 0) && i < *n; i++)
        reuse(real_of(&sessions, s), found[i]);
    for (CK_ULONG i = 0; rv == CKR_OK && on() && i < *n; i++)
        found[i] = show(&objects, found[i]);
    return rv;
}

static CK_RV generate_key(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n,
                          CK_OBJECT_HANDLE *key)
{
    const CK_RV rv = below->C_GenerateKey(real_of(&sessions, s), m, t, n, key);

    if (rv == CKR_OK && on())
        *key = show(&objects, *key);
    return rv;
}

static CK_RV get_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n)
{
    return below->C_GetAttributeValue(real_of(&sessions, s), real_of(&objects, o), t, n);
}

static CK_RV set_attributes(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *t, CK_ULONG n)
{
    return below->C_SetAttributeValue(real_of(&sessions, s), real_of(&objects, o), t, n);
}

static CK_RV destroy(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o)
{
    return below->C_DestroyObject(real_of(&sessions, s), real_of(&objects, o));
}

static CK_RV encrypt_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return below->C_EncryptInit(real_of(&sessions, s), m, real_of(&objects, key));
}

static CK_RV decrypt_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return below->C_DecryptInit(real_of(&sessions, s), m, real_of(&objects, key));
}

static CK_RV sign_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return below->C_SignInit(real_of(&sessions, s), m, real_of(&objects, key));
}

CK_FUNCTION_LIST *handles_over(CK_FUNCTION_LIST *real)
{
    below = real;
    list = *real;
#define CRYPTOKI(name, parameters, arguments)
#define CRYPTOKI_SESSION(name, parameters, arguments)                                              \
    list.name = real->name == NULL ? NULL : in_##name;
#include "functions.h"
    list.C_Initialize = initialize;
    list.C_OpenSession = open_session;
    list.C_CloseAllSessions = close_all;
    list.C_FindObjects = find_objects;
    list.C_GenerateKey = generate_key;
    list.C_GetAttributeValue = get_attributes;
    list.C_SetAttributeValue = set_attributes;
    list.C_DestroyObject = destroy;
    list.C_EncryptInit = encrypt_init;
    list.C_DecryptInit = decrypt_init;
    list.C_SignInit = sign_init;
    return &list;
}
