/*
 * Work for the memory test: everything that hsmzke does with a key, step by step, through EVP.  The
 * child does it with references, the test with the keys themselves in software; what comes out must
 * be the same.  Contexts stay open, most of them in the middle of a message.
 */
#ifndef HSMZKE_TESTS_MEMORY_WORK_H
#define HSMZKE_TESTS_MEMORY_WORK_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

enum { WORK_DIGEST = 32, WORK_OPEN_MOST = 64 };

/** The work's state; all zero but for the first three before the first step. */
struct work {
    OSSL_LIB_CTX *context;
    unsigned char cipher_key[32], mac_key[32]; /* references, or keys */
    EVP_MD_CTX *digest;                        /* of what the step gave out */
    EVP_CIPHER_CTX *ciphers[WORK_OPEN_MOST];
    EVP_MAC_CTX *macs[WORK_OPEN_MOST];
    size_t cipher_count, mac_count;
    unsigned char ivs; /* used so far */
};

/** \return how many steps there are */
size_t work_steps(void);

/** \return what a step is about, in words */
const char *work_name(size_t step);

/**
 * Does a step.
 *
 * \param[out] digest  of all that it gave out
 * \return false if a call failed, with words on the error queue, or what was decrypted is not what
 * was encrypted
 */
bool work_do(struct work *work, size_t step, unsigned char digest[WORK_DIGEST]);

/** Frees all contexts that the steps left open. */
void work_free(struct work *work);

#endif
