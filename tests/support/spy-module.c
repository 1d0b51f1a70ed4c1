/*
 * A PKCS#11 module that stands in front of the one in HSMZKE_SPY_MODULE, logs calls and makes them
 * fail on demand.  A line "NAME 0xRV" goes to HSMZKE_SPY_LOG for each call, with " spy" behind it
 * when the failure was made here, and " gcm" behind encryption with CKM_AES_GCM.
 *
 *   HSMZKE_SPY_FAIL         NAME:N:RV[,...]: the N-th call of NAME returns RV;
 *                           N+: all from there on
 *   HSMZKE_SPY_GONE         a file name: while the file exists every call returns the number in it
 *   HSMZKE_SPY_TOKEN_FLAGS  bits that C_GetTokenInfo shows beside the token's own
 *   HSMZKE_SPY_GCM          "no-update": C_EncryptUpdate refuses CKM_AES_GCM;
 *                           "own-iv": C_EncryptInit with CKM_AES_GCM encrypts under an IV of the
 *                           module's own, which it writes where the caller gave one
 *   HSMZKE_SPY_GENERATE     "refuse 0x171 0x170": C_GenerateKey takes no template with one of these
 *                           attributes; "flip 0x162": it makes the key with the opposite of it
 *   HSMZKE_SPY_NATIVE       mechanisms that the real module has not: spy-native.c
 *   HSMZKE_SPY_HOLE         a function that is NULL in the list
 *   HSMZKE_SPY_NONSENSE     answers that make no sense: spy-nonsense.c
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#include "spy-native.h"
#include "spy-nonsense.h"

struct counter {
    const char *name;
    unsigned calls;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of the counters */
static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;
static int log_fd = -1;

/* Says whether the settings make call number `calls` of `name` fail, and how. */
static bool told_to_fail(const char *name, unsigned calls, CK_RV *rv)
{
    const char *rule = getenv("HSMZKE_SPY_FAIL");
    size_t length = strlen(name);

    for (; rule != NULL && *rule != '\0'; rule = strchr(rule, ',')) {
        char *end;
        unsigned long nth;
        bool onwards;

        rule += *rule == ',';
        if (strncmp(rule, name, length) != 0 || rule[length] != ':')
            continue;
        nth = strtoul(rule + length + 1, &end, 10);
        onwards = *end == '+';
        end += onwards;
        if (*end != ':' || (onwards ? calls < nth : calls != nth))
            continue;
        *rv = strtoul(end + 1, NULL, 0);
        return true;
    }
    return false;
}

static bool gone(CK_RV *rv)
{
    const char *path = getenv("HSMZKE_SPY_GONE");
    FILE *file = path == NULL ? NULL : fopen(path, "r");
    unsigned long value = CKR_DEVICE_REMOVED;

    if (file == NULL)
        return false;
    if (fscanf(file, "%lu", &value) != 1)
        value = CKR_DEVICE_REMOVED;
    fclose(file);
    *rv = value;
    return true;
}

static void log_call(const char *name, CK_RV rv, const char *by)
{
    char line[128];
    int size = snprintf(line, sizeof(line), "%s 0x%lx%s\n", name, (unsigned long)rv, by);

    /* One write to a file opened for appending: lines of threads and processes do not mix. */
    if (log_fd >= 0 && write(log_fd, line, (size_t)size) != size)
        perror("HSMZKE_SPY_LOG");
}

/* Counts a call; true if it is to fail here, with *rv. */
static bool intercepted(struct counter *counter, CK_RV *rv)
{
    unsigned calls;

    pthread_mutex_lock(&lock);
    calls = ++counter->calls;
    pthread_mutex_unlock(&lock);
    if (!gone(rv) && !told_to_fail(counter->name, calls, rv))
        return false;
    log_call(counter->name, *rv, " spy");
    return true;
}

#define SPY(name, parameters, arguments)                                                           \
    static CK_RV spy_##name parameters                                                             \
    {                                                                                              \
        static struct counter counter = { #name, 0 };                                              \
        CK_RV rv;                                                                                  \
                                                                                                   \
        if (intercepted(&counter, &rv))                                                            \
            return rv;                                                                             \
        rv = real->name arguments;                                                                 \
        log_call(#name, rv, "");                                                                   \
        return rv;                                                                                 \
    }

SPY(C_Initialize, (void *args), (args))
SPY(C_Finalize, (void *reserved), (reserved))
SPY(C_GetInfo, (CK_INFO * info), (info))
SPY(C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID *slots, CK_ULONG *n), (present, slots, n))
SPY(C_GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO *info), (slot, info))
SPY(C_GetMechanismList, (CK_SLOT_ID slot, CK_MECHANISM_TYPE *m, CK_ULONG *n), (slot, m, n))
SPY(C_GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE m, CK_MECHANISM_INFO *info),
    (slot, m, info))
