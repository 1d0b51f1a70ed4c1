/* A message that is encrypted or decrypted piece by piece while something happens to the HSM. */
#ifndef HSMZKE_TEST_MIDSTREAM_H
#define HSMZKE_TEST_MIDSTREAM_H

#include "testing.h"

enum { MID_PIECE = 160, MID_PIECES = 12, MID_SIZE = MID_PIECE * MID_PIECES };

struct midstream {
    EVP_CIPHER_CTX *ctx;
    bool gcm;
    size_t at;
    unsigned char in[MID_SIZE], expected[MID_SIZE], out[MID_SIZE], tag[16];
};

/** Begins under the key of this name, whose bytes are `key_hex`; NULL: it was refused. */
struct midstream *mid_begin(OSSL_LIB_CTX *context, const char *name, const char *key_hex,
                            const char *cipher, bool encrypt);
/**
 * One piece more, also in place: 1, and it is right; 0, with words on the queue, and nothing was
 * given out.
 */
int mid_piece(struct midstream *mid, bool in_place);
/** The pieces that are left, which must go well, and the tag; frees it. */
void mid_finish(struct midstream *mid);

#endif
