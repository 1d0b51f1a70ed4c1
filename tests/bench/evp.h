/*
 * The measured side: EVP with hsmzke in front, in a library context of its own, and the default
 * provider in another one to compare with.
 */
#ifndef HSMZKE_BENCH_EVP_H
#define HSMZKE_BENCH_EVP_H

#include <openssl/evp.h>
#include "work.h"

#define EVP_SIDE_MODES 5

/** One library context, its ciphers and the key that they get. */
struct evp_side {
    OSSL_LIB_CTX *libctx;
    EVP_CIPHER *ciphers[EVP_SIDE_MODES]; /* by enum mode */
    unsigned char key[32];               /* a reference, or the key itself */
};

/**
 * Opens a side.
 *
 * \param[in] config  openssl.cnf for its library context; NULL: the default provider
 * \param[in] key     32 bytes
 * \return 1, or 0 after a message on stderr
 */
int evp_side_open(struct evp_side *side, const char *config, const unsigned char *key);

/** Closes it; an all-zero side too. */
void evp_side_close(struct evp_side *side);

/** \return a new context that enciphers (enc 1) or deciphers (0) from that IV on, or NULL */
EVP_CIPHER_CTX *evp_side_start(const struct evp_side *side, enum mode mode, int enc,
                               const unsigned char *iv);

/**
 * Does the work for that many seconds.
 *
 * \return microseconds for a call, or a negative number after a message on stderr
 */
double evp_side_measure(const struct evp_side *side, const struct work *work, double seconds);

/** \return 1 if both sides make the same bytes of several calls of that work, else 0 after a
 * message */
int evp_sides_agree(const struct evp_side *one, const struct evp_side *other,
                    const struct work *work);

/** Puts what failed and OpenSSL's error queue on stderr. \return 0 */
int evp_side_complain(const char *what);

#endif
