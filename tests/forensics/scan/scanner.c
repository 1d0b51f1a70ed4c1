/*
 * The scanner: detectors made as there is something for them to look for, run over pieces in parts
 * that stay in the processor's first cache, and what they found named.
 */
#include "scanner.h"

#include <string.h>

#include "../../../provider/secret.h"
#include "aes.h"
#include "detectors.h"
#include "memo.h"
#include "neighbours.h"
#include "selftest-keys.h"

enum {
    DETECTORS_MAX = 5,
    PART_SIZE = 32 * 1024,
};

/* In locked memory. */
struct scanner {
    struct scanner_settings settings;
    unsigned char ciphers[SOUGHT_MAX][16]; /* what the sought keys make of `settings.plain` */
    struct detector *detectors[DETECTORS_MAX];
    const char *names[DETECTORS_MAX + 1];
    size_t count;
    struct memo *memo; /* NULL: every part is searched */
};

static bool has_key(const struct scanner_settings *settings)
{
    for (size_t i = 0; i < settings->sought_count; i++)
        if (settings->sought[i].key != NULL)
            return true;
    return false;
}

static bool has_oracle(const struct scanner_settings *settings)
{
    for (size_t i = 0; i < settings->sought_count; i++)
        if (settings->sought[i].key != NULL || settings->sought[i].has_cipher)
            return true;
    return false;
}

static bool has_pin(const struct scanner_settings *settings)
{
    return settings->pin != NULL;
}

static bool always(const struct scanner_settings *settings)
{
    (void)settings;
    return true;
}

/* Else the detector of the other schedules looks for them in passing. */
static bool is_alone(const struct scanner_settings *settings)
{
    return (settings->detectors & DETECT_SCHEDULES) == 0;
}

static const struct kind {
    enum detector_set which;
    const char *name;
    bool (*is_useful)(const struct scanner_settings *settings);
    struct detector *(*make)(const struct scanner_settings *settings);
} kinds[DETECTORS_MAX] = {
    { DETECT_SCHEDULES, "schedules", always, schedule_detector_new },
    { DETECT_BITSLICED, "bitsliced", is_alone, bitsliced_detector_new },
    { DETECT_KNOWN_KEY, "known-key", has_key, known_detector_new },
    { DETECT_ORACLE, "oracle", has_oracle, oracle_detector_new },
    { DETECT_PIN, "pin", has_pin, pin_detector_new },
};

static bool add_detectors(struct scanner *scanner, const struct scanner_settings *settings)
{
    size_t names = 0;

    for (size_t i = 0; i < DETECTORS_MAX; i++) {
        const struct kind *kind = &kinds[i];

        if ((settings->detectors & kind->which) == 0)
            continue;
        if (kind->is_useful(settings)) {
            scanner->detectors[scanner->count] = kind->make(settings);
            if (scanner->detectors[scanner->count] == NULL)
                return false;
            scanner->count++;
        } else if (kind->which != DETECT_BITSLICED) {
            continue;
        }
        scanner->names[names++] = kind->name;
    }
    return true;
}

/* A key whose bytes are known is told by its ciphertext all the same: no copy of it is needed. */
static void cipher_of(const struct sought *sought, const unsigned char plain[16],
                      unsigned char cipher[16])
{
    if (sought->key != NULL)
        aes_encrypt(8, sought->key, plain, cipher);
    else
        memcpy(cipher, sought->cipher, sizeof(sought->cipher));
}

struct scanner *scanner_new(const struct scanner_settings *settings)
{
    struct failure why;
    struct scanner *scanner =
        settings->sought_count <= SOUGHT_MAX ? secret_alloc(sizeof(*scanner), &why) : NULL;

    if (scanner == NULL)
        return NULL;
    scanner->settings = *settings;
    scanner->settings.path = code_path_choose(settings->path);
    scanner->settings.sought = NULL;
    scanner->settings.pin = NULL; /* the detector has its own copy */
    for (size_t i = 0; i < settings->sought_count; i++)
        cipher_of(&settings->sought[i], settings->plain, scanner->ciphers[i]);
    if (settings->remember)
        scanner->memo = memo_new();
    if ((settings->remember && scanner->memo == NULL) || !add_detectors(scanner, settings)) {
        scanner_free(scanner);
        return NULL;
    }
    return scanner;
}

void scanner_free(struct scanner *scanner)
{
    if (scanner == NULL)
        return;
    for (size_t i = 0; i < scanner->count; i++)
        scanner->detectors[i]->free(scanner->detectors[i]);
    memo_free(scanner->memo);
    secret_free(scanner, sizeof(*scanner));
}

static void search_part(const struct scanner *scanner, const struct piece *part,
                        struct findings *findings)
{
    for (size_t i = 0; i < scanner->count; i++)
        scanner->detectors[i]->search(scanner->detectors[i], part, findings);
}

/* What is found of a part is all in a set of its own first: an empty one is worth remembering. */
static void search_once(const struct scanner *scanner, const struct piece *part,
                        struct findings *findings)
{
    const struct memo_mark mark = memo_mark(scanner->memo, part);
    struct findings *own;

    if (memo_knows(scanner->memo, mark))
        return;
    own = findings_new();
    if (own == NULL) {
        search_part(scanner, part, findings);
        return;
    }
    search_part(scanner, part, own);
    if (findings_overflowed(own))
        search_part(scanner, part, findings);
    for (size_t i = 0; i < findings_count(own); i++)
        findings_add(findings, findings_at(own, i));
    if (findings_count(own) == 0 && !findings_overflowed(own))
        memo_add(scanner->memo, mark);
    findings_free(own);
}

void scanner_search(const struct scanner *scanner, const struct piece *piece,
                    struct findings *findings)
{
    struct piece part = *piece;

    for (part.from = piece->from; part.from < piece->to; part.from = part.to) {
        part.to = piece->to - part.from > PART_SIZE ? part.from + PART_SIZE : piece->to;
        if (scanner->memo != NULL)
            search_once(scanner, &part, findings);
        else
            search_part(scanner, &part, findings);
    }
}

/* Which of the sought keys a 32-byte key is; -1: none */
static int sought_of(const struct scanner *scanner, const unsigned char *key)
{
    unsigned char cipher[16];

    aes_encrypt(8, key, scanner->settings.plain, cipher);
    for (size_t i = 0; i < scanner->settings.sought_count; i++)
        if (memcmp(scanner->ciphers[i], cipher, sizeof(cipher)) == 0)
            return (int)i;
    return -1;
}

void scanner_conclude(const struct scanner *scanner, struct findings *findings)
{
    findings_settle(findings);
    for (size_t i = 0; i < findings_count(findings); i++) {
        struct finding *finding = findings_edit(findings, i);

        if (finding->kind != FINDING_SCHEDULE)
            continue;
        finding->owner = selftest_owner(finding->key, finding->key_bits / 8);
        if (finding->key_bits == 256)
            finding->sought = sought_of(scanner, finding->key);
    }
    neighbours_name(findings);
}

const char *const *scanner_detector_names(const struct scanner *scanner)
{
    return scanner->names;
}

enum code_path scanner_path(const struct scanner *scanner)
{
    return scanner->settings.path;
}
