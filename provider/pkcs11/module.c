/* A PKCS#11 module in this process: see module.h. */
#include "pkcs11/module.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pkcs11/libraries.h"
#include "pkcs11/slots.h"

enum {
    RESTART_SECONDS = 5, /* how long a restart waits for calls in flight */
};

/* All modules of the process; they stay until it ends.  Guarded by life_lock(). */
static struct module *modules;

bool phase_begin(enum phase *phase, unsigned long *generation)
{
    /* A thread of the parent that was busy does not exist in the child. */
    while (*phase == PHASE_BUSY && *generation == life_generation())
        life_wait(NULL);
    if (*phase == PHASE_UP && *generation == life_generation())
        return false;
    *phase = PHASE_BUSY;
    *generation = life_generation();
    return true;
}

void phase_end(enum phase *phase, unsigned long *generation, bool up)
{
    *phase = up ? PHASE_UP : PHASE_DOWN;
    *generation = life_generation();
    life_wake();
}

static void finalize_all(void)
{
    life_lock();
    for (struct module *module = modules; module != NULL; module = module->next) {
        const bool finalize = module->ours && module->pid == getpid();

        module->ours = false;
        module->phase = PHASE_DOWN;
        life_unlock();
        if (finalize) /* past the closed gate: the handler has drained all other calls */
            module->f->C_Finalize(NULL);
        life_lock();
    }
    life_unlock();
}

