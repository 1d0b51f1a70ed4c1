/* Memory for what was read of others: see pages.h. */
#include "pages.h"

#include <sys/mman.h>

#include "../../../provider/secret.h"

enum { HUGE_FROM = 64 << 20 }; /* bytes from which on huge pages save more than they cost */

void *pages_map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (memory == MAP_FAILED)
        return NULL;
    (void)mlock2(memory, size, MLOCK_ONFAULT);
    (void)madvise(memory, size, MADV_DONTDUMP);
    (void)madvise(memory, size, MADV_WIPEONFORK);
    if (size >= HUGE_FROM)
        (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

void pages_unmap(void *memory, size_t size, size_t used)
{
    if (memory == NULL)
        return;
    secret_wipe(memory, used < size ? used : size);
    munmap(memory, size);
}
