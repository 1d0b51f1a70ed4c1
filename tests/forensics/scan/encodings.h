/*
 * The forms in which programs keep or print bytes that are secret: as numbers, as text.  Adds them
 * to a set of needles.
 */
#ifndef MEMSCAN_ENCODINGS_H
#define MEMSCAN_ENCODINGS_H

#include "needles.h"

enum encoding_set {
    ENCODING_RAW = 1 << 0,
    ENCODING_REVERSED = 1 << 1,   /**< the last byte first */
    ENCODING_BSWAP32 = 1 << 2,    /**< each 4 bytes the other way round */
    ENCODING_BSWAP64 = 1 << 3,    /**< each 8 bytes */
    ENCODING_COMPLEMENT = 1 << 4, /**< ~ of each byte */
    ENCODING_WIDE16 = 1 << 5,     /**< a byte in 16 bits; as text that is UTF-16 */
    ENCODING_WIDE32 = 1 << 6,     /**< a byte in 32 bits */
    ENCODING_HEX = 1 << 7,        /**< lower and upper case, usual separators */
    ENCODING_HEX_UTF16 = 1 << 8,
    ENCODING_BASE64 = 1 << 9, /**< and base64url, at all three phases */
    ENCODING_BASE64_UTF16 = 1 << 10,
    ENCODING_BASE32 = 1 << 11,
    ENCODING_DECIMAL = 1 << 12,          /**< "12, 34": also of signed bytes */
    ENCODING_ESCAPES = 1 << 13,          /**< C, Python's repr(), octal, percent */
    ENCODING_ROUND_KEYS = 1 << 14,       /**< plain */
    ENCODING_ROUND_KEYS_MIXED = 1 << 15, /**< InvMixColumns */
    ENCODING_ROUND_KEYS_VPAES = 1 << 16,
    ENCODING_KEY_ALL = (1 << 17) - 1,
    ENCODING_PIN_ALL = ENCODING_RAW | ENCODING_WIDE16 | ENCODING_WIDE32 | ENCODING_HEX |
                       ENCODING_HEX_UTF16 | ENCODING_BASE64 | ENCODING_BASE64_UTF16 |
                       ENCODING_ESCAPES,
};

struct encodings {
    struct needles *needles;
    unsigned int set; /**< enum encoding_set */
    const unsigned char *bytes;
    size_t size;  /**< at most ENCODING_BYTES_MAX */
    size_t least; /**< bytes of these that must be there; `size`: all */
    int sought;
};

enum { ENCODING_BYTES_MAX = 4000 };

/** @return false without memory */
bool encodings_add(const struct encodings *wish);

/** The round keys of an AES-256 key: round-keys.c. @return false without memory */
bool round_keys_add(const struct encodings *wish);

#endif
