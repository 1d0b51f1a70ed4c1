/*
 * The mappings of a stopped process become places and spans: which are whose stack, what is read,
 * what is a hole, what cannot be read and why.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resident.h"
#include "target.h"
#include "trouble.h"

enum { ARENA = 64 << 20 }; /* glibc's heaps of threads begin at multiples of it (HEAP_MAX_SIZE) */

/* A walk through the mappings of one process. */
struct walk {
    struct target *target;
    struct target_process *process;
    struct feed *feed;
    struct examination *examination;
    struct residents *residents;
    size_t index; /* which mapping */
    unsigned int place;
    uint64_t given;             /* bytes that are to be read */
    const struct task **stacks; /* the process's threads by their stack pointers */
    size_t stack_count;
};

static bool adjacent(const struct maps *maps, size_t low)
{
    return low + 1 < maps->count && maps->items[low].end == maps->items[low + 1].start;
}

/*
 * Whether looking a little way into a neighbour, at the page at `address`, costs nothing.  What the
 * program may do there does not matter.  Somebody may have to fill in a page that is not there, and
 * be waited for (userfaultfd).
 */
static bool neighbourly(const struct residents *residents, const struct mapping *mapping,
                        uint64_t address)
{
    const enum mapping_kind kind = mapping_kind(mapping);

    return (kind == MAPPING_FILE && mapping->permissions[0] == 'r') ||
           ((kind == MAPPING_FILE || kind == MAPPING_ANONYMOUS) &&
            residents_has(residents, address));
}

static int by_stack_pointer(const void *one, const void *other)
{
    const struct task *a = *(const struct task *const *)one;
    const struct task *b = *(const struct task *const *)other;

    return a->stack_pointer < b->stack_pointer ? -1 : a->stack_pointer > b->stack_pointer;
}

static void sort_stacks(struct walk *walk)
{
    const struct tasks *tasks = &walk->target->tasks;

    walk->stacks = calloc(tasks->count + 1, sizeof(const struct task *));
    if (walk->stacks == NULL)
        return;
    for (size_t i = 0; i < tasks->count; i++)
        if (tasks->items[i].process == walk->process->process && tasks->items[i].stack_pointer != 0)
            walk->stacks[walk->stack_count++] = &tasks->items[i];
    qsort(walk->stacks, walk->stack_count, sizeof(const struct task *), by_stack_pointer);
}

/* The thread whose stack pointer is in a mapping; `others`: how many more have theirs there. */
static const struct task *stack_owner(const struct walk *walk, const struct mapping *mapping,
                                      unsigned int *others)
{
    size_t low = 0, high = walk->stack_count;

    *others = 0;
    while (low < high) {
        const size_t middle = (low + high) / 2;

        if (walk->stacks[middle]->stack_pointer < mapping->start)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low + 1; i < walk->stack_count && walk->stacks[i]->stack_pointer < mapping->end;
         i++)
        ++*others;
    return low < walk->stack_count && walk->stacks[low]->stack_pointer < mapping->end
               ? walk->stacks[low]
               : NULL;
}

/* glibc gives threads heaps of their own: 64 MiB, the unused end of which cannot be accessed. */
static bool is_arena(const struct maps *maps, size_t index)
{
    const struct mapping *mapping = &maps->items[index];

    if (mapping->start % ARENA != 0 || mapping->inode != 0 || mapping->path[0] != '\0' ||
        mapping->end - mapping->start > ARENA)
        return false;
    if (mapping->end - mapping->start == ARENA)
        return true;
    return adjacent(maps, index) && mapping[1].permissions[0] == '-' &&
           mapping[1].end == mapping->start + ARENA;
}

static void name_place(const struct walk *walk, const struct mapping *mapping, struct place *place)
{
    unsigned int others = 0;
    const struct task *owner = mapping->inode == 0 && mapping->permissions[1] == 'w'
                                   ? stack_owner(walk, mapping, &others)
                                   : NULL;
    char name[20];

    if (owner != NULL) {
        place->thread = others == 0 ? owner->thread : 0;
        place->stack_pointer = others == 0 ? owner->stack_pointer : 0;
        proc_name(owner->thread, name);
        if (others > 0)
            snprintf(place->name, sizeof(place->name), "stacks of thread %d (%s) and %u more",
                     (int)owner->thread, name, others);
        else
            snprintf(place->name, sizeof(place->name), "stack of thread %d (%s)%s",
                     (int)owner->thread, name,
                     strcmp(mapping->path, "[stack]") == 0 ? ", [stack]" : "");
    } else if (is_arena(&walk->process->maps, walk->index)) {
        snprintf(place->name, sizeof(place->name), "heap of threads (glibc arena)");
    } else {
        snprintf(place->name, sizeof(place->name), "%s", mapping->path);
    }
}

