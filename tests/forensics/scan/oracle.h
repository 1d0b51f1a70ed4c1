/*
 * The oracle search from within: candidates are gathered in batches, an engine encrypts the
 * oracle's block under all of a batch at once.  For oracle*.c and their tests only.
 */
#ifndef MEMSCAN_ORACLE_H
#define MEMSCAN_ORACLE_H

#include "detectors.h"
#include "plausible.h"

enum {
    ORACLE_BATCH = 64,
    /** Halves with more bytes 00 and ff together, of 16, are passed over. */
    ORACLE_HALF_RARE_MOST = 4,
    /** Base64 with fewer capitals, or small letters, is passed over. */
    ORACLE_CASE_LEAST = 3,
};

/** How 16 bytes of memory make half a key. */
enum oracle_shape {
    ORACLE_NATURAL,
    ORACLE_SWAPPED_32, /**< the bytes of each 32-bit word the other way round */
    ORACLE_REVERSED,   /**< the last byte first; the halves change places too (whoever fills in
                          `second` and `first` does that) */
    ORACLE_SHAPES,
};

/** Candidates: key i is the 16 bytes at first[i] and the 16 at second[i], in this shape. */
struct oracle_batch {
    enum oracle_shape shape;
    unsigned int count;
    const unsigned char *first[ORACLE_BATCH], *second[ORACLE_BATCH];
};

/** What the keys that are looked for make of one block. */
struct oracle_goal {
    unsigned char plain[16];
    unsigned int count;
    unsigned char cipher[SOUGHT_MAX][16];
    int sought[SOUGHT_MAX]; /**< which of scanner_settings.sought it is */
};

/** The parts of which each code path has its own. */
struct oracle_engine {
    /** plausible_block() of plausible.h */
    void (*plausible)(const unsigned char *bytes, uint64_t masks[PLAUSIBLE_BLOCK / 64]);
    /**
     * Bit i of the result is set if candidate i makes one of the goal's ciphertexts.  `first` and
     * `second` are valid up to ORACLE_BATCH; what is beyond `count` is a repetition.
     */
    uint64_t (*match)(const struct oracle_goal *goal, const struct oracle_batch *batch);
};

extern const struct oracle_engine oracle_portable;
#ifdef __x86_64__
extern const struct oracle_engine oracle_aesni; /**< PATH_AVX2 */
extern const struct oracle_engine oracle_vaes;  /**< PATH_AVX512 */
#endif

/** The 32 bytes that candidate `index` is. */
void oracle_candidate(const struct oracle_batch *batch, unsigned int index, unsigned char key[32]);

/** What is tried as a key. */
enum oracle_set {
    ORACLE_WINDOWS = 1 << 0,   /**< 32 bytes as they are, at every offset */
    ORACLE_SWAPPED = 1 << 1,   /**< ORACLE_SWAPPED_32, at multiples of 4 */
    ORACLE_BACKWARDS = 1 << 2, /**< ORACLE_REVERSED, at multiples of 4 */
    ORACLE_HEX = 1 << 3,
    ORACLE_HEX_SEPARATED = 1 << 4,
    ORACLE_BASE64 = 1 << 5,
    ORACLE_HALVES = 1 << 6,
    ORACLE_ALL = (1 << 7) - 1,
};

/** The oracle detector with some of these only: for tests that switch one off. */
struct detector *oracle_detector_with(const struct scanner_settings *settings, unsigned int set);

/** A search of one piece: what its parts (natural, text, halves) share. */
struct oracle_search {
    const struct oracle_goal *goal;
    const struct oracle_engine *engine;
    const struct piece *piece;
    struct findings *findings;
    bool thorough;    /**< swapped and backwards at every offset too */
    unsigned int set; /**< enum oracle_set */
};

/**
 * One kind of candidate within a search.  `locate` fills in address and size of a candidate that
 * matched, from where its pointers lead.
 */
struct oracle_kind {
    const struct oracle_search *search;
    const char *encoding;
    void (*locate)(const struct oracle_kind *self, const unsigned char *first,
                   const unsigned char *second, struct finding *finding);
    const void *context; /**< for `locate` */
    struct oracle_batch batch;
};

/** Tries what is gathered, and empties the batch; to be called at the end too. */
void oracle_flush(struct oracle_kind *kind);

static inline void oracle_try(struct oracle_kind *kind, const unsigned char *first,
                              const unsigned char *second)
{
    kind->batch.first[kind->batch.count] = first;
    kind->batch.second[kind->batch.count] = second;
    if (++kind->batch.count == ORACLE_BATCH)
        oracle_flush(kind);
}

/** Keys as text: hexadecimal and base64, 8, 16 or 32 bits a character: oracle-text.c */
void oracle_search_text(const struct oracle_search *search);
/** Keys in two halves of 16 bytes: oracle-halves.c */
void oracle_search_halves(const struct oracle_search *search);

#endif
