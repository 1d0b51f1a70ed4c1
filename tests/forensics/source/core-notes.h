/*
 * The notes of a core file: who it was, the registers of its threads, the names of its mappings.
 * Whatever is in the file: nothing is believed.
 */
#ifndef MEMSCAN_CORE_NOTES_H
#define MEMSCAN_CORE_NOTES_H

#include "feed.h"

struct core_name {
    uint64_t start, end, offset; /**< offset in the file, in bytes */
    const char *path;            /**< in the notes' text */
};

struct core_notes {
    int fd;
    uint64_t file_size;
    int process;
    unsigned int threads;
    struct core_name *names; /**< as in the file; not all need be in order */
    size_t name_count;
    unsigned char *name_note; /**< NT_FILE, which the paths lie in */
    uint64_t *stacks;         /**< stack pointers, and whose */
    int *stack_threads;
    size_t stack_count;
    bool damaged; /**< a note was cut off or made no sense */
};

/** Goes through a PT_NOTE segment; enters registers. @return false without memory */
bool core_notes_read(struct core_notes *notes, uint64_t offset, uint64_t size, struct feed *feed);

/** What is mapped at an address; NULL if no note says. */
const struct core_name *core_notes_name(const struct core_notes *notes, uint64_t address);

/** The thread whose stack pointer is in [start, end); 0 if there is none. */
int core_notes_stack(const struct core_notes *notes, uint64_t start, uint64_t end,
                     uint64_t *stack_pointer);

void core_notes_free(struct core_notes *notes);

#endif
