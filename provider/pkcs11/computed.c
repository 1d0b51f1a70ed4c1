/* Whether a module computed at all: see computed.h. */
#include "pkcs11/computed.h"

#include <stdint.h>
#include <string.h>

#include "secret.h"

static void invert(unsigned char *out, const unsigned char *in)
{
    for (size_t i = 0; i < HSM_BLOCK; i++)
        out[i] = (unsigned char)~in[i];
}

void computed_prepare(struct computed *computed, const unsigned char *in, unsigned char *out,
                      size_t size)
{
    const uintptr_t from = (uintptr_t)in, to = (uintptr_t)out;

    if (size < HSM_BLOCK)
        return;
    memcpy(computed->first, in, HSM_BLOCK);
    memcpy(computed->last, in + size - HSM_BLOCK, HSM_BLOCK);
    if (from < to + size && to < from + size)
        return;
    /* Not to zeros, nor to the data: the one is plaintext that comes out, the other must not. */
    invert(out, computed->first);
    invert(out + size - HSM_BLOCK, computed->last);
}

static bool differs(const unsigned char *out, const unsigned char *in)
{
    unsigned char inverted[HSM_BLOCK];
    bool different;

    invert(inverted, in);
    different = memcmp(out, in, HSM_BLOCK) != 0 && memcmp(out, inverted, HSM_BLOCK) != 0;
    secret_wipe(inverted, sizeof(inverted));
    return different;
}

bool computed_check(struct computed *computed, const unsigned char *out, size_t size)
{
    bool good;

    if (size < HSM_BLOCK)
        return true;
    good = differs(out, computed->first) && differs(out + size - HSM_BLOCK, computed->last);
    secret_wipe(computed, sizeof(*computed));
    return good;
}

bool computed_something(const unsigned char *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (out[i] != 0)
            return true;
    return false;
}
