/*
 * The list of mappings of a process, as /proc/PID/maps has it.
 */
#ifndef MEMSCAN_MAPS_H
#define MEMSCAN_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping {
    uint64_t start, end, offset;
    char permissions[5];
    unsigned int major, minor; /**< of the file's device */
    uint64_t inode;            /**< 0: no file */
    const char *path;          /**< "", "[heap]", "/usr/lib/..."; in maps.text */
};

struct maps {
    struct mapping *items;
    size_t count, room;
    char *text;
    uint64_t digest; /**< of the text as it was */
    size_t damaged;  /**< lines that were none, or not in order */
};

/** Takes over `text` (NUL-terminated, from malloc). @return false without memory */
bool maps_parse(struct maps *maps, char *text, size_t size);
void maps_free(struct maps *maps);

/** A number for the text of a map, to see whether it changed. */
uint64_t maps_digest(const char *text, size_t size);

/** What a mapping is, as far as reading it goes. */
enum mapping_kind {
    MAPPING_ANONYMOUS,
    MAPPING_FILE,    /**< of a file, a memfd, shared memory */
    MAPPING_KERNEL,  /**< the kernel's, and a program cannot write there: vvar, vsyscall */
    MAPPING_SECRET,  /**< memfd_secret: nobody can read it from outside */
    MAPPING_DEVICE,  /**< reading could have effects */
    MAPPING_SPECIAL, /**< code of the kernel for the program: vdso */
} mapping_kind(const struct mapping *mapping);

#endif
