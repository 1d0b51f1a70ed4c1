/*
 * The form of sealed messages (pkey/seal.c): what is taken is a message of a known form, under a
 * key of this identity as far as both are known.  Messages as a whole: fuzz-keys.c.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "pkey/seal.h"

static const char *const identities[] = {
    "unknown",
    "",
    "aes:0123456789abcdef",
    "aes:0186c59652fb7e7f",
    "cmac:0123456789abcdef",
    "aes:0123456789abcde",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    const char *identity =
        identities[input_upto(&input, sizeof(identities) / sizeof(identities[0]) - 1)];
    unsigned char *sealed = exact(input.at, input.left), mine[SEAL_AAD];
    struct failure why;

    seal_write(mine, identity);
    if (!seal_check(sealed, input.left, identity, &why)) {
        EXPECT_WORDS(&why);
    } else {
        EXPECT(input.left >= SEAL_MORE && memcmp(sealed, mine, 10) == 0);
        EXPECT(sealed[10] <= 2 && sealed[11] == 0);
        EXPECT(sealed[10] == 0 || mine[10] == 0 || memcmp(sealed, mine, SEAL_AAD) == 0);
    }
    if (input.left >= SEAL_MORE) {
        memcpy(sealed, mine, SEAL_AAD);
        EXPECT(seal_check(sealed, input.left, identity, &why));
    }
    free(sealed);
    return 0;
}
