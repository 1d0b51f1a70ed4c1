/*
 * The detectors before a buffer of random bytes in which each form lies once, of a key of its own,
 * at an odd address.  The forms are made by test/encode.c, without the scanner's code.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../../../provider/secret.h"
#include "../scan/aes.h"
#include "../test/encode.h"

enum {
    KEY = 32,
    STRIDE = 2048, /* from one planted thing to the next */
    OFFSET = 517,
    PLANTED_MOST = 48,
    PIN_SIZE = 16,
};

struct planted {
    char name[64];
    enum finding_kind kind;
    int sought;             /* of a key that is looked for; else -1 */
    unsigned char key[KEY]; /* of a schedule */
    size_t key_size;
};

struct buffer {
    unsigned char *memory; /* PIECE_MARGIN more on both sides */
    size_t size, count;
    struct planted planted[PLANTED_MOST];
};

static unsigned char *place_of(struct buffer *buffer, size_t index)
{
    return buffer->memory + PIECE_MARGIN + index * STRIDE + OFFSET;
}

static bool fill_random(void *bytes, size_t size)
{
    unsigned char *at = bytes;

    while (size > 0) {
        const size_t part = size < 256 ? size : 256;

        if (getrandom(at, part, 0) != (ssize_t)part)
            return false;
        at += part;
        size -= part;
    }
    return true;
}

static struct planted *next(struct buffer *buffer, enum finding_kind kind, int sought)
{
    struct planted *planted;

    if (buffer->count == PLANTED_MOST)
        abort(); /* the tables below are too long for the buffer */
    planted = &buffer->planted[buffer->count++];
    planted->kind = kind;
    planted->sought = sought;
    return planted;
}

static bool plant_schedules(struct buffer *buffer)
{
    static const unsigned int sizes[] = { 256, 192, 128 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        const size_t forms = i == 0 ? planted_form_count : 1;

        for (size_t j = 0; j < forms; j++) {
            struct planted *planted = next(buffer, FINDING_SCHEDULE, -1);
            unsigned char schedule[ENCODED_MAX];
            size_t size;

            planted->key_size = sizes[i] / 8;
            if (!fill_random(planted->key, planted->key_size))
                return false;
            size = encode_schedule(&planted_forms[j], planted->key, sizes[i], schedule);
            memcpy(place_of(buffer, buffer->count - 1), schedule, size);
            snprintf(planted->name, sizeof(planted->name), "AES-%u schedule, %s", sizes[i],
                     planted_forms[j].name);
        }
    }
    return true;
}

