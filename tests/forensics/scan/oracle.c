/*
 * The oracle search: E_K(plain) is known for the key that is looked for, K is not.  Every window of
 * 32 bytes, at every byte offset, that could be a random key (plausible.h) is tried as one.
 */
#include "oracle.h"

#include <stdlib.h>
#include <string.h>

#include "../../../provider/secret.h"
#include "aes.h"

struct oracle_detector {
    struct detector detector;
    struct oracle_goal goal; /* nothing secret: the keys' bytes are not kept */
    const struct oracle_engine *engine;
    bool thorough;
    unsigned int set;
};

static void report(const struct oracle_kind *kind, unsigned int index)
{
    static const enum schedule_bytes bytes[ORACLE_SHAPES] = { BYTES_NATURAL, BYTES_SWAPPED_32,
                                                              BYTES_REVERSED };
    const struct oracle_goal *goal = kind->search->goal;
    struct finding finding = {
        .kind = FINDING_ORACLE_KEY,
        .place = kind->search->piece->place,
        .key_bits = 256,
        .matched = 32,
        .of = 32,
        .bytes = bytes[kind->batch.shape],
        .encoding = kind->encoding,
    };
    unsigned char cipher[16];

    oracle_candidate(&kind->batch, index, finding.key);
    aes_encrypt(8, finding.key, goal->plain, cipher);
    kind->locate(kind, kind->batch.first[index], kind->batch.second[index], &finding);
    for (unsigned int i = 0; i < goal->count; i++)
        if (memcmp(cipher, goal->cipher[i], sizeof(cipher)) == 0) {
            finding.sought = goal->sought[i];
            findings_add(kind->search->findings, &finding);
        }
    secret_wipe(&finding, sizeof(finding));
}

void oracle_flush(struct oracle_kind *kind)
{
    struct oracle_batch *batch = &kind->batch;
    uint64_t matches;

    if (batch->count == 0)
        return;
    for (unsigned int i = batch->count; i < ORACLE_BATCH; i++) {
        batch->first[i] = batch->first[0];
        batch->second[i] = batch->second[0];
    }
    matches = kind->search->engine->match(kind->search->goal, batch);
    for (; matches != 0; matches &= matches - 1) {
        const unsigned int index = (unsigned int)__builtin_ctzll(matches);

        if (index < batch->count)
            report(kind, index);
    }
    batch->count = 0;
}

/* A candidate is where it lies; that of reversed bytes begins at its second half. */
static void locate_window(const struct oracle_kind *kind, const unsigned char *first,
                          const unsigned char *second, struct finding *finding)
{
    const struct piece *piece = kind->search->piece;

    finding->address =
        piece->address + (uint64_t)((first < second ? first : second) - piece->bytes);
    finding->size = 32;
}

/* The windows of `mask` from `from` on, in one shape. */
static void try_windows(struct oracle_kind *kind, const unsigned char *from, uint64_t mask)
{
    const bool reversed = kind->batch.shape == ORACLE_REVERSED;

    for (; mask != 0; mask &= mask - 1) {
        const unsigned char *window = from + __builtin_ctzll(mask);

        oracle_try(kind, window + (reversed ? 16 : 0), window + (reversed ? 0 : 16));
    }
}

/* Which windows of a block pass; of the last block there are not so many bytes as are read. */
static void sift(const struct oracle_search *search, const unsigned char *bytes,
                 uint64_t masks[PLAUSIBLE_BLOCK / 64])
{
    const struct piece *piece = search->piece;
    const size_t left = (size_t)(piece->bytes + piece->size - bytes);
    unsigned char copy[PLAUSIBLE_BLOCK + PLAUSIBLE_AHEAD];

    if (left >= sizeof(copy)) {
        search->engine->plausible(bytes, masks);
        return;
    }
    memcpy(copy, bytes, left);
    memset(copy + left, 0, sizeof(copy) - left);
    search->engine->plausible(copy, masks);
    secret_wipe(copy, sizeof(copy));
}

