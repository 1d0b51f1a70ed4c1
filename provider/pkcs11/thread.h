/*
 * Threads of our own: short-lived, always joined by who starts them.
 */
#ifndef HSMZKE_PKCS11_THREAD_H
#define HSMZKE_PKCS11_THREAD_H

#include <pthread.h>
#include <stdbool.h>

/**
 * Starts a thread that takes none of the program's signals: its handlers are not for it.  Those
 * that a thread raises by a fault of its own are as everywhere.
 * @return false where the process may make no more; else `*thread` is to be given to pthread_join()
 */
bool thread_start(pthread_t *thread, void *(*run)(void *argument), void *argument);

#endif
