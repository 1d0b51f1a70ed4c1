/*
 * See shortage.h.  Calls of libcrypto and p11-kit that fail for want of memory only are among
 * these; what the two of them allocate, and the PKCS#11 module, is not.  Blocks that one side gets
 * and the other gives back count for neither.
 */
#include "shortage.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { BLOCKS = 1 << 14 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool counting;
static unsigned long wanted, calls;
static enum shortage kind;
static const void *blocks[BLOCKS]; /* open addressing; `gone` where one was given back */
static long held;
static const char gone;

void shortage_begin(unsigned long nth, enum shortage how)
{
    pthread_mutex_lock(&lock);
    counting = true;
    wanted = nth;
    kind = how;
    calls = 0;
    held = 0;
    memset(blocks, 0, sizeof(blocks));
    pthread_mutex_unlock(&lock);
}

bool shortage_end(void)
{
    bool reached;

    pthread_mutex_lock(&lock);
    counting = false;
    reached = wanted > 0 && calls >= wanted;
    pthread_mutex_unlock(&lock);
    return reached;
}

long shortage_held(void)
{
    return held;
}

/* Whether this call gets nothing. */
static bool falls_short(void)
{
    bool short_now;

    pthread_mutex_lock(&lock);
    short_now =
        counting && wanted > 0 && (++calls == wanted || (kind == SHORTAGE_FROM && calls > wanted));
    pthread_mutex_unlock(&lock);
    if (short_now)
        errno = ENOMEM;
    return short_now;
}

static const void **place(const void *block, const void *stop)
{
    size_t at = ((uintptr_t)block >> 4) * 2654435761U % BLOCKS;

    for (size_t i = 0; i < BLOCKS; i++, at = (at + 1) % BLOCKS)
        if (blocks[at] == block || blocks[at] == NULL || blocks[at] == stop)
            return &blocks[at];
    abort(); /* make BLOCKS larger */
}

static void *got(void *block)
{
    pthread_mutex_lock(&lock);
    if (counting && block != NULL) {
        *place(block, &gone) = block;
        held++;
    }
    pthread_mutex_unlock(&lock);
    return block;
}

static void gives_back(const void *block)
{
    const void **found;

    pthread_mutex_lock(&lock);
    found = block != NULL ? place(block, block) : NULL;
    if (found != NULL && *found == block) {
        *found = &gone;
        held--;
    }
    pthread_mutex_unlock(&lock);
}

#define WRAP(type, name, parameters, arguments, nothing)                                           \
    type __real_##name parameters;                                                                 \
    type __wrap_##name parameters;                                                                 \
    type __wrap_##name parameters                                                                  \
    {                                                                                              \
        return falls_short() ? nothing : __real_##name arguments;                                  \
    }

#define WRAP_BLOCK(name, parameters, arguments)                                                    \
    void *__real_##name parameters;                                                                \
    void *__wrap_##name parameters;                                                                \
    void *__wrap_##name parameters                                                                 \
    {                                                                                              \
        return falls_short() ? NULL : got(__real_##name arguments);                                \
    }

WRAP_BLOCK(malloc, (size_t size), (size))
WRAP_BLOCK(calloc, (size_t n, size_t size), (n, size))
WRAP_BLOCK(strdup, (const char *text), (text))
WRAP_BLOCK(strndup, (const char *text, size_t most), (text, most))
WRAP(OSSL_LIB_CTX *, OSSL_LIB_CTX_new, (void), (), NULL)
WRAP(OSSL_PROVIDER *, OSSL_PROVIDER_load, (OSSL_LIB_CTX * context, const char *name),
     (context, name), NULL)
WRAP(P11KitUri *, p11_kit_uri_new, (void), (), NULL)
WRAP(int, p11_kit_uri_format, (P11KitUri * uri, P11KitUriType type, char **text), (uri, type, text),
     P11_KIT_URI_NO_MEMORY)
WRAP(int, mlock, (const void *memory, size_t size), (memory, size), -1)

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    void *larger = falls_short() ? NULL : __real_realloc(block, size);

    if (larger != NULL) {
        gives_back(block);
        (void)got(larger);
    }
    return larger;
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
    gives_back(block);
    __real_free(block);
}

void *__real_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int access, int flags, int fd, off_t offset)
{
    void *memory = falls_short() ? MAP_FAILED : __real_mmap(at, size, access, flags, fd, offset);

    return memory != MAP_FAILED ? got(memory) : memory;
}

int __real_munmap(void *memory, size_t size);
int __wrap_munmap(void *memory, size_t size);
int __wrap_munmap(void *memory, size_t size)
{
    gives_back(memory);
    return __real_munmap(memory, size);
}
