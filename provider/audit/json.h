/*
 * One line of JSON in memory of a fixed size: an object with texts, numbers and bytes as hex.
 * Pure.
 */
#ifndef HSMZKE_AUDIT_JSON_H
#define HSMZKE_AUDIT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JSON_MOST = 4095, /* with the line end PIPE_BUF bytes: what a pipe takes in one piece */
};

/** A line being made.  The names of its members are ours and need no escaping. */
struct json {
    size_t size;
    bool full; /* something was left out for want of room */
    char text[JSON_MOST + 1];
};

/** Begins an empty object. */
void json_begin(struct json *json);

/**
 * A member whose value is `value`, any bytes up to NUL.  What is no valid UTF-8 becomes U+FFFD;
 * control characters are escaped.  A value that takes more than `most` bytes is cut off and ends
 * in "...".  NULL: no member.
 */
void json_text(struct json *json, const char *name, const char *value, size_t most);

/** The same for a word of ours or of a standard: short, plain ASCII, no quotes; as it stands. */
void json_word(struct json *json, const char *name, const char *value);

/** A member with a number. */
void json_number(struct json *json, const char *name, uint64_t value);

/** A member with bytes as hexadecimal digits; of no bytes: no member. */
void json_hex(struct json *json, const char *name, const unsigned char *bytes, size_t size);

/** Ends the object. @return false if it did not find room */
bool json_end(struct json *json);

#endif
