/*
 * Shared by the scanner's tests.
 */
#include "scanning.h"

#include <stdlib.h>
#include <string.h>

unsigned char *memory_new(size_t size)
{
    unsigned char *memory = calloc(1, size + 2 * PIECE_MARGIN);

    assert_non_null(memory);
    return memory + PIECE_MARGIN;
}

void memory_free(unsigned char *memory)
{
    free(memory - PIECE_MARGIN);
}

/* As a source brings it: the piece's own bytes, those around, zeros beyond. */
static void scan_piece(const struct scanner *scanner, const unsigned char *memory, size_t size,
                       size_t from, size_t to, struct findings *findings)
{
    const size_t start = from > PIECE_OVERLAP ? from - PIECE_OVERLAP : 0;
    const size_t end = size - to > PIECE_OVERLAP ? to + PIECE_OVERLAP : size;
    unsigned char *copy = memory_new(end - start);

    memcpy(copy, memory + start, end - start);
    scanner_search(scanner,
                   &(struct piece){ .bytes = copy,
                                    .size = end - start,
                                    .from = from - start,
                                    .to = to - start,
                                    .address = start },
                   findings);
    memory_free(copy);
}

struct findings *scan(const struct scanner_settings *settings, const unsigned char *memory,
                      size_t size, size_t piece_size)
{
    struct scanner *scanner = scanner_new(settings);
    struct findings *findings = findings_new();

    assert_non_null(scanner);
    assert_non_null(findings);
    if (piece_size == 0)
        scanner_search(scanner, &(struct piece){ .bytes = memory, .size = size, .to = size },
                       findings);
    for (size_t from = 0; piece_size != 0 && from < size; from += piece_size)
        scan_piece(scanner, memory, size, from, size - from > piece_size ? from + piece_size : size,
                   findings);
    scanner_conclude(scanner, findings);
    assert_false(findings_overflowed(findings));
    scanner_free(scanner);
    return findings;
}

struct findings *search_by(struct detector *detector, const unsigned char *memory, size_t size,
                           size_t border)
{
    struct findings *findings = findings_new();

    assert_non_null(detector);
    assert_non_null(findings);
    detector->search(detector, &(struct piece){ .bytes = memory, .size = size, .to = border },
                     findings);
    detector->search(detector,
                     &(struct piece){ .bytes = memory, .size = size, .from = border, .to = size },
                     findings);
    detector->free(detector);
    return findings;
}

const struct finding *find_schedule(const struct findings *findings,
                                    const struct planted_form *form, const unsigned char *key,
                                    unsigned int key_bits, uint64_t address)
{
    for (size_t i = 0; i < findings_count(findings); i++) {
        const struct finding *finding = findings_at(findings, i);

        if (finding->kind == FINDING_SCHEDULE && finding->address == address &&
            finding->key_bits == key_bits && finding->order == form->order &&
            finding->transform == form->transform && finding->bytes == form->bytes &&
            memcmp(finding->key, key, key_bits / 8) == 0)
            return finding;
    }
    return NULL;
}

void assert_same_findings(const struct findings *one, const struct findings *other)
{
    assert_int_equal(findings_count(one), findings_count(other));
    for (size_t i = 0; i < findings_count(one); i++) {
        const struct finding *a = findings_at(one, i), *b = findings_at(other, i);

        assert_int_equal(a->address, b->address);
        assert_int_equal(a->size, b->size);
        assert_int_equal(a->matched, b->matched);
        assert_int_equal(a->of, b->of);
        assert_int_equal(a->key_bits, b->key_bits);
        assert_int_equal(a->order, b->order);
        assert_int_equal(a->transform, b->transform);
        assert_int_equal(a->bytes, b->bytes);
        assert_memory_equal(a->key, b->key, sizeof(a->key));
    }
}
