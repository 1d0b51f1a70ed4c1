/*
 * Bytes as other bytes and as text.
 */
#include "encodings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../provider/secret.h"

enum { TEXT_MAX = 8 * ENCODING_BYTES_MAX };

/* A text that is being written; in memory for secrets. */
struct text {
    unsigned char bytes[TEXT_MAX + 8];
    unsigned char wide[2 * TEXT_MAX + 16];
    size_t size;
};

static bool add(const struct encodings *wish, const unsigned char *bytes, size_t size, size_t least,
                const char *encoding)
{
    const struct needle needle = {
        .size = size,
        .least = wish->least == wish->size || least > size ? size : least,
        .sought = wish->sought,
        .encoding = encoding,
    };

    return size == 0 || needles_add(wish->needles, &needle, bytes);
}

/* A text, and in 16 bits a character: what that begins or ends with, a zero, is left out, so that
   it is the same for both orders of bytes. */
static bool add_text(const struct encodings *wish, struct text *text, size_t least,
                     const char *encoding, const char *wide_encoding)
{
    bool added = encoding == NULL || add(wish, text->bytes, text->size, least, encoding);

    if (!added || wide_encoding == NULL || text->size == 0)
        return added;
    memset(text->wide, 0, 2 * text->size);
    for (size_t i = 0; i < text->size; i++)
        text->wide[2 * i] = text->bytes[i];
    return add(wish, text->wide, 2 * text->size - 1, 2 * least - 1, wide_encoding);
}

static bool add_turned(const struct encodings *wish, struct text *text)
{
    static const struct {
        unsigned int set;
        size_t group;
        const char *encoding;
    } turned[] = {
        { ENCODING_BSWAP32, 4, "bswap32" },
        { ENCODING_BSWAP64, 8, "bswap64" },
        { ENCODING_REVERSED, 0, "reversed" },
    };
    bool added = true;

    for (size_t i = 0; i < sizeof(turned) / sizeof(turned[0]) && added; i++) {
        const size_t group = turned[i].group == 0 ? wish->size : turned[i].group;

        if ((wish->set & turned[i].set) == 0 || wish->size % group != 0)
            continue;
        for (size_t j = 0; j < wish->size; j++)
            text->bytes[j] = wish->bytes[j / group * group + group - 1 - j % group];
        added = add(wish, text->bytes, wish->size, wish->least, turned[i].encoding);
    }
    return added;
}

static bool add_bytes(const struct encodings *wish, struct text *text)
{
    bool added =
        (wish->set & ENCODING_RAW) == 0 || add(wish, wish->bytes, wish->size, wish->least, "raw");

    added = added && add_turned(wish, text);
    for (size_t i = 0; i < wish->size; i++)
        text->bytes[i] = (unsigned char)~wish->bytes[i];
    if (added && (wish->set & ENCODING_COMPLEMENT) != 0)
        added = add(wish, text->bytes, wish->size, wish->least, "complement");
    for (size_t group = 2; group <= 4 && added; group += 2) {
        if ((wish->set & (group == 2 ? ENCODING_WIDE16 : ENCODING_WIDE32)) == 0)
            continue;
        memset(text->bytes, 0, group * wish->size);
        for (size_t i = 0; i < wish->size; i++)
            text->bytes[group * i] = wish->bytes[i];
        added = add(wish, text->bytes, group * (wish->size - 1) + 1, group * (wish->least - 1) + 1,
                    group == 2 ? "in 16 bits each" : "in 32 bits each");
    }
    return added;
}

/* The usual ways to print bytes one by one. */
struct notation {
    unsigned int set, wide_set;
    const char *format; /* for an int, with what stands between two */
    size_t between;     /* so many characters */
    bool negative;      /* bytes from 80 on are below zero */
    const char *encoding, *wide_encoding;
};

#define NOTATION_HEX(lower, upper, between, how)                                                   \
    { ENCODING_HEX, ENCODING_HEX_UTF16, lower, between, false, "hex" how, "hex" how ", UTF-16" },  \
    {                                                                                              \
        ENCODING_HEX, ENCODING_HEX_UTF16, upper, between, false, "hex, upper case" how,            \
            "hex, upper case" how ", UTF-16"                                                       \
    }

static const struct notation notations[] = {
    NOTATION_HEX("%02x", "%02X", 0, ""),
    NOTATION_HEX("%02x:", "%02X:", 1, ", colons"),
    NOTATION_HEX("%02x ", "%02X ", 1, ", spaces"),
    NOTATION_HEX("%02x-", "%02X-", 1, ", hyphens"),
    NOTATION_HEX("%02x,", "%02X,", 1, ", commas"),
    NOTATION_HEX("%02x, ", "%02X, ", 2, ", commas and spaces"),
    NOTATION_HEX("0x%02x,", "0x%02X,", 1, " numbers, commas"),
    NOTATION_HEX("0x%02x, ", "0x%02X, ", 2, " numbers, commas and spaces"),
    NOTATION_HEX("0x%02x ", "0x%02X ", 1, " numbers, spaces"),
    { ENCODING_DECIMAL, 0, "%d,", 1, false, "decimal, commas", NULL },
    { ENCODING_DECIMAL, 0, "%d, ", 2, false, "decimal, commas and spaces", NULL },
    { ENCODING_DECIMAL, 0, "%d ", 1, false, "decimal, spaces", NULL },
    { ENCODING_DECIMAL, 0, "%d,", 1, true, "signed decimal, commas", NULL },
    { ENCODING_DECIMAL, 0, "%d, ", 2, true, "signed decimal, commas and spaces", NULL },
    { ENCODING_ESCAPES, 0, "\\x%02x", 0, false, "\\x escapes", NULL },
    { ENCODING_ESCAPES, 0, "\\x%02X", 0, false, "\\x escapes, upper case", NULL },
    { ENCODING_ESCAPES, 0, "\\%03o", 0, false, "octal escapes", NULL },
    { ENCODING_ESCAPES, 0, "\\u00%02x", 0, false, "\\u escapes", NULL },
    { ENCODING_ESCAPES, 0, "%%%02X", 0, false, "percent escapes", NULL },
    { ENCODING_ESCAPES, 0, "%%%02x", 0, false, "percent escapes, lower case", NULL },
};

