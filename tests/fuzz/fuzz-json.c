/*
 * Lines of the audit log (audit/json.c, audit/entry.c): whatever the texts are, a line is one
 * object of JSON in valid UTF-8 without control characters, fits into the buffer, and a text is the
 * one that went in, but for what is no UTF-8 and what was cut off.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "audit/entry.h"

enum { TEXT_MOST = 8192 };

/* One string of JSON, decoded again; a reader as strict as RFC 8259. */
struct reader {
    const unsigned char *at;
    unsigned char text[TEXT_MOST];
    size_t size;
};

static unsigned int hex_digit(unsigned char c)
{
    EXPECT((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'));
    return (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void put(struct reader *reader, unsigned int code)
{
    unsigned char *to = reader->text + reader->size;

    EXPECT(reader->size + 3 < sizeof(reader->text));
    if (code < 0x80) {
        to[0] = (unsigned char)code;
        reader->size += 1;
    } else if (code < 0x800) {
        to[0] = (unsigned char)(0xc0 | code >> 6);
        to[1] = (unsigned char)(0x80 | (code & 0x3f));
        reader->size += 2;
    } else {
        to[0] = (unsigned char)(0xe0 | code >> 12);
        to[1] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
        to[2] = (unsigned char)(0x80 | (code & 0x3f));
        reader->size += 3;
    }
}

static void read_escape(struct reader *reader)
{
    unsigned int code = 0;
    const unsigned char c = *reader->at++;

    if (c == '"' || c == '\\') {
        put(reader, c);
        return;
    }
    EXPECT(c == 'u');
    for (int i = 0; i < 4; i++)
        code = code << 4 | hex_digit(*reader->at++);
    EXPECT(code != 0 && (code < 0xd800 || code > 0xdfff));
    put(reader, code);
}

/* How long the character at `in` is in well-formed UTF-8 (Unicode, table 3-7); 0: it is none. */
static size_t utf8(const unsigned char *in)
{
    const unsigned char a = in[0], b = a != 0 ? in[1] : 0;
    size_t size = 0;

    if (a < 0x80)
        return 1;
    if (a >= 0xc2 && a <= 0xdf)
        size = 2;
    else if (a == 0xe0 ? b >= 0xa0 : a == 0xed ? b < 0xa0 : a >= 0xe1 && a <= 0xef)
        size = 3;
    else if (a == 0xf0 ? b >= 0x90 : a == 0xf4 ? b < 0x90 : a >= 0xf1 && a <= 0xf3)
        size = 4;
    for (size_t i = 1; i < size; i++)
        if ((in[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

static void read_string(struct reader *reader)
{
    reader->size = 0;
    EXPECT(*reader->at++ == '"');
    while (*reader->at != '"') {
        const size_t size = utf8(reader->at);

        EXPECT(size > 0 && *reader->at >= 0x20 && *reader->at != 0x7f);
        EXPECT(size != 2 || reader->at[0] != 0xc2 || reader->at[1] >= 0xa0);
        EXPECT(reader->size + size < sizeof(reader->text));
        if (*reader->at == '\\') {
            reader->at++;
            read_escape(reader);
            continue;
        }
        memcpy(reader->text + reader->size, reader->at, size);
        reader->size += size;
        reader->at += size;
    }
    reader->at++;
    reader->text[reader->size] = '\0';
}

static void read_number(struct reader *reader)
{
    EXPECT(*reader->at >= '0' && *reader->at <= '9');
    while (*reader->at >= '0' && *reader->at <= '9')
        reader->at++;
}

/* What is in a line stands there as strings and numbers. */
static void read_object(const char *line)
{
    struct reader reader = { .at = (const unsigned char *)line };

    EXPECT(*reader.at++ == '{');
    while (*reader.at != '}') {
        read_string(&reader);
        EXPECT(*reader.at++ == ':');
        if (*reader.at == '"')
            read_string(&reader);
        else
            read_number(&reader);
        EXPECT(*reader.at == '}' || (*reader.at == ',' && reader.at[1] == '"'));
        reader.at += *reader.at == ',';
    }
    EXPECT(reader.at[1] == '\0' || strcmp((const char *)reader.at, "}\n") == 0);
}

/* `text` with U+FFFD for each byte that belongs to no character. */
static void expected(const unsigned char *text, struct reader *reader)
{
    reader->size = 0;
    while (*text != '\0') {
        const size_t size = utf8(text);

        if (size == 0) {
            put(reader, 0xfffd);
            text++;
            continue;
        }
        memcpy(reader->text + reader->size, text, size);
        reader->size += size;
        text += size;
    }
}

static void one_text(const char *text, size_t most)
{
    static struct reader reader, should;
    struct json json;

    json_begin(&json);
    json_text(&json, "a", text, most);
    if (!json_end(&json)) /* there is room for 4095 bytes, and all of them */
        EXPECT(most > JSON_MOST - 16);
    if (json.full)
        return;
    EXPECT(json.size == strlen(json.text) && json.size <= JSON_MOST);
    read_object(json.text);
    EXPECT(json.size <= strlen("{\"a\":\"\"}") + most + strlen("..."));
    reader.at = (const unsigned char *)json.text + strlen("{\"a\":");
    read_string(&reader);
    expected((const unsigned char *)text, &should);
    if (reader.size != should.size || memcmp(reader.text, should.text, should.size) != 0) {
        EXPECT(reader.size >= 3 && memcmp(reader.text + reader.size - 3, "...", 3) == 0);
        EXPECT(reader.size - 3 < should.size &&
               memcmp(reader.text, should.text, reader.size - 3) == 0);
    }
}

/* The longest line of each kind: with all that pkcs11/report.c gives, and everything in one text.
 */
static void one_line(const char *text, struct input *input)
{
    const struct timespec now = { (time_t)input_upto(input, 0xffffffff), 5 };
    const enum hsm_event_kind kind = (enum hsm_event_kind)input_upto(input, HSM_EVENT_OPERATION);
    const bool key = kind != HSM_EVENT_CONNECTED && kind != HSM_EVENT_LOGIN;
    unsigned char id[255];
    const struct hsm_event event = {
        .kind = kind,
        .module = kind == HSM_EVENT_CONNECTED ? text : NULL,
        .token = text,
        .serial = key ? NULL : text,
        .user = kind == HSM_EVENT_LOGIN ? "context-specific" : NULL,
        .key = key ? text : NULL,
        .label = kind == HSM_EVENT_KEY_FOUND ? text : NULL,
        .identity = kind == HSM_EVENT_KEY_FOUND ? "aes:0123456789abcdef" : NULL,
        .id = id,
        .id_size = key ? input_upto(input, sizeof(id)) : 0,
        .mechanism = kind == HSM_EVENT_OPERATION ? "CKM_AES_KEY_WRAP_KWP" : NULL,
        .direction = "encrypt",
        .bytes = (size_t)-1,
        .aad = (size_t)-1,
        .tries = 2,
        .microseconds = (uint64_t)-1,
        .result = "CKR_ATTRIBUTE_TYPE_INVALID",
        .why = text,
    };
    struct chain chain;
    struct json json;

    memset(id, 0xff, sizeof(id));
    chain_begin(&chain, (uint64_t)-1, (uint64_t)-1);
    EXPECT(entry_event(&chain, &now, &event, &json));
    read_object(json.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size < 2000 ? size : 2000 };
    const size_t most = input_upto(&input, JSON_MOST);
    char *text = input_text(&input, 0);

    one_text(text, most);
    one_line(text, &input);
    free(text);
    return 0;
}
