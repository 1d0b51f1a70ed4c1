/* Key references: parse and print.  See reference.h. */
#include "reference.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

enum {
    TAIL = HSMZKE_REFERENCE_SIZE - HSMZKE_REFERENCE_PREFIX_SIZE, /* what follows the prefix */
    ID_CHARACTERS = HSMZKE_REFERENCE_ID_SIZE / 3 * 4,
};

/* One step of the check character: multiplication in GF(64) modulo x^6 + x + 1. */
static unsigned int check_step(unsigned int r, unsigned int value)
{
    r = (r ^ value) << 1;
    return (r & 64) != 0 ? r ^ 0x43 : r;
}

static bool all_equal(const unsigned char *bytes, size_t size)
{
    return memcmp(bytes, bytes + 1, size - 1) == 0;
}

static bool repeated_id(struct failure *why)
{
    return failure_set(why, FAILURE_REFERENCE,
                       "a CKA_ID of one repeated byte has no id reference; name the key by its "
                       "label or by an alias");
}

/* Decodes the 25 characters after the prefix; `name` gets no NUL from here. */
static bool parse_id(struct reference *reference, const char *tail, struct failure *why)
{
    unsigned int check = 0;

    for (size_t group = 0; group < ID_CHARACTERS / 4; group++) {
        unsigned int bits = 0;

        for (size_t i = 0; i < 4; i++) {
            const char c = tail[group * 4 + i];
            const char *found = c == '\0' ? NULL : strchr(alphabet, c);

            if (found == NULL)
                return failure_set(why, FAILURE_REFERENCE,
                                   "25 characters after '" HSMZKE_REFERENCE_PREFIX
                                   "' are a key id in base64url, but character %zu is none of it "
                                   "(a name has at most 24 characters)",
                                   group * 4 + i + 1);
            check = check_step(check, (unsigned int)(found - alphabet));
            bits = bits << 6 | (unsigned int)(found - alphabet);
        }
        reference->id[group * 3] = (unsigned char)(bits >> 16);
        reference->id[group * 3 + 1] = (unsigned char)(bits >> 8);
        reference->id[group * 3 + 2] = (unsigned char)bits;
    }
    if (tail[ID_CHARACTERS] != alphabet[check])
        return failure_set(why, FAILURE_REFERENCE,
                           "the check character of the key id is wrong: it was mistyped or cut");
    if (all_equal(reference->id, sizeof(reference->id)))
        return repeated_id(why);
    reference->kind = REFERENCE_BY_ID;
    return true;
}

/* `length` bytes without NUL follow the prefix. */
static bool parse_tail(struct reference *reference, const char *tail, size_t length,
                       struct failure *why)
{
    memset(reference, 0, sizeof(*reference));
    memcpy(reference->text, HSMZKE_REFERENCE_PREFIX, HSMZKE_REFERENCE_PREFIX_SIZE);
    memcpy(reference->text + HSMZKE_REFERENCE_PREFIX_SIZE, tail, length < TAIL ? length : TAIL);
    if (length == 0)
        return failure_set(why, FAILURE_REFERENCE,
                           "the key reference names no key: '" HSMZKE_REFERENCE_PREFIX
                           "' must be followed by a label, an alias or an id");
    if (length > TAIL)
        return failure_set(why, FAILURE_REFERENCE,
                           "the key reference is too long: a name has at most 24 bytes, an id 25 "
                           "characters; give a longer label an alias");
    if (length == TAIL)
        return parse_id(reference, tail, why);
    memcpy(reference->name, tail, length);
    reference->kind = REFERENCE_BY_NAME;
    return true;
}

bool reference_has_prefix(const unsigned char *key, size_t size)
{
    return key != NULL && size >= HSMZKE_REFERENCE_PREFIX_SIZE &&
           memcmp(key, HSMZKE_REFERENCE_PREFIX, HSMZKE_REFERENCE_PREFIX_SIZE) == 0;
}

bool reference_from_bytes(struct reference *reference, const unsigned char *key, size_t size,
                          struct failure *why)
{
    const char *tail = (const char *)key + HSMZKE_REFERENCE_PREFIX_SIZE;
    size_t length;

    if (size != HSMZKE_REFERENCE_SIZE || !reference_has_prefix(key, size))
        return failure_set(why, FAILURE_REFERENCE,
                           "a key reference is %d bytes that begin with '" HSMZKE_REFERENCE_PREFIX
                           "', padded with NUL",
                           HSMZKE_REFERENCE_SIZE);
    length = strnlen(tail, TAIL);
    for (size_t i = length; i < TAIL; i++) {
        if (tail[i] != '\0')
            return failure_set(why, FAILURE_REFERENCE,
                               "the key reference has bytes after its first NUL; from there on to "
                               "byte 32 it must be NUL");
    }
    return parse_tail(reference, tail, length, why);
}

bool reference_from_text(struct reference *reference, const char *text, struct failure *why)
{
    const size_t length = strlen(text);

    if (!reference_has_prefix((const unsigned char *)text, length))
        return failure_set(why, FAILURE_REFERENCE,
                           "a key reference begins with '" HSMZKE_REFERENCE_PREFIX "'");
    return parse_tail(reference, text + HSMZKE_REFERENCE_PREFIX_SIZE,
                      length - HSMZKE_REFERENCE_PREFIX_SIZE, why);
}

bool reference_from_id(struct reference *reference, const unsigned char *id, struct failure *why)
{
    char *out = reference->text;
    unsigned int check = 0;

    memset(reference, 0, sizeof(*reference));
    if (all_equal(id, HSMZKE_REFERENCE_ID_SIZE))
        return repeated_id(why);
    reference->kind = REFERENCE_BY_ID;
    memcpy(reference->id, id, HSMZKE_REFERENCE_ID_SIZE);
    memcpy(out, HSMZKE_REFERENCE_PREFIX, HSMZKE_REFERENCE_PREFIX_SIZE);
    out += HSMZKE_REFERENCE_PREFIX_SIZE;
    for (size_t i = 0; i < HSMZKE_REFERENCE_ID_SIZE; i += 3) {
        const unsigned int bits =
            (unsigned int)id[i] << 16 | (unsigned int)id[i + 1] << 8 | (unsigned int)id[i + 2];

        for (int shift = 18; shift >= 0; shift -= 6) {
            const unsigned int value = bits >> shift & 63;

            check = check_step(check, value);
            *out++ = alphabet[value];
        }
    }
    *out = alphabet[check];
    return true;
}
