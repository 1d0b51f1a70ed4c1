/* Files sealed by `openssl pkeyutl -encrypt`: docs/keys.md has the format. */
#ifndef HSMZKE_PKEY_SEAL_H
#define HSMZKE_PKEY_SEAL_H

enum {
    /* The largest message, in bytes. */
    SEAL_MOST = 128 * 1024 * 1024,
    /*
     * What EVP_PKEY_get_size() says: `openssl pkeyutl` reads ten times as much at most, and cuts
     * what is longer off without a word.  Ten times this is more than SEAL_MOST, so that such a
     * file is refused.
     */
    SEAL_ANNOUNCED = 16 * 1024 * 1024,
};

#endif
