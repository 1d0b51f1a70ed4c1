/*
 * Reference files: see file.h.  All lengths are under 128, so each has one byte, and DER allows no
 * other form.
 */
#include "pkey/file.h"

#include <string.h>

enum {
    TAG_INTEGER = 0x02,
    TAG_OCTET_STRING = 0x04,
    TAG_UTF8_STRING = 0x0c,
    TAG_SEQUENCE = 0x30,
    VERSION = 1,
};

enum {
    HEAD = 27, /* bytes */
};

/* From PrivateKeyInfo's version to the end of the algorithm. */
#define BEFORE_OID TAG_INTEGER, 1, 0, TAG_SEQUENCE, 22, 0x06, 20
static const unsigned char heads[][HEAD] = {
    [HSM_AES] = { BEFORE_OID, 0x69, 0x82, 0x91, 0xc1, 0xbe, 0xe2, 0xf3, 0xe4, 0xda, 0xae,
                  0xc5,       0x88, 0x85, 0x9f, 0xb0, 0xb3, 0x92, 0xd1, 0xea, 0x50 },
    [HSM_SECRET] = { BEFORE_OID, 0x69, 0x82, 0x8d, 0xf1, 0xe7, 0x91, 0xa4, 0x8d, 0x92, 0x88,
                     0xd7,       0x87, 0xaf, 0xdc, 0x87, 0xdf, 0xe6, 0xf2, 0xa3, 0x79 },
};

static unsigned char *put(unsigned char *out, unsigned char tag, const void *content, size_t size)
{
    *out++ = tag;
    *out++ = (unsigned char)size;
    memmove(out, content, size);
    return out + size;
}

size_t file_write(const struct file *file, unsigned char der[FILE_MOST])
{
    static const unsigned char version = VERSION;
    unsigned char inner[FILE_MOST], outer[FILE_MOST], *end = inner;

    end = put(end, TAG_INTEGER, &version, 1);
    end = put(end, TAG_UTF8_STRING, file->reference, strlen(file->reference));
    if (file->identity[0] != '\0')
        end = put(end, TAG_UTF8_STRING, file->identity, strlen(file->identity));
    end = put(der, TAG_SEQUENCE, inner, (size_t)(end - inner));
    memcpy(outer, heads[file->family], HEAD);
    end = put(outer + HEAD, TAG_OCTET_STRING, der, (size_t)(end - der));
    end = put(der, TAG_SEQUENCE, outer, (size_t)(end - outer));
    return (size_t)(end - der);
}

bool file_is_ours(const unsigned char *der, size_t size, enum hsm_family family)
{
    return size >= 2 + HEAD && der[0] == TAG_SEQUENCE && memcmp(der + 2, heads[family], HEAD) == 0;
}

/* What is left to be read. */
struct input {
    const unsigned char *at;
    size_t left;
};

/* Steps into the next element, which must have this tag; `content` becomes what is in it. */
static bool next(struct input *input, unsigned char tag, struct input *content)
{
    size_t size;

    if (input->left < 2 || input->at[0] != tag || input->at[1] > 127)
        return false;
    size = input->at[1];
    if (size > input->left - 2)
        return false;
    *content = (struct input){ input->at + 2, size };
    input->at += 2 + size;
    input->left -= 2 + size;
    return true;
}

static bool next_text(struct input *input, char *text, size_t room)
{
    struct input content;

    if (!next(input, TAG_UTF8_STRING, &content) || content.left == 0 || content.left >= room ||
        memchr(content.at, '\0', content.left) != NULL)
        return false;
    memcpy(text, content.at, content.left);
    text[content.left] = '\0';
    return true;
}

static bool next_version(struct input *input, unsigned char *version)
{
    struct input content;

    if (!next(input, TAG_INTEGER, &content) || content.left != 1)
        return false;
    *version = content.at[0];
    return true;
}

static bool malformed(struct failure *why)
{
    return failure_set(why, FAILURE_REFERENCE,
                       "the reference file is damaged: make it anew by "
                       "`openssl pkey -in hsmzke:NAME -out FILE`");
}

/* The way down to HsmzkeReference; each level must be used up by the next. */
static bool unwrap(struct input *input, enum hsm_family family)
{
    struct input whole = *input, content;

    if (!next(&whole, TAG_SEQUENCE, &content) || whole.left != 0 || content.left < HEAD ||
        memcmp(content.at, heads[family], HEAD) != 0)
        return false;
    content.at += HEAD;
    content.left -= HEAD;
    return next(&content, TAG_OCTET_STRING, &whole) && content.left == 0 &&
           next(&whole, TAG_SEQUENCE, input) && whole.left == 0;
}

bool file_read(struct file *file, enum hsm_family family, const unsigned char *der, size_t size,
               struct failure *why)
{
    struct input input = { der, size };
    struct reference reference;
    unsigned char version = 0;

    memset(file, 0, sizeof(*file));
    file->family = family;
    if (!unwrap(&input, family) || !next_version(&input, &version))
        return malformed(why);
    if (version != VERSION)
        return failure_set(why, FAILURE_REFERENCE,
                           "the reference file has version %u; this version of hsmzke reads %d",
                           version, VERSION);
    if (!next_text(&input, file->reference, sizeof(file->reference)) ||
        (input.left > 0 && !next_text(&input, file->identity, sizeof(file->identity))) ||
        input.left != 0)
        return malformed(why);
    return reference_from_text(&reference, file->reference, why);
}