SPY(C_OpenSession,
    (CK_SLOT_ID slot, CK_FLAGS flags, void *app, CK_NOTIFY notify, CK_SESSION_HANDLE *s),
    (slot, flags, app, notify, s))
SPY(C_CloseSession, (CK_SESSION_HANDLE s), (s))
SPY(C_CloseAllSessions, (CK_SLOT_ID slot), (slot))
SPY(C_GetSessionInfo, (CK_SESSION_HANDLE s, CK_SESSION_INFO *info), (s, info))
SPY(C_Login, (CK_SESSION_HANDLE s, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG n), (s, user, pin, n))
SPY(C_Logout, (CK_SESSION_HANDLE s), (s))
SPY(C_GetAttributeValue,
    (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, CK_ATTRIBUTE *template, CK_ULONG n),
    (s, o, template, n))
SPY(C_FindObjectsInit, (CK_SESSION_HANDLE s, CK_ATTRIBUTE *template, CK_ULONG n), (s, template, n))
SPY(C_FindObjects, (CK_SESSION_HANDLE s, CK_OBJECT_HANDLE *o, CK_ULONG max, CK_ULONG *n),
    (s, o, max, n))
SPY(C_FindObjectsFinal, (CK_SESSION_HANDLE s), (s))
SPY(C_Encrypt, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
SPY(C_EncryptFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size), (s, out, size))
SPY(C_DecryptInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (s, m, key))
SPY(C_Decrypt, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
SPY(C_DecryptUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
SPY(C_DecryptFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size), (s, out, size))
SPY(C_SignInit, (CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (s, m, key))
SPY(C_Sign, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size),
    (s, in, n, out, size))
SPY(C_SignUpdate, (CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n), (s, in, n))
SPY(C_SignFinal, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG *size), (s, out, size))
SPY(C_GenerateRandom, (CK_SESSION_HANDLE s, CK_BYTE *out, CK_ULONG n), (s, out, n))

/* Whether the encryption that runs in a session is GCM's; by the last bits of its handle. */
static bool gcm_runs[1 << 16];

static bool gcm_does(const char *what)
{
    const char *setting = getenv("HSMZKE_SPY_GCM");

    return setting != NULL && strcmp(setting, what) == 0;
}

static CK_RV spy_C_EncryptInit(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    static struct counter counter = { "C_EncryptInit", 0 };
    const bool gcm = m != NULL && m->mechanism == CKM_AES_GCM;
    CK_RV rv;

    if (intercepted(&counter, &rv))
        return rv;
    if (gcm && gcm_does("own-iv")) {
        const CK_GCM_PARAMS *params = m->pParameter;

        rv = real->C_GenerateRandom(s, params->pIv, params->ulIvLen);
        if (rv != CKR_OK)
            return rv;
    }
    rv = real->C_EncryptInit(s, m, key);
    pthread_mutex_lock(&lock);
    gcm_runs[s & 0xffff] = gcm && rv == CKR_OK;
    pthread_mutex_unlock(&lock);
    log_call("C_EncryptInit", rv, gcm ? " gcm" : "");
    return rv;
}

static CK_RV spy_C_EncryptUpdate(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                                 CK_ULONG *size)
{
    static struct counter counter = { "C_EncryptUpdate", 0 };
    bool gcm;
    CK_RV rv;

    if (intercepted(&counter, &rv))
        return rv;
    pthread_mutex_lock(&lock);
    gcm = gcm_runs[s & 0xffff];
    pthread_mutex_unlock(&lock);
    rv = gcm && gcm_does("no-update") ? CKR_FUNCTION_NOT_SUPPORTED
                                      : real->C_EncryptUpdate(s, in, n, out, size);
    log_call("C_EncryptUpdate", rv, gcm ? " gcm" : "");
    return rv;
}

/* Whether HSMZKE_SPY_GENERATE says `what` of an attribute. */
static bool generate_does(const char *what, CK_ATTRIBUTE_TYPE type)
{
    const char *setting = getenv("HSMZKE_SPY_GENERATE");
    char *end;

    if (setting == NULL || strncmp(setting, what, strlen(what)) != 0)
        return false;
    for (setting += strlen(what); *setting != '\0'; setting = end) {
        if (strtoul(setting, &end, 0) == type)
            return true;
        if (end == setting)
            return false;
    }
    return false;
}

