/*
 * The tap: a PKCS#11 module that stands in front of another one and stops the process at each
 * call's entry and return, so that the tracer can search its memory then.  All else is handed on
 * as it is.  The module behind it is named by HSMZKE_MEMSCAN_MODULE, which `hsmzke-memscan run`
 * sets.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#include "agent.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST list;

static void at(enum stop_kind kind, const char *call, CK_RV rv)
{
    struct stop stop = {
        .magic = STOP_MAGIC, .kind = kind, .words = (uint64_t)(uintptr_t)call, .value = rv
    };

    agent_stop(&stop);
}

#define CRYPTOKI(name, parameters, arguments)                                                      \
    static CK_RV tap_##name parameters                                                             \
    {                                                                                              \
        CK_RV rv;                                                                                  \
                                                                                                   \
        at(STOP_ENTRY, #name, CKR_OK);                                                             \
        rv = real->name arguments;                                                                 \
        at(STOP_RETURN, #name, rv);                                                                \
        return rv;                                                                                 \
    }
#include "functions.h"

static CK_RV tap_C_GetFunctionList(CK_FUNCTION_LIST **out);

enum {
#define CRYPTOKI(name, parameters, arguments) TAPPED_##name,
#include "functions.h"
    TAPPED
};
/* All that the list has, but for its version and C_GetFunctionList. */
_Static_assert(sizeof(CK_FUNCTION_LIST) == (TAPPED + 2) * sizeof(void *),
               "functions.h lacks functions");

/* A function that the module has not stays a hole. */
static void fill_list(void)
{
    list.version = real->version;
    list.C_GetFunctionList = tap_C_GetFunctionList;
#define CRYPTOKI(name, parameters, arguments)                                                      \
    if (real->name != NULL)                                                                        \
        list.name = tap_##name;
#include "functions.h"
}

/* @return why there is no module; NULL: there is one */
static const char *load(void)
{
    const char *path = getenv(STOP_ENV_MODULE);
    void *library = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library == NULL ? NULL : dlsym(library, "C_GetFunctionList");
    CK_C_GetFunctionList get_list;

    if (path == NULL)
        return STOP_ENV_MODULE " is not set";
    if (symbol == NULL)
        return dlerror();
    memcpy(&get_list, &symbol, sizeof(get_list));
    if (get_list(&real) != CKR_OK || real == NULL) {
        real = NULL;
        return "its C_GetFunctionList fails";
    }
    return NULL;
}

static void start(void)
{
    const char *trouble;

    if (!agent_traced())
        return;
    trouble = load();
    at(STOP_LOADED, trouble, 0);
    if (trouble != NULL)
        return;
    fill_list();
    agent_plant();
}

static CK_RV tap_C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    if (out == NULL)
        return CKR_ARGUMENTS_BAD;
    pthread_once(&once, start);
    if (real == NULL)
        return CKR_GENERAL_ERROR;
    *out = &list;
    return CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    return tap_C_GetFunctionList(out);
}
