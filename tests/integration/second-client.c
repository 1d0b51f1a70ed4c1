/*
 * A PKCS#11 module for tests: a second p11-kit client in one process.  p11-kit's client takes the
 * address of its server from the environment when it is loaded, and there is one environment; this
 * loads a copy of it (HSMZKE_SECOND_CLIENT) with another address (HSMZKE_SECOND_ADDRESS).
 *
 * One call at a time goes in: where a server dies in the middle of an answer, p11-kit 0.25.5 leaves
 * the other threads that wait for one waiting for ever (docs/limits.md).
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static CK_FUNCTION_LIST *real, list;

#define FORWARD(name, parameters, arguments)                                                       \
    static CK_RV one_##name parameters                                                             \
    {                                                                                              \
        CK_RV rv;                                                                                  \
                                                                                                   \
        pthread_mutex_lock(&lock);                                                                 \
        rv = real->name arguments;                                                                 \
        pthread_mutex_unlock(&lock);                                                               \
        return rv;                                                                                 \
    }

typedef CK_SESSION_HANDLE session_t;

/* clang-format off */
FORWARD(C_Initialize, (void *a), (a))
FORWARD(C_Finalize, (void *a), (a))
FORWARD(C_GetInfo, (CK_INFO *a), (a))
FORWARD(C_GetSlotList, (CK_BBOOL a, CK_SLOT_ID *b, CK_ULONG *c), (a, b, c))
FORWARD(C_GetSlotInfo, (CK_SLOT_ID a, CK_SLOT_INFO *b), (a, b))
FORWARD(C_GetTokenInfo, (CK_SLOT_ID a, CK_TOKEN_INFO *b), (a, b))
FORWARD(C_GetMechanismList, (CK_SLOT_ID a, CK_MECHANISM_TYPE *b, CK_ULONG *c), (a, b, c))
FORWARD(C_GetMechanismInfo, (CK_SLOT_ID a, CK_MECHANISM_TYPE b, CK_MECHANISM_INFO *c), (a, b, c))
FORWARD(C_OpenSession, (CK_SLOT_ID a, CK_FLAGS b, void *c, CK_NOTIFY d, session_t *e),
        (a, b, c, d, e))
FORWARD(C_CloseSession, (session_t a), (a))
FORWARD(C_CloseAllSessions, (CK_SLOT_ID a), (a))
FORWARD(C_GetSessionInfo, (session_t a, CK_SESSION_INFO *b), (a, b))
FORWARD(C_Login, (session_t a, CK_USER_TYPE b, CK_BYTE *c, CK_ULONG d), (a, b, c, d))
FORWARD(C_FindObjectsInit, (session_t a, CK_ATTRIBUTE *b, CK_ULONG c), (a, b, c))
FORWARD(C_FindObjects, (session_t a, CK_OBJECT_HANDLE *b, CK_ULONG c, CK_ULONG *d), (a, b, c, d))
FORWARD(C_FindObjectsFinal, (session_t a), (a))
FORWARD(C_GetAttributeValue, (session_t a, CK_OBJECT_HANDLE b, CK_ATTRIBUTE *c, CK_ULONG d),
        (a, b, c, d))
FORWARD(C_GenerateRandom, (session_t a, CK_BYTE *b, CK_ULONG c), (a, b, c))
FORWARD(C_EncryptInit, (session_t a, CK_MECHANISM *b, CK_OBJECT_HANDLE c), (a, b, c))
FORWARD(C_Encrypt, (session_t a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), (a, b, c, d, e))
FORWARD(C_EncryptUpdate, (session_t a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e),
        (a, b, c, d, e))
FORWARD(C_EncryptFinal, (session_t a, CK_BYTE *b, CK_ULONG *c), (a, b, c))
FORWARD(C_DecryptInit, (session_t a, CK_MECHANISM *b, CK_OBJECT_HANDLE c), (a, b, c))
FORWARD(C_Decrypt, (session_t a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), (a, b, c, d, e))
FORWARD(C_DecryptUpdate, (session_t a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e),
        (a, b, c, d, e))
FORWARD(C_DecryptFinal, (session_t a, CK_BYTE *b, CK_ULONG *c), (a, b, c))
FORWARD(C_SignInit, (session_t a, CK_MECHANISM *b, CK_OBJECT_HANDLE c), (a, b, c))
FORWARD(C_Sign, (session_t a, CK_BYTE *b, CK_ULONG c, CK_BYTE *d, CK_ULONG *e), (a, b, c, d, e))
FORWARD(C_SignUpdate, (session_t a, CK_BYTE *b, CK_ULONG c), (a, b, c))
FORWARD(C_SignFinal, (session_t a, CK_BYTE *b, CK_ULONG *c), (a, b, c))
/* clang-format on */

static CK_FUNCTION_LIST forwarding(void)
{
    CK_FUNCTION_LIST own = *real;

#define USE(name) own.name = one_##name
    USE(C_Initialize), USE(C_Finalize), USE(C_GetInfo), USE(C_GetSlotList), USE(C_GetSlotInfo);
    USE(C_GetTokenInfo), USE(C_GetMechanismList), USE(C_GetMechanismInfo), USE(C_OpenSession);
    USE(C_CloseSession), USE(C_CloseAllSessions), USE(C_GetSessionInfo), USE(C_Login);
    USE(C_FindObjectsInit), USE(C_FindObjects), USE(C_FindObjectsFinal), USE(C_GetAttributeValue);
    USE(C_GenerateRandom), USE(C_EncryptInit), USE(C_Encrypt), USE(C_EncryptUpdate);
    USE(C_EncryptFinal), USE(C_DecryptInit), USE(C_Decrypt), USE(C_DecryptUpdate);
    USE(C_DecryptFinal), USE(C_SignInit), USE(C_Sign), USE(C_SignUpdate), USE(C_SignFinal);
    return own;
}

static CK_RV load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library != NULL ? dlsym(library, "C_GetFunctionList") : NULL;
    CK_C_GetFunctionList get_list;

    if (symbol == NULL)
        return CKR_GENERAL_ERROR;
    memcpy(&get_list, &symbol, sizeof(get_list));
    return get_list(&real);
}

static CK_RV load_with_address(const char *path, const char *address)
{
    static const char name[] = "P11_KIT_SERVER_ADDRESS";
    const char *first = getenv(name);
    char *kept = first != NULL ? strdup(first) : NULL;
    CK_RV rv = CKR_GENERAL_ERROR;

    if (kept != NULL && setenv(name, address, 1) == 0)
        rv = load(path);
    if (kept != NULL)
        setenv(name, kept, 1);
    free(kept);
    return rv;
}

/* The same client for all who ask. */
CK_RV C_GetFunctionList(CK_FUNCTION_LIST **given)
{
    const char *path = getenv("HSMZKE_SECOND_CLIENT"), *address = getenv("HSMZKE_SECOND_ADDRESS");
    CK_RV rv = CKR_OK;

    pthread_mutex_lock(&lock);
    if (real == NULL) {
        rv = path != NULL && address != NULL ? load_with_address(path, address) : CKR_GENERAL_ERROR;
        if (rv == CKR_OK)
            list = forwarding();
    }
    pthread_mutex_unlock(&lock);
    *given = &list;
    return rv;
}
