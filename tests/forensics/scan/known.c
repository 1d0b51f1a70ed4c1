/*
 * The search for keys that are known: their bytes, or eight and more of them, in all encodings, and
 * their round keys.
 */
#include "known.h"

#include <stdlib.h>
#include <string.h>

#include "encodings.h"

enum {
    BLOCK = 16,   /* a round key */
    LEAST = 8,    /* bytes of a key that are a finding */
    DISTINCT = 4, /* ... with as many values, or it is all of a string */
};

struct known_detector {
    struct detector detector;
    struct needles *needles;
};

struct target {
    const struct piece *piece;
    struct findings *findings;
};

/* Part of a key that was not made by chance, such as 00 01 02 ..., is in tables everywhere. */
static bool says_something(const unsigned char *bytes, size_t size)
{
    const unsigned char step = (unsigned char)(bytes[1] - bytes[0]);
    bool seen[256] = { false }, even = true;
    int distinct = 0;

    for (size_t i = 0; i < size; i++) {
        distinct += !seen[bytes[i]];
        seen[bytes[i]] = true;
        even = even && (i == 0 || (unsigned char)(bytes[i] - bytes[i - 1]) == step);
    }
    return distinct >= DISTINCT && !even;
}

/*
 * A run that is one round key, and by chance a byte or two of its neighbours: cut to that round
 * key.
 * @return its name; NULL if it is none, or more than one
 */
static const char *cut_to_block(struct needle_run *run)
{
    const size_t end = run->offset + run->size;
    size_t from = 0, to = 0;
    int blocks = 0;

    for (size_t at = run->offset / BLOCK * BLOCK; at < end; at += BLOCK) {
        const size_t first = at > run->offset ? at : run->offset;
        const size_t last = at + BLOCK < end ? at + BLOCK : end;

        if (last - first < LEAST)
            continue;
        from = first;
        to = last;
        blocks++;
    }
    if (run->needle->blocks == NULL || blocks != 1)
        return NULL;
    run->at += from - run->offset;
    run->offset = from;
    run->size = to - from;
    return run->needle->blocks[from / BLOCK];
}

static void found(void *argument, const struct needle_run *whole)
{
    const struct target *target = argument;
    struct needle_run cut = *whole;
    const struct needle_run *run = &cut;
    const char *block = cut_to_block(&cut);
    const struct finding finding = {
        .kind = FINDING_KNOWN_KEY,
        .place = target->piece->place,
        .address = target->piece->address + run->at,
        .size = (uint32_t)run->size,
        .key_bits = 256,
        .matched = (uint32_t)run->size,
        .of = block != NULL ? BLOCK : (uint32_t)run->needle->size,
        .encoding = block != NULL ? block : run->needle->encoding,
        .sought = run->needle->sought,
    };

    if (run->size == run->needle->size || says_something(target->piece->bytes + run->at, run->size))
        findings_add(target->findings, &finding);
}

static void known_search(const struct detector *self, const struct piece *piece,
                         struct findings *findings)
{
    const struct known_detector *known = (const struct known_detector *)(const void *)self;
    struct target target = { piece, findings };

    needles_search(known->needles, piece, found, &target);
}

static void known_free(struct detector *self)
{
    struct known_detector *known = (struct known_detector *)(void *)self;

    needles_free(known->needles);
    free(known);
}

struct detector *known_detector_with(const struct scanner_settings *settings, unsigned int set)
{
    struct known_detector *known = calloc(1, sizeof(*known));
    bool added;

    if (known == NULL)
        return NULL;
    known->detector = (struct detector){ "known-key", known_search, known_free };
    known->needles = needles_new(LEAST);
    added = known->needles != NULL;
    if (added)
        needles_use(known->needles, settings->path);
    for (size_t i = 0; i < settings->sought_count && added; i++) {
        const struct encodings wish = { known->needles, set,   settings->sought[i].key, 32,
                                        LEAST,          (int)i };

        if (wish.bytes != NULL)
            added = encodings_add(&wish) && round_keys_add(&wish);
    }
    if (!added || !needles_seal(known->needles)) {
        known_free(&known->detector);
        return NULL;
    }
    return &known->detector;
}

struct detector *known_detector_new(const struct scanner_settings *settings)
{
    return known_detector_with(settings, ENCODING_KEY_ALL);
}
