/*
 * The shim: a PKCS#11 module that stands in front of the one in HSMZKE_SPY_MODULE and does what a
 * script says.  Here is how it is put together; README.md has the script, and who reads which of
 * its words.
 */
#include "shim.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CK_FUNCTION_LIST *below; /* all layers, and the real module */
static CK_FUNCTION_LIST list;

#define CRYPTOKI(name, parameters, arguments)                                                      \
    static CK_RV entry_##name parameters                                                           \
    {                                                                                              \
        struct call call;                                                                          \
        CK_RV rv;                                                                                  \
                                                                                                   \
        if (call_enter(&call, FUNCTION_##name, &rv))                                               \
            return rv;                                                                             \
        return call_leave(&call, below->name arguments);                                           \
    }
#include "functions.h"

static CK_RV entry_C_GetFunctionList(CK_FUNCTION_LIST **out);

/* "hole FUNCTION" for each that is missing, and "version MAJOR.MINOR". */
static void fill_list(void)
{
    char version[WORD];

    list.version = below->version;
    if (script_says("version", version, sizeof(version))) {
        char *minor;

        list.version.major = (CK_BYTE)strtoul(version, &minor, 10);
        list.version.minor = (CK_BYTE)(*minor == '.' ? strtoul(minor + 1, NULL, 10) : 0);
    }
    list.C_GetFunctionList = entry_C_GetFunctionList;
#define CRYPTOKI(name, parameters, arguments)                                                      \
    if (below->name != NULL && !script_has("hole", #name))                                         \
        list.name = entry_##name;
#include "functions.h"
}

static void load(void)
{
    const char *path = getenv("HSMZKE_SPY_MODULE");
    void *module = path == NULL ? NULL : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    void *symbol = module == NULL ? NULL : dlsym(module, "C_GetFunctionList");
    CK_C_GetFunctionList get_list;
    CK_FUNCTION_LIST *real;

    if (symbol == NULL) {
        fprintf(stderr, "spy: HSMZKE_SPY_MODULE: %s\n", path == NULL ? "not set" : path);
        return;
    }
    memcpy(&get_list, &symbol, sizeof(get_list));
    if (get_list(&real) != CKR_OK)
        return;
    if (script_says("initialised", NULL, 0)) { /* by another part of the program */
        CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };

        real->C_Initialize(&arguments);
    }
    below = generate_over(native_over(real));
    below = handles_over(token_over(gcm_over(below)));
    below = answers_over(lengths_over(below));
    fill_list();
}

static CK_RV entry_C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    struct call call;
    CK_RV rv;

    if (call_enter(&call, FUNCTION_C_GetFunctionList, &rv))
        return rv;
    pthread_once(&once, load);
    if (below == NULL)
        return CKR_GENERAL_ERROR;
    *out = &list;
    return CKR_OK;
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    return entry_C_GetFunctionList(out);
}
