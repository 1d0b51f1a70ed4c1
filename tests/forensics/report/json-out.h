/*
 * JSON, written as it goes: objects and arrays with a member a line.  Names of members are ours
 * and need no escaping; texts may be any bytes.
 */
#ifndef MEMSCAN_JSON_OUT_H
#define MEMSCAN_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_out {
    FILE *out;
    int depth;
    bool inside; /**< something stands in this object or array already */
};

/** `name` is NULL in an array and for the outermost. */
void json_object(struct json_out *json, const char *name);
void json_object_end(struct json_out *json);
void json_array(struct json_out *json, const char *name);
void json_array_end(struct json_out *json);

void json_text(struct json_out *json, const char *name, const char *text);
void json_count(struct json_out *json, const char *name, uint64_t value);
void json_number(struct json_out *json, const char *name, double value);
void json_bool(struct json_out *json, const char *name, bool value);
/** "0x7f00c0ffee00": numbers of 64 bits do not survive all readers of JSON. */
void json_address(struct json_out *json, const char *name, uint64_t address);
void json_hex(struct json_out *json, const char *name, const unsigned char *bytes, size_t size);

#endif
