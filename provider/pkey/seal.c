/* Sealed messages: see seal.h. */
#include "pkey/seal.h"

#include <stdio.h>
#include <string.h>

enum {
    VERSION = 1,
    AES_256_GCM = 1,
    AT_VERSION = 8,
    AT_ALGORITHM,
    AT_KIND,
    AT_IDENTITY = 12,
    IDENTITY_SIZE = 8,
};

static const unsigned char magic[AT_VERSION] = { 'H', 'S', 'M', 'Z', 'K', 'E', '\r', '\n' };
static const char *const kinds[] = { "", "aes:", "cmac:" };

enum {
    KINDS = sizeof(kinds) / sizeof(kinds[0]),
};

static unsigned char digit(char c)
{
    return (unsigned char)(c <= '9' ? c - '0' : c - 'a' + 10);
}

void seal_write(unsigned char header[SEAL_AAD], const char *identity)
{
    memset(header, 0, SEAL_AAD);
    memcpy(header, magic, sizeof(magic));
    header[AT_VERSION] = VERSION;
    header[AT_ALGORITHM] = AES_256_GCM;
    for (unsigned char kind = 1; kind < KINDS; kind++) {
        const size_t length = strlen(kinds[kind]);

        if (strncmp(identity, kinds[kind], length) != 0 ||
            strlen(identity) != length + (size_t)2 * IDENTITY_SIZE)
            continue;
        header[AT_KIND] = kind;
        for (size_t i = 0; i < IDENTITY_SIZE; i++)
            header[AT_IDENTITY + i] = (unsigned char)(digit(identity[length + 2 * i]) << 4 |
                                                      digit(identity[length + 2 * i + 1]));
    }
}

/* Another key, as far as both identities are known. */
static bool fits(const unsigned char *sealed, const char *identity, struct failure *why)
{
    char digits[2 * IDENTITY_SIZE + 1] = "";
    unsigned char mine[SEAL_AAD];

    seal_write(mine, identity);
    if (sealed[AT_KIND] == 0 || mine[AT_KIND] == 0 || memcmp(mine, sealed, SEAL_AAD) == 0)
        return true;
    for (size_t i = 0; i < IDENTITY_SIZE; i++)
        snprintf(digits + 2 * i, sizeof(digits) - 2 * i, "%02x", sealed[AT_IDENTITY + i]);
    return failure_set(why, FAILURE_IDENTITY,
                       "the data were sealed under another key: its identity is %s%s, and this "
                       "one's is %s",
                       kinds[sealed[AT_KIND]], digits, identity);
}

bool seal_check(const unsigned char *sealed, size_t size, const char *identity, struct failure *why)
{
    if (size < SEAL_MORE || memcmp(sealed, magic, sizeof(magic)) != 0)
        return failure_set(why, FAILURE_OPERATION,
                           "the data are not sealed by hsmzke (`openssl pkeyutl -encrypt`), or "
                           "damaged");
    if (size - SEAL_MORE > SEAL_MOST)
        return failure_set(why, FAILURE_OPERATION,
                           "the data are too long: sealed messages have at most %d bytes",
                           SEAL_MOST);
    if (sealed[AT_VERSION] != VERSION || sealed[AT_ALGORITHM] != AES_256_GCM ||
        sealed[AT_KIND] >= KINDS || sealed[AT_KIND + 1] != 0)
        return failure_set(why, FAILURE_NOT_OFFERED,
                           "the data are sealed in a form that this version of hsmzke does not "
                           "know (version %u, algorithm %u)",
                           sealed[AT_VERSION], sealed[AT_ALGORITHM]);
    return fits(sealed, identity, why);
}
