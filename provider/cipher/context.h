/* A cipher context of ours, for the files of this room. */
#ifndef HSMZKE_CIPHER_CONTEXT_H
#define HSMZKE_CIPHER_CONTEXT_H

#include "cipher/cipher.h"
#include "instance.h"

struct cipher_context {
    const struct cipher_mode *mode;
    struct instance *instance; /* owned */
    void *software;            /* the default provider's context, owned; used for raw keys */
    enum {
        KEYED_NOT,          /* both contexts are kept in step until the key says which it is */
        KEYED_BY_REFERENCE, /* `key` is used, `machine` has the state */
        KEYED_RAW,          /* `software` has everything */
    } keyed;
    struct hsm_key *key; /* owned; NULL unless KEYED_BY_REFERENCE */
    struct machine machine;
    bool tls; /* TLS records were asked for: only for raw keys */
};

#endif
