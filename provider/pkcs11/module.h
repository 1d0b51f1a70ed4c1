/*
 * A PKCS#11 module in this process: loaded and initialised at first use, once for all who name the
 * same path, and initialised again in a forked child.
 */
#ifndef HSMZKE_PKCS11_MODULE_H
#define HSMZKE_PKCS11_MODULE_H

#include <libp11.h>
#include <sys/types.h>

#include "pkcs11/cryptoki.h"

/** Progress of something that one thread sets up while the others wait; guarded by life_lock(). */
enum phase {
    PHASE_DOWN,
    PHASE_BUSY, /* a thread sets it up, without the lock */
    PHASE_UP,
};

struct module {
    struct module *next;
    char *path;
    char *init_args;          /* NULL: none */
    CK_FUNCTION_LIST *f;      /* set once, then constant */
    struct libraries *before; /* those in the process when it was loaded first; NULL: not yet */
    const void *entry;        /* an address in its library */
    bool looked_at;           /* whether it can connect is known */
    PKCS11_CTX *libp11;       /* slots.h */
    bool libp11_busy;         /* a thread is in it */
    bool ours;                /* we called C_Initialize, so we call C_Finalize */
    pid_t pid;                /* in which process that was */
    enum phase phase;
    unsigned long generation; /* of PHASE_UP: life_generation() */
    unsigned long starts;     /* counts C_Initialize: handles of an earlier one are void */
    unsigned long listed;     /* `starts` when the slots were listed last */
    unsigned int users;       /* threads that use handles; none is left when it is started anew */
};

/**
 * Gets the module at `path` with `init_args` up: loads it, calls C_Initialize, hands it to libp11.
 * Waits while another thread does. @return NULL, with the reason in `why`
 */
struct module *module_up(const char *path, const char *init_args, struct failure *why);

/**
 * Takes part in the use of `module`'s handles: it is not started anew meanwhile.  Without the lock.
 * @return how often it was started (never 0); 0: it is not up
 */
unsigned long module_enter(struct module *module);

/** The end of that. */
void module_leave(struct module *module);

/** Whether `module` is up, in this process, and was not started anew since.  With the lock held. */
bool module_is_up(const struct module *module, unsigned long starts);

/**
 * C_Finalize and C_Initialize, if we had initialised it: what brings a lost remote back; only
 * C_Initialize if another part of the program had, and has called C_Finalize.  All its users leave
 * first; all handles are void after.  Does nothing if `starts` is no longer current: somebody else
 * was faster.
 */
bool module_restart(struct module *module, unsigned long starts, struct failure *why);

/** One thread at a time in libp11, without the lock held. */
void module_libp11_begin(struct module *module);
void module_libp11_end(struct module *module);

/** Begins work on `*phase`. With the lock held. @return false: it is up for `generation` */
bool phase_begin(enum phase *phase, unsigned long *generation);

/** Ends it. With the lock held. */
void phase_end(enum phase *phase, unsigned long *generation, bool up);

#endif