static void visit(void *argument, const struct run *run)
{
    struct walk *walk = argument;
    const struct maps *maps = &walk->process->maps;
    const struct mapping *mapping = &maps->items[walk->index];
    struct span span = {
        .start = run->start,
        .end = run->end,
        .from = run->start,
        .to = run->end,
        .place = walk->place,
    };

    /* What lies across the border to the next mapping is found too; a hole is nothing. */
    if (run->start == mapping->start && walk->index > 0 && adjacent(maps, walk->index - 1) &&
        neighbourly(walk->residents, mapping - 1, mapping->start - 1))
        span.start -= PIECE_OVERLAP;
    if (run->end == mapping->end && adjacent(maps, walk->index) &&
        neighbourly(walk->residents, mapping + 1, mapping->end))
        span.end += PIECE_OVERLAP;
    walk->given += run->end - run->start;
    if (run->swapped > 0)
        feed_account(walk->feed, walk->place, &(struct place_bytes){ .swapped = run->swapped });
    feed_range(walk->feed, &walk->process->memory.reader, &span);
}

/* What is not read at all. @return false if it is to be read */
static bool left_out(struct walk *walk, const struct mapping *mapping, struct place *place)
{
    const uint64_t size = mapping->end - mapping->start;

    switch (mapping_kind(mapping)) {
    case MAPPING_KERNEL:
        /* No byte of it is the program's: it is not part of what is mapped. */
        snprintf(place->name, sizeof(place->name),
                 "%s (the kernel's own: a program cannot write there)", mapping->path);
        place->bytes.mapped = 0;
        return true;
    case MAPPING_SECRET:
        place->guarded = true;
        snprintf(place->name, sizeof(place->name),
                 "memfd_secret (nobody can read it from outside)");
        place->bytes.unreadable = size;
        trouble_note(walk->examination,
                     "process %d has memory of memfd_secret, which nobody can "
                     "read from outside",
                     (int)walk->process->process);
        return true;
    case MAPPING_DEVICE:
        place->bytes.unreadable = size;
        trouble_note(walk->examination,
                     "%s is a device's memory: reading it could have effects, "
                     "and was not done",
                     mapping->path);
        return true;
    default:
        return false;
    }
}

static void add_mapping(struct walk *walk)
{
    const struct mapping *mapping = &walk->process->maps.items[walk->index];
    const uint64_t size = mapping->end - mapping->start;
    struct place place = {
        .kind = PLACE_MAPPING,
        .process = walk->process->process,
        .start = mapping->start,
        .end = mapping->end,
        .file_offset = mapping->offset,
        .bytes = { .mapped = size },
    };
    struct place_bytes rest = { 0 };
    bool known;

    memcpy(place.permissions, mapping->permissions, sizeof(place.permissions));
    name_place(walk, mapping, &place);
    if (left_out(walk, mapping, &place)) {
        feed_place(walk->feed, &place);
        return;
    }
    walk->place = feed_place(walk->feed, &place);
    walk->given = 0;
    known = residents_visit(walk->residents, mapping, visit, walk);
    if (known || walk->given == size)
        rest.never_populated = size - walk->given;
    else
        rest.unreadable = size - walk->given;
    if (rest.unreadable > 0)
        trouble_note(walk->examination,
                     "of %s only what process %d itself touched was read: what else it holds only "
                     "root can tell",
                     mapping->path, (int)walk->process->process);
    feed_account(walk->feed, walk->place, &rest);
}

void target_mappings(struct target *target, struct target_process *process, struct feed *feed,
                     struct examination *examination)
{
    struct residents residents;
    struct walk walk = { .target = target,
                         .process = process,
                         .feed = feed,
                         .examination = examination,
                         .residents = &residents };

    sort_stacks(&walk);
    residents_open(&residents, process->thread);
    for (walk.index = 0; walk.index < process->maps.count; walk.index++)
        add_mapping(&walk);
    residents_close(&residents);
    free(walk.stacks);
}
