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

/** A line being made. */
struct json {
    size_t size;
    bool full; /* something was left out for want of room */
    char text[JSON_MOST + 1];
};

/** Begins an empty object. */
void json_begin(struct json *json);

/** Begins with what another one began with: its first `size` bytes, whole members. */
void json_resume(struct json *json, const char *text, size_t size);

/* The name of a member, a literal of ours that needs no escaping: what stands before its value. */
#define JSON_NAME(name) "\"" name "\":", sizeof("\"" name "\":") - 1

/**
 * A member whose value is `value`, any bytes up to NUL.  What is no valid UTF-8 becomes U+FFFD;
 * control characters are escaped.  A value that takes more than `most` bytes is cut off and ends
 * in "...".  NULL: no member.
 */
#define json_text(json, name, value, most) json_put_text(json, JSON_NAME(name), value, most)
void json_put_text(struct json *json, const char *name, size_t name_size, const char *value,
                   size_t most);

/** The same for a word of ours or of a standard: short, plain ASCII, no quotes; as it stands. */
#define json_word(json, name, value) json_put_word(json, JSON_NAME(name), value)
void json_put_word(struct json *json, const char *name, size_t name_size, const char *value);

/** A member with a number. */
#define json_number(json, name, value) json_put_number(json, JSON_NAME(name), value)
void json_put_number(struct json *json, const char *name, size_t name_size, uint64_t value);

/** A member with bytes as hexadecimal digits; of no bytes: no member. */
#define json_hex(json, name, bytes, size) json_put_hex(json, JSON_NAME(name), bytes, size)
void json_put_hex(struct json *json, const char *name, size_t name_size, const unsigned char *bytes,
                  size_t size);

/** Ends the object. @return false if it did not find room */
bool json_end(struct json *json);

#endif
