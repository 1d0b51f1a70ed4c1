/* The notes of a core file: see core-notes.h. */
#include "core-notes.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pages.h"
#include "registers.h"

#ifndef NT_X86_XSAVE_LAYOUT
#define NT_X86_XSAVE_LAYOUT 0x205
#endif

enum {
    FILES_MAX = 16 << 20, /* of a note NT_FILE: 65,000 mappings have some 6 MB */
    THREADS_MAX = 1 << 20,
    /* struct elf_prstatus of x86-64, aarch64 and all that have 64 bits. */
    STATUS_PID = 32,
    STATUS_REGISTERS = 112,
};

/* What belongs to one thread comes in a row: its status, then the rest. */
struct thread_notes {
    int id;
    size_t general, area; /* bytes; area prefers XSAVE to FXSAVE */
    bool has_xsave;
    bool has_layout;
    struct xstate_layout layout;
    unsigned char general_bytes[1024];
    unsigned char area_bytes[XSTATE_SIZE_MAX];
    unsigned char image[REGISTERS_SIZE];
};

static bool read_at(const struct core_notes *notes, void *to, uint64_t offset, size_t size)
{
    return offset <= notes->file_size && size <= notes->file_size - offset &&
           pread(notes->fd, to, size, (off_t)offset) == (ssize_t)size;
}

/* Enters the thread whose notes are complete now. */
static bool finish_thread(struct core_notes *notes, struct thread_notes *thread, struct feed *feed)
{
    const uint64_t stack = registers_stack_pointer(thread->general_bytes, thread->general);
    uint64_t *stacks;
    int *threads;
    size_t size;

    if (thread->general == 0 || notes->stack_count >= THREADS_MAX)
        return true;
    if (!thread->has_layout)
        xstate_layout_guess(&thread->layout, thread->area);
    size = registers_assemble(thread->image, thread->general_bytes, thread->general,
                              thread->area_bytes, thread->area, &thread->layout);
    registers_feed(feed, notes->process, thread->id, "of the core file", thread->image, size);
    notes->threads++;
    thread->general = thread->area = 0;
    thread->has_xsave = false;
    stacks = realloc(notes->stacks, (notes->stack_count + 1) * sizeof(*stacks));
    if (stacks == NULL)
        return false;
    notes->stacks = stacks;
    threads = realloc(notes->stack_threads, (notes->stack_count + 1) * sizeof(*threads));
    if (threads == NULL)
        return false;
    notes->stack_threads = threads;
    stacks[notes->stack_count] = stack;
    threads[notes->stack_count++] = thread->id;
    return true;
}

static bool add_status(struct core_notes *notes, struct thread_notes *thread, uint64_t offset,
                       uint64_t size)
{
    int32_t id;

    if (size < STATUS_REGISTERS + 8)
        return false;
    thread->general = (size_t)size - STATUS_REGISTERS - 8;
    if (thread->general > sizeof(thread->general_bytes))
        thread->general = sizeof(thread->general_bytes);
    if (!read_at(notes, &id, offset + STATUS_PID, sizeof(id)) ||
        !read_at(notes, thread->general_bytes, offset + STATUS_REGISTERS, thread->general)) {
        thread->general = 0;
        return false;
    }
    thread->id = id;
    if (notes->process == 0)
        notes->process = id;
    return true;
}

static bool add_area(const struct core_notes *notes, struct thread_notes *thread, uint64_t offset,
                     uint64_t size, bool xsave)
{
    if (thread->has_xsave && !xsave)
        return true;
    thread->area = size < sizeof(thread->area_bytes) ? (size_t)size : sizeof(thread->area_bytes);
    thread->has_xsave = xsave;
    if (read_at(notes, thread->area_bytes, offset, thread->area))
        return true;
    thread->area = 0;
    return false;
}

/* NT_FILE: count, page size, then start, end and page offset of each, then the paths. */
static bool add_names(struct core_notes *notes, uint64_t offset, uint64_t size)
{
    uint64_t head[2], entry[3];
    const char *path, *end;

    if (notes->name_note != NULL || size < sizeof(head) || size > FILES_MAX)
        return false;
    notes->name_note = malloc((size_t)size + 1);
    if (notes->name_note == NULL || !read_at(notes, notes->name_note, offset, (size_t)size))
        return false;
    notes->name_note[size] = '\0';
    memcpy(head, notes->name_note, sizeof(head));
    if (head[0] > (size - sizeof(head)) / sizeof(entry))
        return false;
    notes->names = calloc((size_t)head[0] + 1, sizeof(*notes->names));
    path = (const char *)notes->name_note + sizeof(head) + head[0] * sizeof(entry);
    end = (const char *)notes->name_note + size;
    for (size_t i = 0; i < head[0] && notes->names != NULL && path < end; i++) {
        memcpy(entry, notes->name_note + sizeof(head) + i * sizeof(entry), sizeof(entry));
        notes->names[notes->name_count++] =
            (struct core_name){ entry[0], entry[1], entry[2] * head[1], path };
        path += strlen(path) + 1;
    }
    return notes->name_count == head[0];
}

