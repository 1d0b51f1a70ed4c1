/* The lock of the OpenSSL-facing rooms: see lock.h. */
#include "lock.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;

static void start(void)
{
    started = pthread_atfork(lock_take, lock_release, lock_release) == 0;
}

bool lock_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    return pthread_once(&once, start) == 0 && started;
}

void lock_take(void)
{
    pthread_mutex_lock(&lock);
}

void lock_release(void)
{
    pthread_mutex_unlock(&lock);
}
