/* One line of JSON: see json.h.  Without printf: it is on the way of every operation. */
#include "audit/json.h"

#include <string.h>

#include "utf8.h"

static const char digits[] = "0123456789abcdef";

/* Room for `size` bytes more. @return NULL: there is none */
static char *take(struct json *json, size_t size)
{
    char *to = json->text + json->size;

    if (json->full || size > JSON_MOST - json->size) {
        json->full = true;
        return NULL;
    }
    json->size += size;
    return to;
}

static void put(struct json *json, const char *bytes, size_t size)
{
    char *to = take(json, size);

    if (to != NULL)
        memcpy(to, bytes, size);
}

/* A member's name, and room for its value. @return where that goes, NULL: nowhere */
static char *member(struct json *json, const char *name, size_t name_size, size_t size)
{
    const bool first = json->size <= 1;
    char *to = take(json, !first + name_size + size);

    if (to == NULL)
        return NULL;
    if (!first)
        *to++ = ',';
    memcpy(to, name, name_size);
    return to + name_size;
}

/* A member whose value stands as it is. */
static void put_quoted(struct json *json, const char *name, size_t name_size, const char *value,
                       size_t size)
{
    char *to = member(json, name, name_size, size + 2);

    if (to == NULL)
        return;
    to[0] = '"';
    memcpy(to + 1, value, size);
    to[1 + size] = '"';
}

void json_begin(struct json *json)
{
    json_resume(json, "{", 1);
}

void json_resume(struct json *json, const char *text, size_t size)
{
    json->size = 0;
    json->full = false;
    put(json, text, size);
}

/* Characters that end lines or move a terminal's cursor do not stand as they are. */
static bool is_plain(uint32_t code)
{
    return code >= 0x20 && code != '"' && code != '\\' && (code < 0x7f || code >= 0xa0) &&
           code != 0x2028 && code != 0x2029;
}

/* Writes one character as JSON has it. @return bytes written, at most 6 */
static size_t escape(char out[6], const unsigned char *in, size_t size, uint32_t code)
{
    if (size > 0 && is_plain(code)) {
        memcpy(out, in, size);
        return size;
    }
    if (size == 0)
        code = 0xfffd;
    if (code == '"' || code == '\\') {
        out[0] = '\\';
        out[1] = (char)code;
        return 2;
    }
    out[0] = '\\';
    out[1] = 'u';
    for (unsigned int i = 0; i < 4; i++)
        out[2 + i] = digits[code >> (12 - 4 * i) & 15];
    return 6;
}

/* How many characters of ASCII from `in` on, at most `most`, stand as they are. */
static size_t plain_run(const unsigned char *in, size_t most)
{
    size_t size = 0;

    while (size < most && in[size] - 0x20U < 0x5f && in[size] != '"' && in[size] != '\\')
        size++;
    return size;
}

void json_put_text(struct json *json, const char *name, size_t name_size, const char *value,
                   size_t most)
{
    const unsigned char *in = (const unsigned char *)value;
    size_t written;

    if (value == NULL)
        return;
    written = plain_run(in, most);
    if (in[written] == '\0') { /* nearly always */
        put_quoted(json, name, name_size, value, written);
        return;
    }
    (void)member(json, name, name_size, 0);
    put(json, "\"", 1);
    put(json, value, written);
    in += written;
    while (*in != '\0') {
        char out[6];
        uint32_t code;
        const size_t size = utf8_character(in, &code);
        const size_t length = escape(out, in, size, code);

        if (written + length > most) {
            put(json, "...", 3);
            break;
        }
        put(json, out, length);
        written += length;
        in += size > 0 ? size : 1;
    }
    put(json, "\"", 1);
}

void json_put_word(struct json *json, const char *name, size_t name_size, const char *value)
{
    if (value != NULL)
        put_quoted(json, name, name_size, value, strlen(value));
}

void json_put_number(struct json *json, const char *name, size_t name_size, uint64_t value)
{
    char text[20], *to;
    size_t at = sizeof(text);

    do {
        text[--at] = digits[value % 10];
        value /= 10;
    } while (value > 0);
    to = member(json, name, name_size, sizeof(text) - at);
    if (to != NULL)
        memcpy(to, text + at, sizeof(text) - at);
}

void json_put_hex(struct json *json, const char *name, size_t name_size, const unsigned char *bytes,
                  size_t size)
{
    char *to;

    if (size == 0)
        return;
    to = member(json, name, name_size, 2 * size + 2);
    if (to == NULL)
        return;
    *to++ = '"';
    for (size_t i = 0; i < size; i++) {
        *to++ = digits[bytes[i] >> 4];
        *to++ = digits[bytes[i] & 15];
    }
    *to = '"';
}

bool json_end(struct json *json)
{
    put(json, "}", 1);
    json->text[json->size] = '\0';
    return !json->full;
}
