/*
 * A text that is read from a pipe.
 */
#ifndef MEMSCAN_TEXT_H
#define MEMSCAN_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *bytes; /**< NUL-terminated once something was read; else NULL */
    size_t size, room;
    bool failed; /**< no memory, or an error of the pipe */
};

/** Reads what is there. @return false at the end, or if it failed */
bool memscan_text_read(struct text *text, int fd);

void memscan_text_free(struct text *text);

/** Writes all of it; a reader that has gone is an error and no SIGPIPE. */
bool memscan_text_write(int fd, const char *bytes, size_t size);

#endif