static bool add_layout(struct core_notes *notes, struct thread_notes *thread,
                       const Elf64_Nhdr *head, uint64_t offset, struct feed *feed)
{
    unsigned char bytes[16 * XSTATE_COMPONENTS];
    const size_t wanted = head->n_descsz < sizeof(bytes) ? head->n_descsz : sizeof(bytes);

    (void)feed;
    if (head->n_type != NT_X86_XSAVE_LAYOUT)
        return true;
    if (!read_at(notes, bytes, offset, wanted))
        return false;
    thread->has_layout = xstate_layout_note(&thread->layout, bytes, wanted);
    return true;
}

static bool add_note(struct core_notes *notes, struct thread_notes *thread, const Elf64_Nhdr *head,
                     uint64_t offset, struct feed *feed)
{
    switch (head->n_type) {
    case NT_PRSTATUS:
        return finish_thread(notes, thread, feed) &&
               add_status(notes, thread, offset, head->n_descsz);
    case NT_PRFPREG:
        return add_area(notes, thread, offset, head->n_descsz, false);
    case NT_X86_XSTATE:
        return add_area(notes, thread, offset, head->n_descsz, true);
    case NT_FILE:
        return add_names(notes, offset, head->n_descsz);
    default:
        return true;
    }
}

/*
 * Goes over the notes; what they are is for `add` to say, false if it makes no sense.
 * @return false if the notes are cut off or one made no sense
 */
typedef bool note_visitor(struct core_notes *notes, struct thread_notes *thread,
                          const Elf64_Nhdr *head, uint64_t offset, struct feed *feed);

static bool each_note(struct core_notes *notes, uint64_t offset, uint64_t size, note_visitor *add,
                      struct thread_notes *thread, struct feed *feed)
{
    uint64_t left = size;
    bool good = true;
    Elf64_Nhdr head;

    while (left >= sizeof(head)) {
        if (!read_at(notes, &head, offset, sizeof(head)))
            return false;
        const uint64_t name = ((uint64_t)head.n_namesz + 3) / 4 * 4;
        const uint64_t whole = sizeof(head) + name + ((uint64_t)head.n_descsz + 3) / 4 * 4;

        if (!add(notes, thread, &head, offset + sizeof(head) + name, feed))
            good = false;
        if (whole > left)
            return false;
        left -= whole;
        offset += whole;
    }
    return good;
}

bool core_notes_read(struct core_notes *notes, uint64_t offset, uint64_t size, struct feed *feed)
{
    struct thread_notes *thread = pages_map(sizeof(*thread));

    if (thread == NULL)
        return false;
    /* The layout comes after the registers that it is for. */
    if (!each_note(notes, offset, size, add_layout, thread, feed) ||
        !each_note(notes, offset, size, add_note, thread, feed) ||
        !finish_thread(notes, thread, feed))
        notes->damaged = true;
    pages_unmap(thread, sizeof(*thread), sizeof(*thread));
    return true;
}

const struct core_name *core_notes_name(const struct core_notes *notes, uint64_t address)
{
    size_t low = 0, high = notes->name_count;

    /* They are in order; where they are not, a name is missed, and nothing else. */
    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (notes->names[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < notes->name_count && address >= notes->names[low].start ? &notes->names[low]
                                                                         : NULL;
}

int core_notes_stack(const struct core_notes *notes, uint64_t start, uint64_t end,
                     uint64_t *stack_pointer)
{
    for (size_t i = 0; i < notes->stack_count; i++)
        if (notes->stacks[i] >= start && notes->stacks[i] < end) {
            *stack_pointer = notes->stacks[i];
            return notes->stack_threads[i];
        }
    return 0;
}

void core_notes_free(struct core_notes *notes)
{
    free(notes->names);
    free(notes->name_note);
    free(notes->stacks);
    free(notes->stack_threads);
}
