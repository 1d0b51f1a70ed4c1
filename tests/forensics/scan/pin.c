/*
 * The search for the PIN: whole, in the forms in which programs pass text on.  A short one is found
 * by chance in any process; of such only occurrences that stand alone are told, as hints.
 */
#include "pin.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "detectors.h"
#include "encodings.h"

enum {
    SHORTEST = 4, /* shorter ones are not looked for */
    STRONG = 8,   /* ... with so many characters */
    DISTINCT = 4, /* ... of which so many are different */
    LONGEST = ENCODING_BYTES_MAX,
};

struct pin_detector {
    struct detector detector;
    struct needles *needles; /* NULL: the PIN is too short or too long */
    bool weak;
};

struct target {
    const struct pin_detector *pin;
    const struct piece *piece;
    struct findings *findings;
};

/* 1234..., 8765..., abcd..., 1111...: in tables everywhere, and the first that anybody tries. */
static bool is_sequence(const char *pin)
{
    for (size_t i = 2; pin[i] != '\0'; i++)
        if (pin[i] - pin[i - 1] != pin[1] - pin[0])
            return false;
    return true;
}

static int distinct(const char *pin)
{
    bool seen[256] = { false };
    int count = 0;

    for (; *pin != '\0'; pin++) {
        count += !seen[(unsigned char)*pin];
        seen[(unsigned char)*pin] = true;
    }
    return count;
}

const char *pin_weakness(const char *pin)
{
    const size_t size = strlen(pin);

    if (size < SHORTEST)
        return "the PIN has fewer than 4 characters: it cannot be looked for";
    if (size > LONGEST)
        return "the PIN has more than 4000 characters: it cannot be looked for";
    if (size < STRONG)
        return "the PIN has fewer than 8 characters: so short a text is in memory by chance, and "
               "only places where it stands alone were counted";
    if (is_sequence(pin) || distinct(pin) < DISTINCT)
        return "the PIN is a sequence such as 12345678 or has fewer than 4 different characters: "
               "such a text is in memory by chance, and only places where it stands alone were "
               "counted";
    return NULL;
}

static bool is_word(const struct piece *piece, size_t at)
{
    return at < piece->size && isalnum(piece->bytes[at]);
}

/* No letter or digit before or behind; in wide text, neither after the zeros in between. */
static bool stands_alone(const struct piece *piece, const struct needle_run *run)
{
    const size_t end = run->at + run->size;

    for (size_t width = 1; width <= 4; width *= 2)
        if ((run->at >= width && is_word(piece, run->at - width)) ||
            is_word(piece, end + width - 1))
            return false;
    return true;
}

static void found(void *argument, const struct needle_run *run)
{
    const struct target *target = argument;
    const struct finding finding = {
        .kind = FINDING_PIN,
        .place = target->piece->place,
        .address = target->piece->address + run->at,
        .size = (uint32_t)run->size,
        .matched = (uint32_t)run->size,
        .of = (uint32_t)run->needle->size,
        .encoding = run->needle->encoding,
        .sought = -1,
    };

    if (!target->pin->weak || stands_alone(target->piece, run))
        findings_add(target->findings, &finding);
}

static void pin_search(const struct detector *self, const struct piece *piece,
                       struct findings *findings)
{
    const struct pin_detector *pin = (const struct pin_detector *)(const void *)self;
    struct target target = { pin, piece, findings };

    if (pin->needles != NULL)
        needles_search(pin->needles, piece, found, &target);
}

static void pin_free(struct detector *self)
{
    struct pin_detector *pin = (struct pin_detector *)(void *)self;

    needles_free(pin->needles);
    free(pin);
}

static bool fill(struct pin_detector *pin, const char *text)
{
    const size_t size = strlen(text);
    struct encodings wish = {
        .set = pin->weak ? ENCODING_RAW | ENCODING_WIDE16 | ENCODING_WIDE32 : ENCODING_PIN_ALL,
        .bytes = (const unsigned char *)text,
        .size = size,
        .least = size,
        .sought = -1,
    };

    if (size < SHORTEST || size > LONGEST)
        return true;
    pin->needles = needles_new(size < STRONG ? (unsigned int)size : STRONG);
    wish.needles = pin->needles;
    return pin->needles != NULL && encodings_add(&wish) && needles_seal(pin->needles);
}

struct detector *pin_detector_new(const struct scanner_settings *settings)
{
    struct pin_detector *pin = calloc(1, sizeof(*pin));

    if (pin == NULL)
        return NULL;
    pin->detector = (struct detector){ "pin", pin_search, pin_free };
    pin->weak = pin_weakness(settings->pin) != NULL;
    if (!fill(pin, settings->pin)) {
        pin_free(&pin->detector);
        return NULL;
    }
    return &pin->detector;
}
