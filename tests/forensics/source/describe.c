/* Where something was found, in words: see describe.h. */
#include "describe.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbols.h"
#include "xstate.h"

enum { DESCRIBED_MOST = 400 }; /* each may take reading a table of symbols */

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

/* Opened is only what is a file: opening a device, which a core file may name, has effects. */
static int open_regular(const char *path)
{
    char again[64];
    struct stat what;
    int file = -1, fd = open(path, O_PATH | O_CLOEXEC);

    if (fd >= 0 && fstat(fd, &what) == 0 && S_ISREG(what.st_mode)) {
        snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
        file = open(again, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    if (fd >= 0)
        close(fd);
    return file;
}

/* The file as the process sees it, or as we do if the process is gone. */
static int open_file(const struct place *place)
{
    char path[sizeof(place->name) + 32];
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/root%s", place->process, place->name);
    fd = open_regular(path);
    return fd >= 0 ? fd : open_regular(place->name);
}

static bool describe_symbol(const struct ledger *ledger, const struct finding *finding, char *text,
                            size_t size)
{
    const struct place *file = file_of(ledger, finding->place);
    const int fd = file == NULL ? -1 : open_file(file);
    struct symbol symbol;
    bool found = false;

    if (fd >= 0 && file != &ledger->places[finding->place] &&
        !symbol_covers(fd, file->start, file->file_offset, finding->address))
        file = NULL;
    if (fd >= 0 && file != NULL)
        found = symbol_find(fd, file->start, file->file_offset, finding->address, &symbol);
    if (fd >= 0)
        close(fd);
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

void places_describe(const struct examination *examination)
{
    const size_t count = findings_count(examination->findings);
    char text[400];

    for (size_t i = 0; i < count && i < DESCRIBED_MOST; i++) {
        struct finding *finding = findings_edit(examination->findings, i);

        place_describe(examination, finding, text, sizeof(text));
        free(finding->where);
        finding->where = strdup(text);
    }
}
