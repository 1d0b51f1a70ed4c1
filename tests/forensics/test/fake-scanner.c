/* A scanner that looks for strings of bytes: see fake-scanner.h. */
#include "fake-scanner.h"

#include <stdlib.h>
#include <string.h>

struct scanner {
    struct fake_needle needles[SOUGHT_MAX];
    size_t count;
    bool oracle;
};

uint64_t fake_scanned;

struct scanner *fake_scanner_new(const struct fake_needle *needles, size_t count, bool oracle)
{
    struct scanner *scanner = calloc(1, sizeof(*scanner));

    if (scanner == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        /* Kept masked: the tests must not find the scanner's own copy. */
        for (size_t j = 0; j < sizeof(needles[i].bytes); j++)
            scanner->needles[i].bytes[j] = needles[i].bytes[j] ^ 0xa5;
        scanner->count++;
    }
    scanner->oracle = oracle;
    return scanner;
}

void scanner_free(struct scanner *scanner)
{
    free(scanner);
}

static void add(const struct piece *piece, size_t at, size_t which, struct findings *findings)
{
    const struct finding finding = { .kind = FINDING_KNOWN_KEY,
                                     .place = piece->place,
                                     .address = piece->address + at,
                                     .size = 32,
                                     .key_bits = 256,
                                     .matched = 32,
                                     .of = 32,
                                     .encoding = "raw",
                                     .sought = (int)which };

    findings_add(findings, &finding);
}

void scanner_search(const struct scanner *scanner, const struct piece *piece,
                    struct findings *findings)
{
    __atomic_fetch_add(&fake_scanned, piece->to - piece->from, __ATOMIC_RELAXED);
    for (size_t n = 0; n < scanner->count; n++) {
        const unsigned char first = scanner->needles[n].bytes[0] ^ 0xa5;
        const unsigned char *at = piece->bytes + piece->from, *end = piece->bytes + piece->to;

        while (at < end && (at = memchr(at, first, (size_t)(end - at))) != NULL) {
            const size_t offset = (size_t)(at - piece->bytes);
            size_t same = 0;

            while (same < 32 && offset + same < piece->size &&
                   at[same] == (scanner->needles[n].bytes[same] ^ 0xa5))
                same++;
            if (same == 32)
                add(piece, offset, n, findings);
            at++;
        }
    }
}

void scanner_conclude(const struct scanner *scanner, struct findings *findings)
{
    (void)scanner;
    findings_settle(findings);
}

bool scanner_plausible(const unsigned char *window)
{
    unsigned int zeros = 0;

    for (int i = 0; i < 32; i++)
        zeros += window[i] == 0;
    return zeros <= 4;
}

const char *const *scanner_detector_names(const struct scanner *scanner)
{
    static const char *const with[] = { "known key", "oracle", NULL };
    static const char *const without[] = { "known key", NULL };

    return scanner->oracle ? with : without;
}

enum code_path scanner_path(const struct scanner *scanner)
{
    (void)scanner;
    return PATH_PORTABLE;
}
