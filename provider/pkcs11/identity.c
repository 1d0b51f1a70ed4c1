/* A key's identity as text, and compared with what is expected; it is computed in identify.c. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pkcs11/key.h"

/* Of each kind, as text before the digits. */
static const char *const prefixes[] = { [IDENTITY_AES] = "aes:", [IDENTITY_CMAC] = "cmac:" };

static void print(char text[HSM_IDENTITY_TEXT], enum identity_kind kind,
                  const unsigned char identity[HSM_IDENTITY_SIZE])
{
    size_t used;

    if (kind == IDENTITY_UNKNOWN) {
        snprintf(text, HSM_IDENTITY_TEXT, "unknown");
        return;
    }
    used = (size_t)snprintf(text, HSM_IDENTITY_TEXT, "%s", prefixes[kind]);
    for (size_t i = 0; i < HSM_IDENTITY_SIZE; i++, used += 2)
        snprintf(text + used, HSM_IDENTITY_TEXT - used, "%02x", identity[i]);
}

void hsm_key_identity(const struct hsm_key *key, char text[HSM_IDENTITY_TEXT])
{
    life_lock();
    print(text, key->facts.identity_kind, key->facts.identity);
    life_unlock();
}

/* "aes:HEX", "cmac:HEX", or "HEX" for the first, 16 digits in either case, to small letters. */
static bool normalise(char text[HSM_IDENTITY_TEXT], const char *expected)
{
    enum identity_kind kind = IDENTITY_AES;

    for (enum identity_kind i = IDENTITY_AES; i <= IDENTITY_CMAC; i++) {
        const size_t length = strlen(prefixes[i]);

        if (strncmp(expected, prefixes[i], length) == 0) {
            kind = i;
            expected += length;
            break;
        }
    }
    if (strlen(expected) != (size_t)2 * HSM_IDENTITY_SIZE ||
        strspn(expected, "0123456789abcdefABCDEF") != (size_t)2 * HSM_IDENTITY_SIZE)
        return false;
    snprintf(text, HSM_IDENTITY_TEXT, "%s%s", prefixes[kind], expected);
    for (char *c = text; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    return true;
}

bool hsm_key_is(const struct hsm_key *key, const char *expected, struct failure *why)
{
    char wanted[HSM_IDENTITY_TEXT], actual[HSM_IDENTITY_TEXT];

    if (!normalise(wanted, expected))
        return failure_set(why, FAILURE_CONFIGURATION,
                           "configuration: identity of key '%s' = '%.40s': must be 16 hexadecimal "
                           "digits, with aes: or cmac: before them or nothing",
                           key->shown, expected);
    hsm_key_identity(key, actual);
    if (strcmp(wanted, actual) == 0)
        return true;
    return failure_set(
        why, FAILURE_IDENTITY,
        "key '%s' on token '%s' is not the one that `identities` names: its identity "
        "is %s, expected was %s",
        key->shown, key->token->label, actual, wanted);
}
