/*
 * Images (forensics/source/image.c, stream.c) before the whole scanner: each code path finds the
 * same in a file, in the same bytes through a pipe, and wherever memory is cut in pieces.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../forensics/source/source.h"
#include "memscan.h"

/* @return the findings, concluded; NULL if there was nothing to read */
static struct examination *search_path(const char *path, enum code_path code, size_t size)
{
    const struct source_settings settings = { .scanner = memscan_scanner(code, true),
                                              .workers = 1 };
    struct examination *examination = examination_new();
    struct source_trouble why = { "" };

    EXPECT(examination != NULL);
    if (!source_image(path, &settings, examination, &why)) {
        EXPECT(size == 0 && why.text[0] != '\0');
        examination_free(examination);
        return NULL;
    }
    EXPECT(ledger_balances(&examination->ledger) && examination->trouble[0] == '\0');
    EXPECT(ledger_sums(&examination->ledger).read == size);
    return examination;
}

static struct examination *search_file(const uint8_t *data, size_t size, enum code_path code)
{
    char path[64];
    const int fd = memscan_file(data, size, path);
    struct examination *examination = search_path(path, code, size);

    close(fd);
    return examination;
}

static struct examination *search_pipe(const uint8_t *data, size_t size, enum code_path code)
{
    struct examination *examination;
    char path[64];
    int ends[2];

    EXPECT(pipe2(ends, O_CLOEXEC) == 0);
    EXPECT(write(ends[1], data, size) == (ssize_t)size);
    close(ends[1]);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    examination = search_path(path, code, size);
    close(ends[0]);
    return examination;
}

/* In two pieces that meet anywhere. */
static struct findings *search_pieces(const uint8_t *data, size_t size, size_t border)
{
    unsigned char *bytes = calloc(1, size + 2 * PIECE_MARGIN);
    struct piece piece = { .bytes = bytes + PIECE_MARGIN, .size = size, .to = border };
    const struct scanner *scanner = memscan_scanner(PATH_BEST, true);
    struct findings *findings = findings_new();

    EXPECT(bytes != NULL && findings != NULL);
    memcpy(bytes + PIECE_MARGIN, data, size);
    scanner_search(scanner, &piece, findings);
    piece.from = border;
    piece.to = size;
    scanner_search(scanner, &piece, findings);
    scanner_conclude(scanner, findings);
    free(bytes);
    return findings;
}

static void expect_same(const struct findings *one, const struct findings *other)
{
    for (size_t i = 0; i < findings_count(one) && i < findings_count(other); i++) {
        const struct finding *a = findings_at(one, i), *b = findings_at(other, i);

        EXPECT(a->kind == b->kind && a->address == b->address && a->size == b->size);
        EXPECT(a->key_bits == b->key_bits && a->matched == b->matched && a->of == b->of);
        EXPECT(a->order == b->order && a->transform == b->transform && a->bytes == b->bytes);
        EXPECT(a->encoding == b->encoding && a->owner == b->owner && a->sought == b->sought);
        EXPECT(memcmp(a->key, b->key, sizeof(a->key)) == 0);
    }
    EXPECT(findings_count(one) == findings_count(other));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum code_path paths[] = { PATH_PORTABLE, PATH_AVX2, PATH_AVX512 };
    struct examination *best, *piped;
    struct findings *pieces;

    if (size > 16384)
        return 0;
    best = search_file(data, size, PATH_BEST);
    EXPECT((best == NULL) == (size == 0));
    if (best == NULL)
        return 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        piped = search_pipe(data, size, paths[i]);
        expect_same(best->findings, piped->findings);
        examination_free(piped);
    }
    fuzz_trace("%zu findings\n", findings_count(best->findings));
    pieces = search_pieces(data, size, size * data[0] / 256);
    expect_same(best->findings, pieces);
    findings_free(pieces);
    examination_free(best);
    return 0;
}
