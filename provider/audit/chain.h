/*
 * A chain of lines: each has the SHA-256 of the line before, so that a line that was changed, taken
 * out or put in is seen.  A chain belongs to one process; the first line follows 64 zeros.  Pure.
 */
#ifndef HSMZKE_AUDIT_CHAIN_H
#define HSMZKE_AUDIT_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "audit/json.h"

enum {
    CHAIN_HASH = 64,  /* hexadecimal digits */
    CHAIN_HEAD = 128, /* more than a line's first three members have */
};

struct chain {
    uint64_t pid;   /* of the process, */
    uint64_t start; /* and when its chain was begun, in microseconds: the chain's name */
    uint64_t next;  /* number of the next line, from 0 */
    char previous[CHAIN_HASH + 1];
    char head[CHAIN_HEAD]; /* time, pid and start, as in the lines of second `second` */
    size_t head_size;      /* 0: none yet */
    time_t second;
};

/** Begins a chain of process `pid`. */
void chain_begin(struct chain *chain, uint64_t pid, uint64_t start);

/** Begins the chain's next line: time (UTC), pid, start, seq and `event`.  Members may follow. */
void chain_line(struct chain *chain, const struct timespec *now, const char *event,
                struct json *json);

/** Ends it with the hash of the line before. @return false if it is too long */
bool chain_seal(const struct chain *chain, struct json *json);

/** The line was written: the next one follows it. */
void chain_written(struct chain *chain, const struct json *json);

#endif
