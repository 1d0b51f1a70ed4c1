/*
 * What the detectors found: one finding is one key, schedule or text, with where and in what form.
 * A set of findings holds each once.  Pure; everything in here may be printed but `key`.
 */
#ifndef MEMSCAN_FINDING_H
#define MEMSCAN_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Which detector saw it. */
enum finding_kind {
    FINDING_SCHEDULE,  /**< an AES key schedule, or four blocks and more of one, by its structure */
    FINDING_KNOWN_KEY, /**< bytes of the key that was given, in some encoding */
    FINDING_ORACLE_KEY, /**< 32 bytes that encrypt the oracle's block as the HSM's key does */
    FINDING_PIN,        /**< bytes of the PIN that was given */
};

/** In which order the round keys lie. */
enum schedule_order { ORDER_FORWARD, ORDER_REVERSED };

/** What was done to each round key. */
enum schedule_transform {
    TRANSFORM_PLAIN,
    TRANSFORM_INV_MIX_COLUMNS, /**< the equivalent inverse cipher's (FIPS 197, 5.3.5) */
    TRANSFORM_VPAES_ENCRYPT,   /**< the affine maps of vector-permutation AES */
    TRANSFORM_VPAES_DECRYPT,
    TRANSFORM_FIXSLICE32, /**< bitsliced, two blocks in eight 32-bit words */
    TRANSFORM_FIXSLICE64, /**< bitsliced, four blocks in eight 64-bit words */
};

/** In which order the bytes of a word, or of a round key, lie.  (A forward schedule written from
    its last byte to its first is ORDER_REVERSED with BYTES_REVERSED.) */
enum schedule_bytes { BYTES_NATURAL, BYTES_SWAPPED_32, BYTES_REVERSED };

struct finding {
    enum finding_kind kind;
    unsigned int place; /**< which place of the ledger (place.h) */
    uint64_t
        address; /**< of its first byte: a virtual address, or an offset in a place that has none */
    uint32_t size;     /**< bytes from first to last that belong to it */
    uint32_t key_bits; /**< 128, 192 or 256; 0 for a PIN */
    uint32_t matched;  /**< round keys of a schedule, else bytes, that agree */
    uint32_t of;       /**< ... of so many */
    enum schedule_order order;
    enum schedule_transform transform;
    enum schedule_bytes bytes;
    const char
        *encoding; /**< static text: "raw", "base64", "round key 3, reversed"; NULL for schedules */
    const char *owner;   /**< static text: whose self-test key it is; NULL if of nobody known */
    const char *used_by; /**< static text: what in the process uses it, if that shows; else NULL */
    int sought;          /**< which of scanner_settings.sought it is; -1: a key of something else */
    char *where;         /**< its place in words, once that is known (the set's own); else NULL */
    unsigned char key[32]; /**< the key, as far as the finding gives it (zeros else); secret */
};

struct findings; /**< a set; may be added to from several threads */

/** @return NULL without memory */
struct findings *findings_new(void);

/** Wipes and frees; NULL is fine. */
void findings_free(struct findings *findings);

/**
 * Adds a copy.  What lies at the same place, address, kind, order, transform, bytes and encoding is
 * one finding: the one with more `matched` is kept.
 */
void findings_add(struct findings *findings, const struct finding *finding);

size_t findings_count(const struct findings *findings);

/** In the order of (place, address) after findings_settle(), else as they came. */
const struct finding *findings_at(const struct findings *findings, size_t index);
struct finding *findings_edit(struct findings *findings, size_t index);

/** Findings were dropped because there was no memory for them: a verdict must not be built on this
 * set. */
bool findings_overflowed(const struct findings *findings);

/**
 * Sorts; takes out schedules that lie in the bytes of a better one and say less of the same key, or
 * are little more than a coincidence of it (four round keys, or another form).
 */
void findings_settle(struct findings *findings);

#endif
