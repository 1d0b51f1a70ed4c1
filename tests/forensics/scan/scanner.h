/*
 * The face of the scanner library: which detectors, over which pieces.  Knows no operating system:
 * sources (../source/) bring the bytes.
 */
#ifndef MEMSCAN_SCANNER_H
#define MEMSCAN_SCANNER_H

#include <stdbool.h>

#include "detector.h"

/** What a key that is looked for is to the verdict. */
enum sought_role {
    SOUGHT_WANTED, /**< the key that was asked for: the verdict is about it */
    SOUGHT_CANARY, /**< planted on purpose: must be found */
};

/** A key that is looked for: by its bytes, by what it makes of the oracle's block, or both. */
struct sought {
    enum sought_role role;
    const char *name; /**< "hsmzke:gold", "canary on the heap"; static or outlives the scanner */
    const unsigned char *key; /**< 32 bytes, not kept as they are; NULL if nobody has them */
    bool has_cipher;
    unsigned char cipher[16]; /**< E_K(plain), AES-256; known without the key from the HSM */
};

enum detector_set {
    DETECT_SCHEDULES = 1 << 0, /**< plain, reversed, InvMixColumns, vpaes; by structure */
    DETECT_BITSLICED = 1 << 1, /**< fixslice32 and fixslice64 */
    DETECT_KNOWN_KEY = 1 << 2, /**< needs a `sought` with key */
    DETECT_ORACLE = 1 << 3,    /**< needs a `sought` with cipher, or with key */
    DETECT_PIN = 1 << 4,       /**< needs `pin` */
    DETECT_ALL = (1 << 5) - 1,
};

enum { SOUGHT_MAX = 16 };

struct scanner_settings {
    unsigned int detectors; /**< enum detector_set; one without what it needs is left out */
    bool thorough;          /**< schedules: look at every 32-byte window (fragments of 64 bytes) */
    enum code_path path;
    const struct sought *sought; /**< may be none; then only schedules are found */
    size_t sought_count;         /**< at most SOUGHT_MAX */
    unsigned char plain[16];     /**< the oracle's block: random, one for all that is sought */
    const char *pin;             /**< copied into locked memory; or NULL */
    bool remember; /**< parts in which nothing was found are not searched again while they are the
                      same: for many searches of one target */
    unsigned int forms_off; /**< FORM_OFF_*: for tests that must see that it is missed; else 0 */
};

/* Which forms of schedules are not looked for: those with any of these. */
#define FORM_OFF_ORDER(order) (1u << (order))
#define FORM_OFF_TRANSFORM(transform) (1u << (2 + (transform)))
#define FORM_OFF_BYTES(bytes) (1u << (8 + (bytes)))
#define FORM_OFF_KEY_WORDS(words) (1u << (11 + ((words)-4) / 2)) /* 4, 6 or 8 */

struct scanner;

/** @return NULL without memory */
struct scanner *scanner_new(const struct scanner_settings *settings);
void scanner_free(struct scanner *scanner);

/** Runs all detectors over a piece; may be called from several threads. */
void scanner_search(const struct scanner *scanner, const struct piece *piece,
                    struct findings *findings);

/**
 * Says of each schedule which of the sought keys it is, by its bytes or by the oracle's block, and
 * gives self-test keys their `owner` and others their user.  To be called when all pieces were
 * searched; settles the set.
 */
void scanner_conclude(const struct scanner *scanner, struct findings *findings);

/**
 * Whether 32 bytes at `window` could be a random key at all (the oracle's plausibility test): used
 * to choose what is copied of a large target.  Miss probability: below 10^-6 (oracle.h).
 */
bool scanner_plausible(const unsigned char *window);

/** Which of `detectors` run, by name, NULL-terminated; of static duration. */
const char *const *scanner_detector_names(const struct scanner *scanner);

/** The code path in use. */
enum code_path scanner_path(const struct scanner *scanner);

#endif