#undef NOTATION_HEX

static bool add_notation(const struct encodings *wish, struct text *text,
                         const struct notation *notation)
{
    size_t least = 0;

    text->size = 0;
    for (size_t i = 0; i < wish->size; i++) {
        const int byte = notation->negative ? (signed char)wish->bytes[i] : wish->bytes[i];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        text->size += (size_t)snprintf((char *)text->bytes + text->size,
                                       sizeof(text->bytes) - text->size, notation->format, byte);
#pragma GCC diagnostic pop
        if (i + 1 == wish->least)
            least = text->size - notation->between;
    }
    text->size -= notation->between;
    /* Numbers are of different lengths: eight of them anywhere are as long as eight short ones. */
    if (wish->set & notation->set & ENCODING_DECIMAL)
        least = 3 * wish->least;
    return add_text(wish, text, least, (wish->set & notation->set) != 0 ? notation->encoding : NULL,
                    (wish->set & notation->wide_set) != 0 ? notation->wide_encoding : NULL);
}

/* Letters and such as they are, the rest as escapes: Python's repr() of bytes, URLs. */
static bool add_mixed(const struct encodings *wish, struct text *text, bool url)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    bool escaped = false;

    text->size = 0;
    for (size_t i = 0; i < wish->size; i++) {
        char *to = (char *)text->bytes + text->size;
        const unsigned char byte = wish->bytes[i];
        const char *special = byte == 0 || url ? NULL : strchr("\tt\nn\rr\\\\''", byte);

        if (url ? byte != 0 && (strchr(letters, byte) || strchr("-._~", byte))
                : byte >= ' ' && byte <= '~' && byte != '\\' && byte != '\'') {
            *to = (char)byte;
            text->size++;
            continue;
        }
        escaped = true;
        if (special != NULL && strchr("\t\n\r\\'", byte) != NULL)
            text->size += (size_t)sprintf(to, "\\%c",
                                          byte == '\t'   ? 't'
                                          : byte == '\n' ? 'n'
                                          : byte == '\r' ? 'r'
                                                         : byte);
        else
            text->size += (size_t)sprintf(to, url ? "%%%02X" : "\\x%02x", byte);
    }
    return !escaped || add_text(wish, text, 3 * wish->least,
                                url ? "percent escapes, mixed" : "Python bytes", NULL);
}

/* Base 64 or 32: the characters that are made of bits of these bytes alone, when they begin
   `phase` bytes after the beginning of a group. */
static void write_base(const struct encodings *wish, struct text *text, const char *digits,
                       unsigned int bits, unsigned int phase)
{
    const size_t begin = 8 * (size_t)phase, end = begin + 8 * wish->size;

    text->size = 0;
    for (size_t at = (begin + bits - 1) / bits * bits; at + bits <= end; at += bits) {
        unsigned int value = 0;

        for (size_t bit = at - begin; bit < at - begin + bits; bit++)
            value = value << 1 | (wish->bytes[bit / 8] >> (7 - bit % 8) & 1);
        text->bytes[text->size++] = (unsigned char)digits[value];
    }
}

#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

static bool add_bases(const struct encodings *wish, struct text *text)
{
    static const struct {
        const char *digits, *encoding, *wide_encoding;
        unsigned int bits, phases, set, wide_set;
    } bases[] = {
        { UPPER LOWER "0123456789+/", "base64", "base64, UTF-16", 6, 3, ENCODING_BASE64,
          ENCODING_BASE64_UTF16 },
        { UPPER LOWER "0123456789-_", "base64url", "base64url, UTF-16", 6, 3, ENCODING_BASE64,
          ENCODING_BASE64_UTF16 },
        { UPPER "234567", "base32", NULL, 5, 5, ENCODING_BASE32, 0 },
        { LOWER "234567", "base32, lower case", NULL, 5, 5, ENCODING_BASE32, 0 },
    };
    bool added = true;

    for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
        for (unsigned int phase = 0; phase < bases[i].phases && added; phase++) {
            write_base(wish, text, bases[i].digits, bases[i].bits, phase);
            added = add_text(wish, text, 8 * wish->least / bases[i].bits + 1,
                             (wish->set & bases[i].set) != 0 ? bases[i].encoding : NULL,
                             (wish->set & bases[i].wide_set) != 0 ? bases[i].wide_encoding : NULL);
        }
    return added;
}

bool encodings_add(const struct encodings *wish)
{
    struct failure why;
    struct text *text = secret_alloc_large(sizeof(*text), &why);
    bool added = text != NULL && add_bytes(wish, text);

    for (size_t i = 0; i < sizeof(notations) / sizeof(notations[0]) && added; i++)
        added = add_notation(wish, text, &notations[i]);
    added = added && add_bases(wish, text);
    if (added && (wish->set & ENCODING_ESCAPES) != 0)
        added = add_mixed(wish, text, false) && add_mixed(wish, text, true);
    secret_free(text, sizeof(*text));
    return added;
}
