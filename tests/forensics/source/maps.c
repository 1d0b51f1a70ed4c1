/* The list of mappings: see maps.h. */
#include "maps.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t maps_digest(const char *text, size_t size)
{
    uint64_t digest = 14695981039346656037u; /* FNV-1a */

    for (size_t i = 0; i < size; i++)
        digest = (digest ^ (unsigned char)text[i]) * 1099511628211u;
    return digest;
}

static bool parse_line(char *line, struct mapping *mapping)
{
    int used = 0;

    *mapping = (struct mapping){ 0 };
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 "%n", &mapping->start,
               &mapping->end, mapping->permissions, &mapping->offset, &mapping->major,
               &mapping->minor, &mapping->inode, &used) != 7)
        return false;
    mapping->path = line + used + strspn(line + used, " ");
    return mapping->start < mapping->end && strlen(mapping->permissions) == 4;
}

static bool make_room(struct maps *maps)
{
    struct mapping *longer;
    size_t room;

    if (maps->count < maps->room)
        return true;
    room = maps->room == 0 ? 64 : 2 * maps->room;
    longer = realloc(maps->items, room * sizeof(*longer));
    if (longer == NULL)
        return false;
    maps->items = longer;
    maps->room = room;
    return true;
}

bool maps_parse(struct maps *maps, char *text, size_t size)
{
    char *next;

    *maps = (struct maps){ .text = text, .digest = maps_digest(text, size) };
    for (char *line = text; line != NULL && *line != '\0'; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = '\0';
        if (!make_room(maps)) {
            maps_free(maps);
            return false;
        }
        if (!parse_line(line, &maps->items[maps->count]) ||
            (maps->count > 0 && maps->items[maps->count].start < maps->items[maps->count - 1].end))
            maps->damaged++;
        else
            maps->count++;
    }
    return true;
}

void maps_free(struct maps *maps)
{
    free(maps->items);
    free(maps->text);
    *maps = (struct maps){ 0 };
}

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

enum mapping_kind mapping_kind(const struct mapping *mapping)
{
    const char *path = mapping->path;

    if (begins(path, "[vvar") || begins(path, "[vsyscall]"))
        return MAPPING_KERNEL;
    if (begins(path, "[vdso]") || begins(path, "[uprobes]") || begins(path, "[sigpage]") ||
        begins(path, "[vectors]"))
        return MAPPING_SPECIAL;
    if (begins(path, "/secretmem"))
        return MAPPING_SECRET;
    if (begins(path, "/dev/") && !begins(path, "/dev/zero") && !begins(path, "/dev/shm/") &&
        !begins(path, "/dev/hugepages/"))
        return MAPPING_DEVICE;
    /* Huge pages of nobody's file: a hole that is read would be filled with one of the few. */
    if (mapping->inode == 0 || begins(path, "/anon_hugepage"))
        return MAPPING_ANONYMOUS;
    return MAPPING_FILE;
}
