/*
 * A key's identity: the first 8 bytes of E_K(B), B = "hsmzke-id-v1" || 00000002, by whichever
 * mechanism the key allows; one value whatever that is.  A label says nothing about a key: tokens
 * are exchanged.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "pkcs11/key.h"
#include "pkcs11/operation.h"

enum {
    IDENTITY_IV = 12, /* of identity_block: with it as GCM's IV, E_K(B) is the first key stream */
};

static const unsigned char identity_block[HSM_BLOCK + 1] = "hsmzke-id-v1\0\0\0\2";
static const unsigned char zeros[HSM_BLOCK];

/* E_K(B): ECB of B; CBC of B with IV 0; CTR of zeros from counter block B. */
static const struct {
    enum mechanism mechanism;
    const unsigned char *iv, *data;
} ways[] = {
    { MECHANISM_ECB, NULL, identity_block },
    { MECHANISM_CBC, zeros, identity_block },
    { MECHANISM_CTR, identity_block, zeros },
};

bool hsm_iv_is_reserved(const unsigned char *iv, size_t size)
{
    return size == IDENTITY_IV && memcmp(iv, identity_block, IDENTITY_IV) == 0;
}

CK_RV key_identify(const struct hsm_key *key, struct session *session, struct key_facts *facts)
{
    struct failure ignored;
    CK_RV rv = CKR_MECHANISM_INVALID;

    facts->identity_known = false;
    /* A PIN is not asked for just to know this. */
    if (!facts->may_encrypt || facts->always_authenticate)
        return CKR_OK;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]) && ckr_refusal(rv); i++) {
        const struct operation operation = { key->number, ways[i].mechanism, true };
        unsigned char block[HSM_BLOCK];

        rv = operation_once(session, key->token, facts, &operation, ways[i].iv, ways[i].data, block,
                            HSM_BLOCK, &ignored);
        facts->identity_known = rv == CKR_OK;
        if (facts->identity_known)
            memcpy(facts->identity, block, HSM_IDENTITY_SIZE);
    }
    return rv == CKR_HSMZKE_EXITING || !ckr_refusal(rv) ? rv : CKR_OK;
}

static void print(char text[HSM_IDENTITY_TEXT], bool known,
                  const unsigned char identity[HSM_IDENTITY_SIZE])
{
    if (!known) {
        snprintf(text, HSM_IDENTITY_TEXT, "unknown");
        return;
    }
    snprintf(text, HSM_IDENTITY_TEXT, "aes:");
    for (size_t i = 0; i < HSM_IDENTITY_SIZE; i++)
        snprintf(text + 4 + 2 * i, 3, "%02x", identity[i]);
}

void hsm_key_identity(const struct hsm_key *key, char text[HSM_IDENTITY_TEXT])
{
    life_lock();
    print(text, key->facts.identity_known, key->facts.identity);
    life_unlock();
}

/* "aes:HEX" or "HEX", 16 digits in either case, to "aes:hex". */
static bool normalise(char text[HSM_IDENTITY_TEXT], const char *expected)
{
    const char *digits = strncmp(expected, "aes:", 4) == 0 ? expected + 4 : expected;

    if (strlen(digits) != (size_t)2 * HSM_IDENTITY_SIZE ||
        strspn(digits, "0123456789abcdefABCDEF") != (size_t)2 * HSM_IDENTITY_SIZE)
        return false;
    snprintf(text, HSM_IDENTITY_TEXT, "aes:%s", digits);
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
                           "digits",
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
