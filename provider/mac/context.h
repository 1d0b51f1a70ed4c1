/* A MAC context of ours, for the files of this room. */
#ifndef HSMZKE_MAC_CONTEXT_H
#define HSMZKE_MAC_CONTEXT_H

#include "mac/mac.h"

enum {
    MAC_KEPT = 1024 * 1024, /* CMAC and HMAC: bytes that are kept at most */
};

struct mac_context {
    const struct mac_type *type;
    struct instance *instance; /* owned */
    void *software;            /* the default provider's context, owned; it gets all parameters */
    enum {
        MAC_KEYED_NOT,
        MAC_KEYED_BY_REFERENCE, /* `data` has the MAC */
        MAC_KEYED_RAW,          /* `software` has it */
    } keyed;
    char *algorithm;  /* the digest or cipher that was named last, owned; NULL: none */
    char *properties; /* what came with it, owned; NULL: none */
    bool tls;         /* a TLS record was announced: only for raw keys */
    struct mac_data data;
};

/** Takes `size` bytes that begin as a reference does for the key.  @return 0: refused, and raised
 */
int mac_use_reference(struct mac_context *context, const unsigned char *bytes, size_t size);

/** Takes no key for the key: data are refused until there is one. */
void mac_drop_key(struct mac_context *context);

/** Hands parameters that hold no key to the default provider's context, and notes what counts. */
int mac_set_params(struct mac_context *context, const OSSL_PARAM params[]);

#endif
