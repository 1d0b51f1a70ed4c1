/*
 * Where an audit log's lines go: a file, standard error, or syslog(3).  Each line is one write(),
 * so that the lines of several processes never mix.
 */
#ifndef HSMZKE_AUDIT_SINK_H
#define HSMZKE_AUDIT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

#include "failure.h"

/** Used by one thread at a time. */
struct sink {
    enum sink_kind {
        SINK_FILE,
        SINK_STDERR,
        SINK_SYSLOG,
    } kind;
    const char *path; /* SINK_FILE: absolute; outlives the sink */
    int fd;           /* SINK_FILE: -1 while it is not open */
    dev_t device;     /* what fd is */
    ino_t inode;
    time_t looked; /* when `path`, or syslog's socket, was looked at last */
    bool torn;     /* a line was written in part: the next one begins with a line end */
};

/** The sink for a value of `audit` other than "off"; opens nothing. @return false: malformed */
bool sink_init(struct sink *sink, const char *setting);

/**
 * Writes `line`, `size` bytes of which the last is the line end.  Opens what must be opened; a file
 * that was renamed or removed is made anew, within a second.
 */
bool sink_write(struct sink *sink, const char *line, size_t size, struct failure *why);

#endif
