/*
 * Starts a holder, and ends it: the other end of holders/holder.c's protocol.
 */
#ifndef MEMSCAN_LIVE_PROCESS_H
#define MEMSCAN_LIVE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct live_process {
    pid_t pid;
    int to, from; /**< its standard input and output */
};

struct live_start {
    const char *program;      /**< its path */
    const char *mode;         /**< "enc", "dec" or "idle" */
    const char *variant;      /**< or NULL */
    const char *environment;  /**< "NAME=VALUE", or NULL; nothing else but PATH and HOME is in it */
    const unsigned char *key; /**< 32 bytes; NULL for idle ones */
};

/** Starts it; true when it has said that it is ready, else it is gone again. */
bool live_begin(struct live_process *process, const struct live_start *start);

/** Lets it go on: true if it then prints a block, if one is wanted, and ends well. */
bool live_end(struct live_process *process, unsigned char *block);

#endif
