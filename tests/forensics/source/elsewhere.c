/*
 * What a process has beside its mappings: environment and command line here, and who asks for the
 * rest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"
#include "trouble.h"

static size_t slot_of(const struct seen *seen, uint64_t device, uint64_t number)
{
    size_t slot =
        (size_t)((device * 31 + number) * UINT64_C(0x9e3779b97f4a7c15) >> 20) % seen->slots;

    while (seen->files[slot].number != 0 &&
           (seen->files[slot].number != number || seen->files[slot].device != device))
        slot = (slot + 1) % seen->slots;
    return slot;
}

/* Doubles the table before it is half full. */
static bool grow(struct seen *seen)
{
    struct seen more = { .count = seen->count, .slots = seen->slots == 0 ? 256 : 2 * seen->slots };

    if (seen->count * 2 < seen->slots)
        return true;
    more.files = calloc(more.slots, sizeof(*more.files));
    if (more.files == NULL)
        return false;
    for (size_t i = 0; i < seen->slots; i++)
        if (seen->files[i].number != 0)
            more.files[slot_of(&more, seen->files[i].device, seen->files[i].number)] =
                seen->files[i];
    free(seen->files);
    *seen = more;
    return true;
}

bool target_first(struct target *target, uint64_t device, uint64_t number)
{
    struct seen *seen = &target->seen;
    size_t slot;

    /* Without memory, or a number, it is read once more: no harm but time. */
    if (number == 0 || !grow(seen))
        return true;
    slot = slot_of(seen, device, number);
    if (seen->files[slot].number != 0)
        return false;
    seen->files[slot] = (struct seen_file){ device, number };
    seen->count++;
    return true;
}

bool target_knows(const struct target *target, uint64_t device, uint64_t number)
{
    const struct seen *seen = &target->seen;

    return number != 0 && seen->slots > 0 && seen->files[slot_of(seen, device, number)].number != 0;
}

/* It may be empty: that is a place too, which was looked at. */
static void add_text(struct target_process *process, struct feed *feed, enum place_kind kind,
                     const char *name, struct examination *examination)
{
    struct place place = { .kind = kind, .process = process->process };
    size_t size;
    char *text = proc_read(process->thread, name, &size);

    if (text == NULL) {
        trouble_note(examination, "/proc/%d/%s cannot be read: %s", (int)process->process, name,
                     strerror(errno));
    } else {
        place.end = place.bytes.mapped = place.bytes.read = size;
        snprintf(place.name, sizeof(place.name), "/proc/%d/%s", (int)process->process, name);
        feed_bytes(feed, feed_place(feed, &place), 0, text, size);
    }
    free(text);
}

void target_elsewhere(struct target *target, struct target_process *process, struct feed *feed,
                      struct examination *examination)
{
    add_text(process, feed, PLACE_ENVIRONMENT, "environ", examination);
    add_text(process, feed, PLACE_COMMAND_LINE, "cmdline", examination);
    target_open_files(target, process, feed, examination);
    target_mapped_files(target, process, feed, examination);
    target_segments(target, process, feed, examination);
}
