/*
 * Key references: the 32 bytes that stand where a raw AES-256 key would (include/hsmzke/hsmzke.h
 * has the format).  Pure code: no PKCS#11, no OpenSSL.
 */
#ifndef HSMZKE_REFERENCE_H
#define HSMZKE_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"
#include "hsmzke/hsmzke.h"

enum reference_kind {
    REFERENCE_BY_NAME, /**< an alias of the configuration, else a CKA_LABEL */
    REFERENCE_BY_ID,   /**< a CKA_ID of 18 bytes */
};

/** A reference that was parsed and found well-formed. */
struct reference {
    enum reference_kind kind;
    char name[HSMZKE_REFERENCE_NAME_MAX + 1];   /**< by name: NUL-terminated, not empty */
    unsigned char id[HSMZKE_REFERENCE_ID_SIZE]; /**< by id */
    char text[HSMZKE_REFERENCE_SIZE + 1];       /**< the whole as text, for messages and cache */
};

/** Whether `size` bytes at `key` begin as a reference does; such bytes are never key bytes. */
bool reference_has_prefix(const unsigned char *key, size_t size);

/**
 * Parses the `size` bytes that an application passed as a key.
 * @return false, with the reason in `why`, unless they are a well-formed reference
 */
bool reference_from_bytes(struct reference *reference, const unsigned char *key, size_t size,
                          struct failure *why);

/** Parses a reference written as text: NUL-terminated, with the prefix, without padding. */
bool reference_from_text(struct reference *reference, const char *text, struct failure *why);

/** Makes the reference by id for an 18-byte CKA_ID. @return false: `id` is one byte repeated */
bool reference_from_id(struct reference *reference, const unsigned char *id, struct failure *why);

#endif