static CK_RV spy_C_GenerateKey(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_ATTRIBUTE *template,
                               CK_ULONG n, CK_OBJECT_HANDLE *key)
{
    static struct counter counter = { "C_GenerateKey", 0 };
    static CK_BBOOL opposite;
    CK_ATTRIBUTE changed[64];
    CK_RV rv;

    if (intercepted(&counter, &rv))
        return rv;
    rv = n > 64 ? CKR_ARGUMENTS_BAD : CKR_OK;
    for (CK_ULONG i = 0; i < n && rv == CKR_OK; i++) {
        changed[i] = template[i];
        if (generate_does("refuse", template[i].type))
            rv = CKR_ATTRIBUTE_TYPE_INVALID;
        if (generate_does("flip", template[i].type)) {
            opposite = !*(CK_BBOOL *)template[i].pValue;
            changed[i].pValue = &opposite;
        }
    }
    if (rv == CKR_OK)
        rv = real->C_GenerateKey(s, m, changed, n, key);
    log_call("C_GenerateKey", rv, "");
    return rv;
}

static CK_RV spy_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    static struct counter counter = { "C_GetTokenInfo", 0 };
    const char *flags = getenv("HSMZKE_SPY_TOKEN_FLAGS");
    CK_RV rv;

    if (intercepted(&counter, &rv))
        return rv;
    rv = real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && flags != NULL)
        info->flags |= strtoul(flags, NULL, 0);
    log_call("C_GetTokenInfo", rv, "");
    return rv;
}

static CK_RV spy_C_GetFunctionList(CK_FUNCTION_LIST **out);

/* What is not logged goes to the real module directly. */
static void fill_list(void)
{
    list = *real;
    list.C_GetFunctionList = spy_C_GetFunctionList;
    list.C_GetTokenInfo = spy_C_GetTokenInfo;
    list.C_Initialize = spy_C_Initialize;
    list.C_Finalize = spy_C_Finalize;
    list.C_GetInfo = spy_C_GetInfo;
    list.C_GetSlotList = spy_C_GetSlotList;
    list.C_GetSlotInfo = spy_C_GetSlotInfo;
    list.C_GetMechanismList = spy_C_GetMechanismList;
    list.C_GetMechanismInfo = spy_C_GetMechanismInfo;
    list.C_OpenSession = spy_C_OpenSession;
    list.C_CloseSession = spy_C_CloseSession;
    list.C_CloseAllSessions = spy_C_CloseAllSessions;
    list.C_GetSessionInfo = spy_C_GetSessionInfo;
    list.C_Login = spy_C_Login;
    list.C_Logout = spy_C_Logout;
    list.C_GetAttributeValue = spy_C_GetAttributeValue;
    list.C_FindObjectsInit = spy_C_FindObjectsInit;
    list.C_FindObjects = spy_C_FindObjects;
    list.C_FindObjectsFinal = spy_C_FindObjectsFinal;
    list.C_EncryptInit = spy_C_EncryptInit;
    list.C_Encrypt = spy_C_Encrypt;
    list.C_EncryptUpdate = spy_C_EncryptUpdate;
    list.C_EncryptFinal = spy_C_EncryptFinal;
    list.C_DecryptInit = spy_C_DecryptInit;
    list.C_Decrypt = spy_C_Decrypt;
    list.C_DecryptUpdate = spy_C_DecryptUpdate;
    list.C_DecryptFinal = spy_C_DecryptFinal;
    list.C_SignInit = spy_C_SignInit;
    list.C_Sign = spy_C_Sign;
    list.C_SignUpdate = spy_C_SignUpdate;
    list.C_SignFinal = spy_C_SignFinal;
    list.C_GenerateRandom = spy_C_GenerateRandom;
    list.C_GenerateKey = spy_C_GenerateKey;
}

static void make_hole(void)
{
    const char *name = getenv("HSMZKE_SPY_HOLE");

    if (name == NULL)
        return;
    if (strcmp(name, "C_GetMechanismList") == 0)
        list.C_GetMechanismList = NULL;
    else if (strcmp(name, "C_GetMechanismInfo") == 0)
        list.C_GetMechanismInfo = NULL;
    else if (strcmp(name, "C_GenerateKey") == 0)
        list.C_GenerateKey = NULL;
    else if (strcmp(name, "C_DestroyObject") == 0)
        list.C_DestroyObject = NULL;
}

static void load(void)
{
    const char *path = getenv("HSMZKE_SPY_MODULE"), *log = getenv("HSMZKE_SPY_LOG");
    void *module = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = module == NULL ? NULL : dlsym(module, "C_GetFunctionList");
    CK_C_GetFunctionList get_list;

    if (symbol == NULL) {
        fprintf(stderr, "spy: HSMZKE_SPY_MODULE: %s\n", path == NULL ? "not set" : path);
        return;
    }
    memcpy(&get_list, &symbol, sizeof(get_list));
    if (get_list(&real) != CKR_OK)
        return;
    real = nonsense_over(native_over(real));
    if (log != NULL)
        log_fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    fill_list();
    make_hole();
}

static CK_RV spy_C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    pthread_once(&once, load);
    if (real == NULL)
        return CKR_GENERAL_ERROR;
    *out = &list;
    return CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    return spy_C_GetFunctionList(out);
}
