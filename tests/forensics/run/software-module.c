/*
 * The software module, for the control: a PKCS#11 module in front of the HSM's that leaves tokens,
 * logins and keys to it and computes AES in this process, under the key that the tracer writes.  So
 * the same command, with the same reference, does the same calls, and has the key in its memory.
 * For `hsmzke-memscan run` and nothing else: without its tracer it computes nothing.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "software-cipher.h"
#include "stop.h"

enum { DECRYPT, ENCRYPT };

struct session {
    struct session *next;
    CK_SESSION_HANDLE handle;
    struct software *running[2]; /* by direction; NULL: none of ours */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the list of sessions */
static struct session *sessions;                         /* kept for good: handles come again */
static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;

/* One thread at a time uses a session, so what it points to needs no lock. */
static struct session *find(CK_SESSION_HANDLE handle)
{
    struct session *session;

    pthread_mutex_lock(&lock);
    for (session = sessions; session != NULL && session->handle != handle;)
        session = session->next;
    if (session == NULL && (session = calloc(1, sizeof(*session))) != NULL) {
        session->handle = handle;
        session->next = sessions;
        sessions = session;
    }
    pthread_mutex_unlock(&lock);
    return session;
}

static CK_RV init(CK_SESSION_HANDLE handle, const CK_MECHANISM *mechanism, int direction)
{
    struct session *session = find(handle);

    if (session == NULL)
        return CKR_HOST_MEMORY;
    session->running[direction] =
        software_begin(session->running[direction], mechanism, direction == ENCRYPT);
    return session->running[direction] != NULL ? CKR_OK : CKR_FUNCTION_FAILED;
}

/* An operation ends with C_Encrypt and C_EncryptFinal, unless they only asked for a length. */
static CK_RV ended(struct session *session, int direction, const CK_BYTE *out, CK_RV rv)
{
    if (rv != CKR_BUFFER_TOO_SMALL && (out != NULL || rv != CKR_OK)) {
        software_end(session->running[direction]);
        session->running[direction] = NULL;
    }
    return rv;
}

/* A mechanism that is not computed here is the HSM's. */
#define DIRECTION(name, direction)                                                                 \
    static CK_RV soft_C_##name##Init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)   \
    {                                                                                              \
        if (m != NULL && software_serves(m->mechanism))                                            \
            return init(s, m, direction);                                                          \
        return real->C_##name##Init(s, m, key);                                                    \
    }                                                                                              \
                                                                                                   \
    static CK_RV soft_C_##name(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,         \
                               CK_ULONG *size)                                                     \
    {                                                                                              \
        struct session *session = find(s);                                                         \
                                                                                                   \
        if (session == NULL || session->running[direction] == NULL)                                \
            return real->C_##name(s, in, n, out, size);                                            \
        return ended(session, direction, out,                                                      \
                     software_whole(session->running[direction], in, n, out, size));               \
    }                                                                                              \
                                                                                                   \
    static CK_RV soft_C_##name##Update(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, \
                                       CK_ULONG *size)                                             \
    {                                                                                              \
        struct session *session = find(s);                                                         \
                                                                                                   \
        if (session == NULL || session->running[direction] == NULL)                                \
            return real->C_##name##Update(s, in, n, out, size);                                    \
        return software_update(session->running[direction], in, n, out, size);                     \
    }                                                                                              \
                                                                                                   \
    static CK_RV soft_C_##name##Final(CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size)           \
    {                                                                                              \
        struct session *session = find(s);                                                         \
                                                                                                   \
        if (session == NULL || session->running[direction] == NULL)                                \
            return real->C_##name##Final(s, out, size);                                            \
        return ended(session, direction, out,                                                      \
                     software_final(session->running[direction], out, size));                      \
    }

DIRECTION(Encrypt, ENCRYPT)
DIRECTION(Decrypt, DECRYPT)

/* Its handle may come again. */
static CK_RV soft_C_CloseSession(CK_SESSION_HANDLE s)
{
    struct session *session = find(s);

    for (int i = 0; session != NULL && i < 2; i++) {
        software_end(session->running[i]);
        session->running[i] = NULL;
    }
    return real->C_CloseSession(s);
}

static CK_RV soft_C_GetFunctionList(CK_FUNCTION_LIST **out);

static void start(void)
{
    const char *path = getenv(STOP_ENV_REAL);
    void *library = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library == NULL ? NULL : dlsym(library, "C_GetFunctionList");
    CK_C_GetFunctionList get_list;

    if (symbol == NULL)
        return;
    memcpy(&get_list, &symbol, sizeof(get_list));
    if (get_list(&real) != CKR_OK || real == NULL)
        return;
    list = *real;
    list.C_GetFunctionList = soft_C_GetFunctionList;
    list.C_CloseSession = soft_C_CloseSession;
    list.C_EncryptInit = soft_C_EncryptInit;
    list.C_Encrypt = soft_C_Encrypt;
    list.C_EncryptUpdate = soft_C_EncryptUpdate;
    list.C_EncryptFinal = soft_C_EncryptFinal;
    list.C_DecryptInit = soft_C_DecryptInit;
    list.C_Decrypt = soft_C_Decrypt;
    list.C_DecryptUpdate = soft_C_DecryptUpdate;
    list.C_DecryptFinal = soft_C_DecryptFinal;
}

static CK_RV soft_C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    pthread_once(&once, start);
    if (real == NULL)
        return CKR_GENERAL_ERROR;
    *out = &list;
    return CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    return soft_C_GetFunctionList(out);
}
