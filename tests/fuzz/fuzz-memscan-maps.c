/*
 * What a kernel, or something in its place, says is mapped (forensics/source/maps.c): mappings that
 * are taken are in order, do not overlap, and written again as the kernel writes them are taken
 * again; all other lines are counted.
 */
#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../forensics/source/maps.h"

static char *text_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    EXPECT(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

static size_t lines_of(const char *text)
{
    const char *end;
    size_t lines = 0;

    for (; *text != '\0'; text = *end == '\0' ? end : end + 1, lines++)
        end = strchrnul(text, '\n');
    return lines;
}

static void check(const struct maps *maps)
{
    for (size_t i = 0; i < maps->count; i++) {
        const struct mapping *mapping = &maps->items[i];

        EXPECT(mapping->start < mapping->end);
        EXPECT(i == 0 || maps->items[i - 1].end <= mapping->start);
        EXPECT(strlen(mapping->permissions) == 4);
        EXPECT(strchr(mapping->path, '\n') == NULL);
        EXPECT(mapping_kind(mapping) <= MAPPING_SPECIAL);
        /* Left out is only what the kernel itself names so: files have a path. */
        EXPECT(mapping_kind(mapping) != MAPPING_KERNEL || mapping->path[0] == '[');
    }
}

static char *write_again(const struct maps *maps, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);

    EXPECT(out != NULL);
    for (size_t i = 0; i < maps->count; i++)
        fprintf(out, "%" PRIx64 "-%" PRIx64 " %s %08" PRIx64 " %02x:%02x %" PRIu64 " %s\n",
                maps->items[i].start, maps->items[i].end, maps->items[i].permissions,
                maps->items[i].offset, maps->items[i].major, maps->items[i].minor,
                maps->items[i].inode, maps->items[i].path);
    EXPECT(fclose(out) == 0);
    return text;
}

static void expect_same(const struct maps *one, const struct maps *other)
{
    EXPECT(one->count == other->count && other->damaged == 0);
    for (size_t i = 0; i < one->count; i++) {
        const struct mapping *a = &one->items[i], *b = &other->items[i];

        EXPECT(a->start == b->start && a->end == b->end && a->offset == b->offset);
        EXPECT(a->major == b->major && a->minor == b->minor && a->inode == b->inode);
        EXPECT(strcmp(a->permissions, b->permissions) == 0 && strcmp(a->path, b->path) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = text_of(data, size);
    const size_t lines = lines_of(text);
    struct maps maps, again;

    EXPECT(maps_parse(&maps, text, size));
    EXPECT(maps.count + maps.damaged == lines);
    EXPECT(maps.digest == maps_digest((const char *)data, size));
    check(&maps);
    text = write_again(&maps, &size);
    EXPECT(maps_parse(&again, text, size));
    expect_same(&maps, &again);
    maps_free(&again);
    maps_free(&maps);
    return 0;
}
