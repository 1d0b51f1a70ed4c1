/*
 * Life and death around the PKCS#11 module: see life.h.
 *
 * Why a gate: exit() runs while other threads are inside the module; C_Finalize under their feet
 * crashes.  So the handler closes the gate, waits for those inside, and only then finalizes.
 * Why OpenSSL's own exit handlers too: a program may call OPENSSL_cleanup() before exit() (MariaDB
 * does), and a module that uses OpenSSL crashes in C_Finalize after that.
 * Why a depth: SoftHSM computes through OpenSSL and so calls our ciphers from inside a call of
 * ours.
 * Why fork() waits: a child has the memory of threads that were inside the module, and not the
 * threads: locks that nobody opens any more, lists that are half changed.  SoftHSM's children hung
 * or crashed so.
 * Why SIGPIPE: a module that talks to another process, as p11-kit's client does, writes into a
 * socket, and if the other end has died the signal ends the program.  The three system calls that
 * keep it away took 0.7 us, half of what a whole message of 16 bytes takes on SoftHSM, and are
 * little beside a round trip: so they are made only where a module can connect (libraries.h).
 */
#include "pkcs11/life.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "pipe-signal.h"
#include "pkcs11/hsm.h"

enum {
    DRAIN_MILLISECONDS = 2000, /* how long exit() waits for calls in flight */
    FORK_MILLISECONDS = 1000,  /* and fork() */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake; /* on CLOCK_MONOTONIC: life_start() */
static unsigned long generation = 1;

static atomic_bool gate_closed;
static atomic_bool forking;                                   /* calls wait until fork() is over */
static pthread_mutex_t fork_lock = PTHREAD_MUTEX_INITIALIZER; /* held meanwhile */
static atomic_int inside;                                     /* calls in flight, all threads */
static _Thread_local unsigned int depth;                      /* calls in flight, this thread */

static atomic_int connecting; /* modules that can connect */
static _Thread_local struct pipe_signal signal_before;
static _Thread_local bool signal_held; /* by the outermost call of this thread */

static void (*finalize_modules)(void); /* written once, with the lock held */

static void make_condition(void)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

/* A call that this very thread is in does not return meanwhile. */
static void drain(int milliseconds)
{
    const struct timespec pause = { .tv_nsec = 1000000 };

    for (int i = 0; i < milliseconds && atomic_load(&inside) > (int)depth; i++)
        nanosleep(&pause, NULL);
}

static void before_fork(void)
{
    pthread_mutex_lock(&fork_lock);
    atomic_store(&forking, true);
    drain(FORK_MILLISECONDS);
}

static void after_fork(void)
{
    atomic_store(&forking, false);
    pthread_mutex_unlock(&fork_lock);
}

static void in_child(void)
{
    /* The other threads are gone, and with them their calls and their waiting. */
    generation++;
    atomic_store(&inside, (int)depth);
    make_condition();
    pthread_mutex_unlock(&lock);
}

/* Runs before the destructors of every module that was initialised before it was registered, and
 * before OpenSSL takes itself apart.  It can run several times. */
static void at_exit(void)
{
    struct pipe_signal before;
    void (*finalize)(void);

    atomic_store(&gate_closed, true);
    drain(
        DRAIN_MILLISECONDS); /* this very thread may be in a call: exit() in a module's callback */
    life_lock();
    finalize = finalize_modules;
    life_unlock();
    if (atomic_load(&inside) > 0 || finalize == NULL)
        return;
    pipe_signal_hold(&before); /* it says goodbye to somebody who may be gone */
    finalize();
    pipe_signal_release(&before);
}

/*
 * OpenSSL 4.0 takes itself apart only where the program says so, and tells nobody before.  But
 * libp11 and the module may be linked with an OpenSSL 3, which does that at exit: it may have been
 * initialised after at_exit() was registered, by a thread that is still at work.
 */
static bool before_cleanup(void (*function)(void))
{
#if OPENSSL_VERSION_MAJOR < 4
    return OPENSSL_atexit(function) == 1;
#else
    void *const older = dlopen("libcrypto.so.3", RTLD_LAZY | RTLD_NOLOAD);
    void *const found = older != NULL ? dlsym(older, "OPENSSL_atexit") : NULL;
    int (*at_its_end)(void (*)(void));

    memcpy(&at_its_end, &found, sizeof(found));
    return found == NULL || at_its_end(function) == 1;
#endif
}

static bool started;

static void start(void)
{
    make_condition();
    /* A thread may be loading a module, not yet registered for itself, when the process exits. */
    started = pthread_atfork(life_lock, life_unlock, in_child) == 0 && atexit(at_exit) == 0 &&
              before_cleanup(at_exit);
}

bool life_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    return pthread_once(&once, start) == 0 && started;
}

static bool fork_waits;

static void wait_at_fork(void)
{
    fork_waits = pthread_atfork(before_fork, after_fork, after_fork) == 0;
}

bool life_wait_at_fork(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    return pthread_once(&once, wait_at_fork) == 0 && fork_waits;
}

void life_lock(void)
{
    pthread_mutex_lock(&lock);
}

void life_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

bool life_wait(const struct timespec *deadline)
{
    if (deadline == NULL)
        return pthread_cond_wait(&wake, &lock) == 0;
    return pthread_cond_timedwait(&wake, &lock, deadline) == 0;
}

void life_wake(void)
{
    pthread_cond_broadcast(&wake);
}

unsigned long life_generation(void)
{
    return generation;
}

/* One more inside; not while fork() waits for others to leave. */
static void count_in(void)
{
    atomic_fetch_add(&inside, 1);
    while (depth == 0 && atomic_load(&forking)) {
        atomic_fetch_sub(&inside, 1);
        pthread_mutex_lock(&fork_lock);
        pthread_mutex_unlock(&fork_lock);
        atomic_fetch_add(&inside, 1);
    }
}

bool life_enter(void)
{
    count_in();
    if (atomic_load(&gate_closed)) {
        atomic_fetch_sub(&inside, 1);
        return false;
    }
    depth++;
    if (depth == 1 && atomic_load(&connecting) > 0) {
        pipe_signal_hold(&signal_before);
        signal_held = true;
    }
    /* Marks of the libcrypto that we are linked with: it is the one that modules use. */
    ERR_set_mark();
    return true;
}

unsigned long life_leave(unsigned long rv)
{
    ERR_pop_to_mark();
    depth--;
    if (depth == 0 && signal_held) {
        signal_held = false;
        pipe_signal_release(&signal_before);
    }
    atomic_fetch_sub(&inside, 1);
    return rv;
}

void life_connects(bool more)
{
    atomic_fetch_add(&connecting, more ? 1 : -1);
}

bool hsm_inside_module(void)
{
    return depth > 0;
}

time_t life_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec;
}

bool life_at_exit(void (*finalize)(void))
{
    life_lock();
    finalize_modules = finalize;
    life_unlock();
    return atexit(at_exit) == 0;
}
