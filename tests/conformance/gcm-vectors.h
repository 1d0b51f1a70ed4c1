/*
 * NIST's AES-256-GCM vectors (CAVS 14.0) from Debian's python3-cryptography-vectors, and their keys
 * on tokens.  There are so many that each batch gets a token and a process of its own.
 */
#ifndef HSMZKE_GCM_VECTORS_H
#define HSMZKE_GCM_VECTORS_H

#include "testing.h"

enum { LONGEST = 128 };

struct vector {
    char key[65];
    unsigned char iv[LONGEST], aad[LONGEST], plain[LONGEST], cipher[LONGEST], tag[16];
    size_t iv_size, aad_size, size, tag_size;
    bool forged;
};

struct file {
    const char *name;
    bool encrypt;
    size_t count, forged; /* as the file is published */
};

/** Both files, with IVs of 8, 96 and 1024 bits and tags of 32 to 128. */
extern const struct file gcm_files[2];

/** All vectors of a file, which has as many as it says. */
struct vector *gcm_vectors_read(const struct file *file);

/** What the child of a batch works on. */
struct batch {
    const struct file *file;
    const struct vector *vectors;
    size_t count;
    OSSL_LIB_CTX *context;
};

/** The label of a vector's key on the batch's token; it lives as long as the process. */
const char *gcm_vector_label(size_t i);

/**
 * Hands all vectors in batches to `work`, in child processes; in the quick form, which also runs
 * under tools that slow it down, one batch in ten.
 * @return how many it were
 */
size_t gcm_vectors_run(const struct file *file, const struct vector *vectors, size_t count,
                       void (*work)(const struct batch *batch));

#endif