/* The windows of one block that pass, `valid` of them being the piece's. */
static void search_block(struct oracle_kind kinds[ORACLE_SHAPES], const unsigned char *bytes,
                         size_t valid)
{
    const struct oracle_search *search = kinds[0].search;
    const uint64_t address = search->piece->address + (uint64_t)(bytes - search->piece->bytes);
    const uint64_t fourth = UINT64_C(0x1111111111111111) << (-address & 3);
    const uint64_t turned = search->thorough ? UINT64_MAX : fourth;
    uint64_t masks[PLAUSIBLE_BLOCK / 64];

    sift(search, bytes, masks);
    for (size_t line = 0; 64 * line < valid; line++) {
        const unsigned char *from = bytes + 64 * line;
        uint64_t mask = masks[line];

        if (valid - 64 * line < 64)
            mask &= (UINT64_C(1) << (valid - 64 * line)) - 1;
        if (search->set & ORACLE_WINDOWS)
            try_windows(&kinds[ORACLE_NATURAL], from, mask);
        if (search->set & ORACLE_SWAPPED)
            try_windows(&kinds[ORACLE_SWAPPED_32], from, mask & turned);
        if (search->set & ORACLE_BACKWARDS)
            try_windows(&kinds[ORACLE_REVERSED], from, mask & turned);
    }
}

static void search_windows(const struct oracle_search *search)
{
    static const char *const encodings[ORACLE_SHAPES] = { "raw", "bswap32", "reversed" };
    const struct piece *piece = search->piece;
    struct oracle_kind kinds[ORACLE_SHAPES];
    size_t end = piece->size < 32 ? 0 : piece->size - 31;

    end = end < piece->to ? end : piece->to;
    for (int i = 0; i < ORACLE_SHAPES; i++) {
        kinds[i].search = search;
        kinds[i].encoding = encodings[i];
        kinds[i].locate = locate_window;
        kinds[i].batch.shape = (enum oracle_shape)i;
        kinds[i].batch.count = 0;
    }
    for (size_t at = piece->from; at < end; at += PLAUSIBLE_BLOCK)
        search_block(kinds, piece->bytes + at,
                     end - at < PLAUSIBLE_BLOCK ? end - at : PLAUSIBLE_BLOCK);
    for (int i = 0; i < ORACLE_SHAPES; i++)
        oracle_flush(&kinds[i]);
}

static void oracle_detector_search(const struct detector *self, const struct piece *piece,
                                   struct findings *findings)
{
    const struct oracle_detector *detector = (const struct oracle_detector *)(const void *)self;
    const struct oracle_search search = { &detector->goal, detector->engine,   piece,
                                          findings,        detector->thorough, detector->set };

    search_windows(&search);
    if (search.set & (ORACLE_HEX | ORACLE_HEX_SEPARATED | ORACLE_BASE64))
        oracle_search_text(&search);
    if (search.set & ORACLE_HALVES)
        oracle_search_halves(&search);
}

static void oracle_detector_free(struct detector *self)
{
    free(self);
}

static void set_goal(struct oracle_goal *goal, const struct scanner_settings *settings)
{
    memcpy(goal->plain, settings->plain, sizeof(goal->plain));
    for (size_t i = 0; i < settings->sought_count && goal->count < SOUGHT_MAX; i++) {
        const struct sought *sought = &settings->sought[i];

        if (!sought->has_cipher && sought->key == NULL)
            continue;
        if (sought->has_cipher)
            memcpy(goal->cipher[goal->count], sought->cipher, sizeof(sought->cipher));
        else
            aes_encrypt(8, sought->key, settings->plain, goal->cipher[goal->count]);
        goal->sought[goal->count++] = (int)i;
    }
}

static const struct oracle_engine *engine_of(enum code_path path)
{
#ifdef __x86_64__
    if (path == PATH_AVX512)
        return &oracle_vaes;
    if (path == PATH_AVX2)
        return &oracle_aesni;
#endif
    (void)path;
    return &oracle_portable;
}

struct detector *oracle_detector_with(const struct scanner_settings *settings, unsigned int set)
{
    struct oracle_detector *detector = calloc(1, sizeof(*detector));

    if (detector == NULL)
        return NULL;
    detector->detector =
        (struct detector){ "oracle", oracle_detector_search, oracle_detector_free };
    detector->engine = engine_of(code_path_choose(settings->path));
    detector->thorough = settings->thorough;
    detector->set = set;
    set_goal(&detector->goal, settings);
    return &detector->detector;
}

struct detector *oracle_detector_new(const struct scanner_settings *settings)
{
    return oracle_detector_with(settings, ORACLE_ALL);
}
