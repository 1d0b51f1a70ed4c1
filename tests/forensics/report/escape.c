/* Any bytes, written as text: see escape.h. */
#include "escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../../../provider/utf8.h"

/* Controls, what ends lines, and what is not seen or turns the direction of text around. */
static bool is_unseen(uint32_t code)
{
    static const struct {
        uint32_t from, to;
    } ranges[] = { { 0, 0x1f },         { 0x7f, 0x9f },     { 0xad, 0xad },     { 0x61c, 0x61c },
                   { 0x180e, 0x180e },  { 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
                   { 0xfe00, 0xfe0f },  { 0xfeff, 0xfeff }, { 0xfff9, 0xfffc }, { 0xfffe, 0xffff },
                   { 0xe0000, 0xe0fff } };

    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
        if (code >= ranges[i].from && code <= ranges[i].to)
            return true;
    return false;
}

static void put_unseen(FILE *out, uint32_t code, enum escape_form form)
{
    if (form == ESCAPE_JSON && code > 0xffff)
        fprintf(out, "\\u%04x\\u%04x", 0xd7c0 + (code >> 10), 0xdc00 + (code & 0x3ff));
    else
        fprintf(out, "\\u%04x", code);
}

/* @return whether the character stands for itself in this form */
static bool put_special(FILE *out, uint32_t code, enum escape_form form)
{
    if (form == ESCAPE_JSON && (code == '"' || code == '\\')) {
        fprintf(out, "\\%c", (int)code);
        return true;
    }
    if (form == ESCAPE_HTML && code < 0x80 && strchr("&<>\"'", (int)code) != NULL) {
        fprintf(out, "&#%u;", (unsigned int)code);
        return true;
    }
    return false;
}

size_t escape_next(FILE *out, const char *text, enum escape_form form)
{
    static const char replacement[] = "\xef\xbf\xbd";
    const unsigned char *in = (const unsigned char *)text;
    uint32_t code;
    size_t size;

    if (*in == '\0')
        return 0;
    size = utf8_character(in, &code);
    if (size == 0)
        fputs(replacement, out);
    else if (is_unseen(code))
        put_unseen(out, code, form);
    else if (!put_special(out, code, form))
        fwrite(in, 1, size, out);
    return size > 0 ? size : 1;
}

size_t escape_columns(const char *text, size_t *size)
{
    const unsigned char *in = (const unsigned char *)text;
    uint32_t code;

    *size = utf8_character(in, &code);
    if (*in == '\0')
        return 0;
    if (*size == 0) {
        *size = 1;
        return 1;
    }
    return !is_unseen(code) ? 1 : code > 0xffff ? 7 : 6;
}

void escape_put(FILE *out, const char *text, enum escape_form form)
{
    size_t size;

    while ((size = escape_next(out, text, form)) > 0)
        text += size;
}