static bool same(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* With the lock held. */
static struct module *find_or_add(const char *path, const char *init_args)
{
    struct module *module;

    for (module = modules; module != NULL; module = module->next) {
        if (same(module->path, path) && same(module->init_args, init_args))
            return module;
    }
    module = calloc(1, sizeof(*module));
    if (module == NULL)
        return NULL;
    module->path = strdup(path);
    module->init_args = init_args != NULL ? strdup(init_args) : NULL;
    if (module->path == NULL || (init_args != NULL && module->init_args == NULL)) {
        free(module->path);
        free(module->init_args);
        free(module);
        return NULL;
    }
    module->next = modules;
    modules = module;
    life_connects(true); /* until look_at() knows better */
    return module;
}

/* Every function that we call, or libp11, must be there: a hole in the list would be a jump to
 * nowhere. */
static bool complete(const CK_FUNCTION_LIST *f)
{
    return f->C_Initialize != NULL && f->C_Finalize != NULL && f->C_GetTokenInfo != NULL &&
           f->C_GetSlotInfo != NULL && f->C_GetSlotList != NULL && f->C_GetInfo != NULL &&
           f->C_GetMechanismList != NULL && f->C_GetMechanismInfo != NULL &&
           f->C_GenerateKey != NULL && f->C_DestroyObject != NULL && f->C_GetSessionInfo != NULL &&
           f->C_OpenSession != NULL && f->C_CloseSession != NULL && f->C_CloseAllSessions != NULL &&
           f->C_Login != NULL && f->C_FindObjectsInit != NULL && f->C_FindObjects != NULL &&
           f->C_FindObjectsFinal != NULL && f->C_GetAttributeValue != NULL &&
           f->C_GenerateRandom != NULL && f->C_EncryptInit != NULL && f->C_Encrypt != NULL &&
           f->C_EncryptUpdate != NULL && f->C_EncryptFinal != NULL && f->C_DecryptInit != NULL &&
           f->C_Decrypt != NULL && f->C_DecryptUpdate != NULL && f->C_DecryptFinal != NULL &&
           f->C_SignInit != NULL && f->C_Sign != NULL && f->C_SignUpdate != NULL &&
           f->C_SignFinal != NULL;
}

static bool load(struct module *module, struct failure *why)
{
    CK_C_GetFunctionList get_function_list;
    CK_FUNCTION_LIST *f = NULL;
    void *library;
    CK_RV rv;

    if (module->f != NULL)
        return true;
    if (!life_enter())
        return ckr_failure(why, FAILURE_EXITING, CKR_HSMZKE_EXITING, "PKCS#11 module");
    if (module->before == NULL)
        module->before = libraries_now();
    library = dlopen(module->path, RTLD_NOW | RTLD_LOCAL);
    life_leave(CKR_OK);
    if (library == NULL)
        return failure_set(why, FAILURE_MODULE,
                           "the PKCS#11 module cannot be loaded: %s; check pkcs11-module",
                           dlerror());
    *(void **)&get_function_list = dlsym(library, "C_GetFunctionList");
    if (get_function_list == NULL) {
        dlclose(library);
        return failure_set(why, FAILURE_MODULE,
                           "'%s' is no PKCS#11 module: it has no C_GetFunctionList; check "
                           "pkcs11-module",
                           module->path);
    }
    module->entry = *(void **)&get_function_list;
    /* From here on the module's destructors wait for its calls, also for C_Initialize. */
    if (!life_at_exit(finalize_all))
        return failure_memory(why);
    rv = life_enter() ? life_leave(get_function_list(&f)) : CKR_HSMZKE_EXITING;
    if (rv != CKR_OK)
        return ckr_failure(why, FAILURE_MODULE, rv, "PKCS#11 module '%s': C_GetFunctionList",
                           module->path);
    if (f == NULL || f->version.major < 2 || !complete(f))
        return failure_set(why, FAILURE_MODULE,
                           "PKCS#11 module '%s' lacks functions of PKCS#11 2.40 that hsmzke needs",
                           module->path);
    module->f = f; /* the library stays loaded until the process ends */
    return true;
}

static bool good(CK_RV rv)
{
    return rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED;
}

/* C_Initialize, unless some other part of the program did; then C_Finalize is not ours either. */
static bool initialize(struct module *module, struct failure *why)
{
    CK_C_INITIALIZE_ARGS arguments = { .flags = CKF_OS_LOCKING_OK };
    CK_RV rv;

    arguments.pReserved = module->init_args;
    rv = CALL(module->f, C_Initialize(&arguments));
    if (rv == CKR_HSMZKE_EXITING)
        return ckr_failure(why, FAILURE_EXITING, rv, "PKCS#11 module '%s'", module->path);
    /* With the lock: the process may be at its end, and finalize_all() at work.
     * A forked child that finds its copy initialised keeps what the parent had said.  So does a
     * process in which C_Finalize or C_Initialize had failed, and left it so. */
    life_lock();
    module->ours = module->ours || rv != CKR_CRYPTOKI_ALREADY_INITIALIZED;
    module->pid = getpid();
    module->starts += good(rv);
    life_unlock();
    if (!good(rv))
        return ckr_failure(why, FAILURE_MODULE, rv,
                           "PKCS#11 module '%s' does not start; check its own configuration, that "
                           "this user may read it, and pkcs11-init-args; C_Initialize",
                           module->path);
    if (!life_at_exit(finalize_all))
        return failure_memory(why);
    return true;
}

/* libp11 calls C_Initialize as well, and is told that it was done; after fork() likewise. */
static bool open_libp11(struct module *module, struct failure *why)
{
    CK_RV rv;

    if (module->libp11 != NULL)
        return true;
    rv = slots_open(module->path, module->init_args, &module->libp11);
    return rv == CKR_OK || ckr_failure(why, FAILURE_MODULE, rv,
                                       "PKCS#11 module '%s': libp11 cannot use it", module->path);
}

/* Once it is up: some modules load what they connect with in C_Initialize. */
static void look_at(struct module *module)
{
    if (module->looked_at)
        return;
    module->looked_at = true;
    if (!libraries_connect(module->before, module->entry))
        life_connects(false);
    libraries_free(module->before);
    module->before = NULL;
}

/*
 * libp11's list of functions may be another instance than ours, with a connection of its own:
 * p11-kit's client makes one at each C_GetFunctionList.
 */
static void close_libp11(struct module *module)
{
    if (module->libp11 != NULL)
        slots_close(module->libp11);
    module->libp11 = NULL;
}

/* In a forked child the parent's threads, which were at work on it, do not exist.  With the lock.
 */
static void forget_parent(struct module *module)
{
    module->libp11_busy = false;
    module->users = 0;
}

struct module *module_up(const char *path, const char *init_args, struct failure *why)
{
    struct module *module;
    bool up = true;

    if (!life_start() || !life_wait_at_fork()) {
        failure_memory(why);
        return NULL;
    }
    life_lock();
    module = find_or_add(path, init_args);
    if (module == NULL)
        failure_memory(why);
    else if (module->generation != life_generation())
        forget_parent(module);
    if (module != NULL && phase_begin(&module->phase, &module->generation)) {
        life_unlock();
        up = load(module, why) && initialize(module, why) && open_libp11(module, why);
        if (up)
            look_at(module);
        life_lock();
        phase_end(&module->phase, &module->generation, up);
    }
    life_unlock();
    return up ? module : NULL;
}

void module_libp11_begin(struct module *module)
{
    life_lock();
    while (module->libp11_busy)
        life_wait(NULL);
    module->libp11_busy = true;
    life_unlock();
}

void module_libp11_end(struct module *module)
{
    life_lock();
    module->libp11_busy = false;
    life_wake();
    life_unlock();
}

bool module_is_up(const struct module *module, unsigned long starts)
{
    return module->phase == PHASE_UP && module->generation == life_generation() &&
           module->starts == starts;
}

unsigned long module_enter(struct module *module)
{
    unsigned long starts = 0;

    life_lock();
    if (module_is_up(module, module->starts)) {
        starts = module->starts;
        module->users++;
    }
    life_unlock();
    return starts;
}

void module_leave(struct module *module)
{
    life_lock();
    module->users--;
    life_wake();
    life_unlock();
}

/* With the lock held: nobody comes in (PHASE_BUSY), and those inside have some time to leave. */
static bool wait_for_users(const struct module *module)
{
    struct timespec deadline;
    bool in_time = true;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += RESTART_SECONDS;
    while (module->users > 0 && in_time)
        in_time = life_wait(&deadline);
    return module->users == 0;
}

/* C_Finalize before a restart; with the answer that voids every handle. */
static void finalize(struct module *module)
{
    const CK_RV rv = CALL(module->f, C_Finalize(NULL));

    life_lock();
    if (rv == CKR_OK || rv == CKR_CRYPTOKI_NOT_INITIALIZED) {
        module->ours = false;
        module->starts++;
    }
    life_unlock();
}

/* Whether another part of the program, which had initialised the module, is done with it. */
static bool abandoned(const struct module *module)
{
    CK_INFO info;

    return CALL(module->f, C_GetInfo(&info)) == CKR_CRYPTOKI_NOT_INITIALIZED;
}

bool module_restart(struct module *module, unsigned long starts, struct failure *why)
{
    const bool start_only = abandoned(module);
    bool up = true, left;

    life_lock();
    if ((module->ours || start_only) && module_is_up(module, starts)) {
        module->phase = PHASE_BUSY;
        left = wait_for_users(module);
        life_unlock();
        if (left && !start_only)
            finalize(module);
        if (left) {
            close_libp11(module);
            up = initialize(module, why) && open_libp11(module, why);
        }
        life_lock();
        phase_end(&module->phase, &module->generation, up);
        if (!left)
            up = failure_set(why, FAILURE_MODULE,
                             "PKCS#11 module '%s' must be started anew, and calls into it do not "
                             "return",
                             module->path);
    }
    life_unlock();
    return up;
}
