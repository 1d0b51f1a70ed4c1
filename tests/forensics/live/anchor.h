/*
 * What aeskeyfind finds in the same process: to compare with, not to judge by.
 */
#ifndef MEMSCAN_LIVE_ANCHOR_H
#define MEMSCAN_LIVE_ANCHOR_H

#include <stdbool.h>
#include <sys/types.h>

enum anchor_answer { ANCHOR_ABSENT, ANCHOR_MISSED, ANCHOR_FOUND };

/**
 * Copies the writable memory of a process into a file without a name, and lets Debian's aeskeyfind
 * search it for the key.  ANCHOR_ABSENT where that is not installed.
 */
enum anchor_answer anchor_ask(pid_t process, const unsigned char *key);

#endif
