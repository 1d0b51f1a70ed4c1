/* Memory for secrets: see secret.h. */
#include "secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t whole_pages(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return size > 0 ? (size + page - 1) / page * page : page;
}

static void *alloc(size_t size, bool must_lock, struct failure *why)
{
    const size_t length = whole_pages(size);
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        failure_memory(why);
        return NULL;
    }
    if ((mlock(memory, length) != 0 && must_lock) || madvise(memory, length, MADV_DONTDUMP) != 0) {
        failure_set(why, FAILURE_MEMORY,
                    "%zu bytes for secrets cannot be locked in memory (%s): raise the limit of "
                    "locked memory (ulimit -l, LimitMEMLOCK=)",
                    length, strerror(errno));
        munmap(memory, length);
        return NULL;
    }
    /* Kernels before 4.14 do not know it; the child then holds a copy, in pages that are its own.
     */
    (void)madvise(memory, length, MADV_WIPEONFORK);
    return memory;
}

void *secret_alloc(size_t size, struct failure *why)
{
    return alloc(size, true, why);
}

void *secret_alloc_large(size_t size, struct failure *why)
{
    return alloc(size, false, why);
}

void secret_free(void *memory, size_t size)
{
    if (memory == NULL)
        return;
    secret_wipe(memory, size);
    munmap(memory, whole_pages(size));
}

void secret_wipe(void *memory, size_t size)
{
    explicit_bzero(memory, size);
}
