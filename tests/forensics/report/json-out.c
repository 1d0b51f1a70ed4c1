/* JSON, written as it goes: see json-out.h. */
#include "json-out.h"

#include <inttypes.h>

#include "escape.h"

static void begin(struct json_out *json, const char *name)
{
    if (json->inside)
        fputc(',', json->out);
    if (json->depth > 0)
        fprintf(json->out, "\n%*s", 2 * json->depth, "");
    if (name != NULL)
        fprintf(json->out, "\"%s\": ", name);
    json->inside = true;
}

static void open_with(struct json_out *json, const char *name, char bracket)
{
    begin(json, name);
    fputc(bracket, json->out);
    json->depth++;
    json->inside = false;
}

static void close_with(struct json_out *json, char bracket)
{
    json->depth--;
    if (json->inside)
        fprintf(json->out, "\n%*s", 2 * json->depth, "");
    fputc(bracket, json->out);
    json->inside = true;
}

void json_object(struct json_out *json, const char *name)
{
    open_with(json, name, '{');
}

void json_object_end(struct json_out *json)
{
    close_with(json, '}');
}

void json_array(struct json_out *json, const char *name)
{
    open_with(json, name, '[');
}

void json_array_end(struct json_out *json)
{
    close_with(json, ']');
}

void json_text(struct json_out *json, const char *name, const char *text)
{
    begin(json, name);
    fputc('"', json->out);
    escape_put(json->out, text, ESCAPE_JSON);
    fputc('"', json->out);
}

void json_count(struct json_out *json, const char *name, uint64_t value)
{
    begin(json, name);
    fprintf(json->out, "%" PRIu64, value);
}

void json_number(struct json_out *json, const char *name, double value)
{
    begin(json, name);
    fprintf(json->out, "%.3f", value);
}

void json_bool(struct json_out *json, const char *name, bool value)
{
    begin(json, name);
    fputs(value ? "true" : "false", json->out);
}

void json_address(struct json_out *json, const char *name, uint64_t address)
{
    begin(json, name);
    fprintf(json->out, "\"0x%" PRIx64 "\"", address);
}

void json_hex(struct json_out *json, const char *name, const unsigned char *bytes, size_t size)
{
    begin(json, name);
    fputc('"', json->out);
    for (size_t i = 0; i < size; i++)
        fprintf(json->out, "%02x", bytes[i]);
    fputc('"', json->out);
}
