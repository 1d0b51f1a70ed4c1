/*
 * Key references (reference.c), as 32 bytes, as text and from ids: what is taken means exactly what
 * was written, so it is written again in the same bytes.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "reference.h"

static bool same(const struct reference *a, const struct reference *b)
{
    return a->kind == b->kind && strcmp(a->text, b->text) == 0 && strcmp(a->name, b->name) == 0 &&
           memcmp(a->id, b->id, sizeof(a->id)) == 0;
}

static void check_parsed(const struct reference *reference)
{
    unsigned char padded[HSMZKE_REFERENCE_SIZE] = { 0 };
    const size_t length = strlen(reference->text);
    struct reference again;
    struct failure why;

    EXPECT(length > HSMZKE_REFERENCE_PREFIX_SIZE && length <= HSMZKE_REFERENCE_SIZE);
    memcpy(padded, reference->text, length);
    EXPECT(reference_has_prefix(padded, sizeof(padded)));
    EXPECT(reference_from_bytes(&again, padded, sizeof(padded), &why) && same(reference, &again));
    EXPECT(reference_from_text(&again, reference->text, &why) && same(reference, &again));
    if (reference->kind == REFERENCE_BY_ID) {
        EXPECT(length == HSMZKE_REFERENCE_SIZE && reference->name[0] == '\0');
        EXPECT(reference_from_id(&again, reference->id, &why) && same(reference, &again));
    } else {
        EXPECT(length < HSMZKE_REFERENCE_SIZE);
        EXPECT(strcmp(reference->name, reference->text + HSMZKE_REFERENCE_PREFIX_SIZE) == 0);
    }
}

static void as_bytes(const unsigned char *bytes, size_t size)
{
    unsigned char padded[HSMZKE_REFERENCE_SIZE] = { 0 };
    unsigned char *copy = exact(bytes, size);
    struct reference reference;
    struct failure why;

    if (!reference_from_bytes(&reference, copy, size, &why)) {
        EXPECT_WORDS(&why);
    } else {
        EXPECT(size == sizeof(padded));
        memcpy(padded, reference.text, strlen(reference.text));
        EXPECT(memcmp(padded, bytes, size) == 0);
        check_parsed(&reference);
    }
    free(copy);
}

static void as_text(const char *text)
{
    struct reference reference;
    struct failure why;

    if (!reference_from_text(&reference, text, &why)) {
        EXPECT_WORDS(&why);
        return;
    }
    EXPECT(strcmp(reference.text, text) == 0);
    check_parsed(&reference);
}

static void as_id(const unsigned char *id)
{
    struct reference reference;
    struct failure why;

    if (!reference_from_id(&reference, id, &why)) {
        EXPECT_WORDS(&why);
        return;
    }
    EXPECT(reference.kind == REFERENCE_BY_ID);
    EXPECT(memcmp(reference.id, id, HSMZKE_REFERENCE_ID_SIZE) == 0);
    check_parsed(&reference);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char id[HSMZKE_REFERENCE_ID_SIZE], padded[HSMZKE_REFERENCE_SIZE] = { 0 };
    struct input input = { data, size };
    char *text = input_text(&input, 0);

    as_bytes(data, size);
    memcpy(padded, data, size < sizeof(padded) ? size : sizeof(padded));
    as_bytes(padded, sizeof(padded));
    as_text(text);
    free(text);
    input = (struct input){ data, size };
    input_fill(&input, id, sizeof(id));
    as_id(id);
    return 0;
}
