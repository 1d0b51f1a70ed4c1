/* Where something was found, in words: see describe.h. */
#include "describe.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "symbols.h"
#include "xstate.h"

/* The mapping of the file whose memory this is: itself, or, for .bss, the one right before it. */
static const struct place *file_of(const struct ledger *ledger, unsigned int index)
{
    const struct place *place = &ledger->places[index];

    for (unsigned int i = index;; i--) {
        const struct place *other = &ledger->places[i];

        if (other->kind != PLACE_MAPPING || other->process != place->process ||
            (i != index && other->end != ledger->places[i + 1].start))
            return NULL;
        if (other->name[0] == '/')
            return other;
        if (other->name[0] != '\0' || i == 0)
            return NULL;
    }
}

/* The file as the process sees it, or as we do if the process is gone. */
static int open_file(const struct place *place)
{
    const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    char path[sizeof(place->name) + 32];
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/root%s", place->process, place->name);
    fd = open(path, flags);
    return fd >= 0 ? fd : open(place->name, flags);
}

static bool describe_symbol(const struct ledger *ledger, const struct finding *finding, char *text,
                            size_t size)
{
    const struct place *file = file_of(ledger, finding->place);
    struct symbol symbol;
    bool found = false;
    int fd;

    fd = file == NULL ? -1 : open_file(file);
    if (fd >= 0) {
        found = symbol_find(fd, file->start, file->file_offset, finding->address, &symbol);
        close(fd);
    }
    if (found)
        snprintf(text, size, "%s%s+0x%" PRIx64 " in %s", symbol.inside ? "" : "after ", symbol.name,
                 symbol.distance, file->name);
    else if (file != NULL)
        snprintf(text, size, "%s of %s",
                 file != &ledger->places[finding->place]  ? "zeroed data (.bss)"
                 : strchr(file->permissions, 'x') != NULL ? "code"
                 : file->permissions[1] == 'w'            ? "data"
                                                          : "constants",
                 file->name);
    return file != NULL;
}

static void describe_stack(const struct place *place, const struct finding *finding, char *text,
                           size_t size)
{
    if (finding->address < place->stack_pointer)
        snprintf(text, size,
                 "%s, %" PRIu64 " bytes below its stack pointer: left by a call that "
                 "has returned",
                 place->name, place->stack_pointer - finding->address);
    else
        snprintf(text, size, "%s, %" PRIu64 " bytes above its stack pointer: in use", place->name,
                 finding->address - place->stack_pointer);
}

static void describe_mapping(const struct examination *examination, const struct finding *finding,
                             char *text, size_t size)
{
    const struct place *place = &examination->ledger.places[finding->place];

    if (place->stack_pointer != 0)
        describe_stack(place, finding, text, size);
    else if (!describe_symbol(&examination->ledger, finding, text, size))
        snprintf(text, size, "%s%s",
                 place->name[0] != '\0' ? place->name : "anonymous memory (mmap)",
                 strcmp(place->permissions, "---p") == 0
                     ? ", which the program itself cannot access (PROT_NONE)"
                     : "");
}

void place_describe(const struct examination *examination, const struct finding *finding,
                    char *text, size_t size)
{
    const struct place *place;
    char name[32];

    if (finding->place >= examination->ledger.count) {
        snprintf(text, size, "a place that was not noted for want of memory");
        return;
    }
    place = &examination->ledger.places[finding->place];
    switch (place->kind) {
    case PLACE_MAPPING:
        describe_mapping(examination, finding, text, size);
        break;
    case PLACE_REGISTERS:
        registers_name(finding->address, name, sizeof(name));
        snprintf(text, size, "%s, %s", name, place->name);
        break;
    case PLACE_ENVIRONMENT:
        snprintf(text, size, "environment (%s)", place->name);
        break;
    case PLACE_COMMAND_LINE:
        snprintf(text, size, "command line (%s)", place->name);
        break;
    case PLACE_PIPE:
        snprintf(text, size, "waiting in %s", place->name);
        break;
    default:
        snprintf(text, size, "%s", place->name);
        break;
    }
}
