/*
 * Names that a target chose (mappings, threads, command lines) are any bytes: they are written so
 * that they are what they look like, and cannot be markup, control a terminal or turn the
 * direction of a line around.
 */
#ifndef MEMSCAN_ESCAPE_H
#define MEMSCAN_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

enum escape_form {
    ESCAPE_TEXT, /**< for a terminal: \u202e stands for what cannot be shown */
    ESCAPE_HTML, /**< and markup as character references; for text and attributes */
    ESCAPE_JSON, /**< between the quotes of a JSON string */
};

/** Writes `text`, up to its NUL; what is no valid UTF-8 becomes U+FFFD. */
void escape_put(FILE *out, const char *text, enum escape_form form);

/**
 * Writes one character of `text`. @return how many bytes it is in `text`; 0 at the end
 */
size_t escape_next(FILE *out, const char *text, enum escape_form form);

/** How many columns the character at `text` takes as ESCAPE_TEXT; 0 at the end. */
size_t escape_columns(const char *text, size_t *size);

#endif