static void to_hex(const unsigned char *bytes, char *text)
{
    for (size_t i = 0; i < KEY; i++)
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* One key in the forms that the detector of known bytes has to find. */
static void plant_bytes(struct buffer *buffer, const unsigned char *key, int sought,
                        enum finding_kind kind)
{
    static const char *const names[] = { "raw", "reversed", "hexadecimal", "half" };
    const size_t forms = kind == FINDING_KNOWN_KEY ? 4 : 1;

    for (size_t i = 0; i < forms; i++) {
        struct planted *planted = next(buffer, kind, sought);
        unsigned char *at = place_of(buffer, buffer->count - 1);
        char hex[2 * KEY + 1];

        snprintf(planted->name, sizeof(planted->name), "key known by its %s, %s",
                 kind == FINDING_KNOWN_KEY ? "bytes" : "encryption", names[i]);
        if (i == 0) {
            memcpy(at, key, KEY);
        } else if (i == 1) {
            for (size_t j = 0; j < KEY; j++)
                at[j] = key[KEY - 1 - j];
        } else if (i == 2) {
            to_hex(key, hex);
            memcpy(at, hex, 2 * KEY);
        } else {
            memcpy(at, key, KEY / 2);
        }
    }
}

static void plant_pin(struct buffer *buffer, const char *pin)
{
    struct planted *planted = next(buffer, FINDING_PIN, -1);

    memcpy(place_of(buffer, buffer->count - 1) - 1, "\0", 1);
    memcpy(place_of(buffer, buffer->count - 1), pin, PIN_SIZE + 1);
    snprintf(planted->name, sizeof(planted->name), "PIN");
}

/* Whether one of the findings is what was planted, where it was planted. */
static bool is_found(const struct buffer *buffer, size_t index, const struct findings *findings)
{
    const struct planted *planted = &buffer->planted[index];
    const uint64_t from = index * STRIDE, to = from + STRIDE;

    for (size_t i = 0; i < findings_count(findings); i++) {
        const struct finding *finding = findings_at(findings, i);

        if (finding->kind != planted->kind || finding->address < from || finding->address >= to)
            continue;
        if (planted->kind == FINDING_SCHEDULE
                ? finding->key_bits == 8 * planted->key_size &&
                      memcmp(finding->key, planted->key, planted->key_size) == 0
                : finding->sought == planted->sought)
            return true;
    }
    return false;
}

/* What is of use for the question gets something to find. */
static bool plant(struct buffer *buffer, const struct scanner_settings *settings,
                  struct sought *sought, unsigned char keys[2][KEY], const char *pin)
{
    bool has_key = false;

    for (size_t i = 0; i < settings->sought_count; i++)
        has_key |= settings->sought[i].key != NULL;
    if (!plant_schedules(buffer))
        return false;
    if (has_key)
        plant_bytes(buffer, keys[0], 0, FINDING_KNOWN_KEY);
    if (settings->sought_count > 0)
        plant_bytes(buffer, keys[1], 1, FINDING_ORACLE_KEY);
    if (settings->pin != NULL)
        plant_pin(buffer, pin);
    sought[0] = (struct sought){ .role = SOUGHT_CANARY, .name = "planted", .key = keys[0] };
    sought[1] = (struct sought){ .role = SOUGHT_CANARY, .name = "planted", .has_cipher = true };
    return true;
}

/* Looks, and enters each as a control. */
static bool look(struct buffer *buffer, const struct scanner_settings *settings,
                 struct report *report)
{
    struct scanner *scanner = scanner_new(settings);
    struct findings *findings = findings_new();
    const struct piece piece = { .bytes = buffer->memory + PIECE_MARGIN,
                                 .size = buffer->size,
                                 .to = buffer->size };
    bool done = scanner != NULL && findings != NULL;

    if (done) {
        scanner_search(scanner, &piece, findings);
        scanner_conclude(scanner, findings);
    }
    for (size_t i = 0; i < buffer->count && done; i++)
        done = check_add(report, buffer->planted[i].name, is_found(buffer, i, findings));
    findings_free(findings);
    scanner_free(scanner);
    return done;
}

bool check_add(struct report *report, const char *name, bool found)
{
    struct control *controls =
        realloc(report->controls, (report->control_count + 1) * sizeof(*controls));
    struct control *control;

    if (controls == NULL)
        return false;
    report->controls = controls;
    control = &controls[report->control_count++];
    *control = (struct control){ .found = found, .helper = true, .seen = found, .of = 1 };
    snprintf(control->name, sizeof(control->name), "%s", name);
    return true;
}

bool check_detectors(const struct scanner_settings *settings, struct report *report)
{
    static const char pin[PIN_SIZE + 1] = "Qr7-planted-zX4_";
    struct scanner_settings own = *settings;
    struct buffer *buffer = calloc(1, sizeof(*buffer));
    unsigned char keys[2][KEY];
    struct sought sought[2];
    bool done = false;

    if (buffer == NULL)
        return false;
    buffer->size = (size_t)PLANTED_MOST * STRIDE;
    buffer->memory = calloc(1, buffer->size + 2 * PIECE_MARGIN);
    if (buffer->memory != NULL && fill_random(buffer->memory + PIECE_MARGIN, buffer->size) &&
        fill_random(keys, sizeof(keys)) && plant(buffer, settings, sought, keys, pin)) {
        own.sought = sought;
        own.sought_count = settings->sought_count > 0 ? 2 : 0;
        own.pin = settings->pin != NULL ? pin : NULL;
        aes_encrypt(8, keys[1], settings->plain, sought[1].cipher);
        done = look(buffer, &own, report);
    }
    free(buffer->memory);
    free(buffer);
    return done;
}
