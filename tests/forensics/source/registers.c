/* The registers of stopped threads: see registers.h. */
#include "registers.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include "pages.h"
#include "trouble.h"

/* Regsets of a thread and the image made of them: too large for a stack, and secret. */
struct scratch {
    unsigned char general[1024];
    unsigned char area[XSTATE_SIZE_MAX];
    unsigned char image[REGISTERS_SIZE];
};

uint64_t registers_stack_pointer(const void *general, size_t size)
{
    uint64_t wide = 0;
    uint32_t narrow = 0;

#if defined(__x86_64__)
    if (size == 17 * sizeof(narrow)) {
        memcpy(&narrow, (const unsigned char *)general + 15 * sizeof(narrow), sizeof(narrow));
        return narrow;
    }
    if (size >= 20 * sizeof(wide))
        memcpy(&wide, (const unsigned char *)general + 19 * sizeof(wide), sizeof(wide));
#elif defined(__aarch64__)
    if (size >= 32 * sizeof(wide))
        memcpy(&wide, (const unsigned char *)general + 31 * sizeof(wide), sizeof(wide));
#endif
    (void)narrow;
    (void)general;
    (void)size;
    return wide;
}

void registers_feed(struct feed *feed, pid_t process, pid_t thread, const char *name,
                    const unsigned char *image, size_t size)
{
    struct place place = {
        .kind = PLACE_REGISTERS,
        .process = process,
        .thread = thread,
        .end = size,
        .bytes = { .mapped = size, .read = size },
    };

    snprintf(place.name, sizeof(place.name), "registers of thread %d (%s)", (int)thread, name);
    feed_bytes(feed, feed_place(feed, &place), 0, image, size);
}

/* @return the regset's size; 0 if it cannot be had */
static size_t get(pid_t thread, unsigned int which, void *to, size_t room)
{
    struct iovec regset = { .iov_base = to, .iov_len = room };

    return ptrace(PTRACE_GETREGSET, thread, (void *)(uintptr_t)which, &regset) == 0 ? regset.iov_len
                                                                                    : 0;
}

static bool read_one(struct task *task, struct scratch *scratch, const struct xstate_layout *layout,
                     struct feed *feed)
{
    const size_t general =
        get(task->thread, NT_PRSTATUS, scratch->general, sizeof(scratch->general));
    size_t area = 0, size;
    char name[20];

    if (general == 0)
        return false;
#if defined(__x86_64__) || defined(__i386__)
    area = get(task->thread, NT_X86_XSTATE, scratch->area, sizeof(scratch->area));
#endif
    if (area == 0)
        area = get(task->thread, NT_PRFPREG, scratch->area, sizeof(scratch->area));
    task->stack_pointer = registers_stack_pointer(scratch->general, general);
    size =
        registers_assemble(scratch->image, scratch->general, general, scratch->area, area, layout);
    proc_name(task->thread, name);
    registers_feed(feed, task->process, task->thread, name, scratch->image, size);
    return area != 0;
}

void registers_read(struct tasks *tasks, struct feed *feed, struct examination *examination)
{
    struct scratch *scratch = pages_map(sizeof(*scratch));
    struct xstate_layout layout;
    unsigned int missed = 0, threads = 0;

    if (!xstate_layout_cpu(&layout))
        trouble_note(examination, "on this processor only general and floating-point registers "
                                  "were read");
    for (size_t i = 0; i < tasks->count; i++) {
        struct task *task = &tasks->items[i];

        if (task->state == TASK_GONE)
            continue;
        threads++;
        if (scratch == NULL || task->state != TASK_STOPPED ||
            !read_one(task, scratch, &layout, feed))
            missed++;
    }
    examination->threads = threads;
    examination->threads_missed += missed;
    if (missed > 0)
        trouble_note(examination,
                     "the registers of %u of %u threads could not be read: they were "
                     "inside the kernel, or ended; try again",
                     missed, threads);
    pages_unmap(scratch, sizeof(*scratch), sizeof(*scratch));
}
