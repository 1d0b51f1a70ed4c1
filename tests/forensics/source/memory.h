/*
 * The memory of a stopped process, by address.
 */
#ifndef MEMSCAN_MEMORY_H
#define MEMSCAN_MEMORY_H

#include <sys/types.h>

#include "feed.h"

struct memory {
    struct reader reader; /**< first: what feed_range() wants */
    pid_t thread;         /**< one that has memory */
    int fd;               /**< /proc/PID/mem; -1 */
};

/** @return false with errno */
bool memory_open(struct memory *memory, pid_t thread);
void memory_close(struct memory *memory);

/**
 * Reads what can be read; the rest is zeros.
 * @return bytes that could not be read
 */
uint64_t memory_read(const struct memory *memory, unsigned char *to, uint64_t address, size_t size);

#endif
