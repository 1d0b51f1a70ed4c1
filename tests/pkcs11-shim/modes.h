/* Whole modes over a module's ECB: modes.c, for native.c. */
#ifndef HSMZKE_SHIM_MODES_H
#define HSMZKE_SHIM_MODES_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>

enum {
    NATIVE_BLOCK = 16,
    NATIVE_MORE = 48, /* what can come out beyond the size of the input */
};

enum native_mode { NATIVE_CFB, NATIVE_OFB, NATIVE_KW, NATIVE_KWP, NATIVE_KW_PKCS7 };

struct native_run {
    enum native_mode mode;
    unsigned bits; /* CFB */
    bool encrypt, has_iv;
    CK_OBJECT_HANDLE key;
    unsigned char iv[NATIVE_BLOCK];
};

/** Whether the script has "native-lie HOW". */
bool native_lies(const char *how);

/**
 * Computes by `real` in session `s`, to `out`; `*given`: its size, 0 for a size that is not taken,
 * SIZE_MAX for data that are not genuine.
 */
CK_RV native_compute(CK_FUNCTION_LIST *real, CK_SESSION_HANDLE s, const struct native_run *run,
                     const unsigned char *in, unsigned char *out, size_t size, size_t *given);

#endif
