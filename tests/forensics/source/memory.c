/*
 * The memory of a stopped process: see memory.h.  process_vm_readv() is the faster one, but minds
 * protections; /proc/PID/mem reads PROT_NONE pages too.
 */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PAGE = 4096 }; /* the smallest there is: steps over what cannot be read */

uint64_t memory_read(const struct memory *memory, unsigned char *to, uint64_t address, size_t size)
{
    const struct iovec local = { .iov_base = to, .iov_len = size };
    const struct iovec remote = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };
    uint64_t unreadable = 0;
    ssize_t got = process_vm_readv(memory->thread, &local, 1, &remote, 1, 0);
    size_t done = got > 0 ? (size_t)got : 0;

    while (done < size) {
        size_t page = PAGE - (size_t)((address + done) % PAGE);

        got = pread(memory->fd, to + done, size - done, (off_t)(address + done));
        if (got > 0) {
            done += (size_t)got;
            continue;
        }
        if (got < 0 && errno == EINTR)
            continue;
        if (page > size - done)
            page = size - done;
        memset(to + done, 0, page);
        unreadable += page;
        done += page;
    }
    return unreadable;
}

static uint64_t read_span(const struct reader *self, unsigned char *to, const struct span *span)
{
    const struct memory *memory = (const struct memory *)self;
    const size_t before = (size_t)(span->from - span->start), own = (size_t)(span->to - span->from);
    uint64_t unreadable;

    /* All at once, and only if something fails, in parts: what lies around it is not accounted. */
    unreadable = memory_read(memory, to, span->start, (size_t)(span->end - span->start));
    if (unreadable == 0 || (span->start == span->from && span->end == span->to))
        return unreadable;
    return memory_read(memory, to + before, span->from, own);
}

bool memory_open(struct memory *memory, pid_t thread)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/mem", (int)thread);
    *memory = (struct memory){ .reader = { .read = read_span }, .thread = thread };
    memory->fd = open(path, O_RDONLY | O_CLOEXEC);
    return memory->fd >= 0;
}

void memory_close(struct memory *memory)
{
    if (memory->fd >= 0)
        close(memory->fd);
    memory->fd = -1;
}
