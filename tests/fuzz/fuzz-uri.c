/*
 * PKCS#11 URIs (pkcs11/uri.c, and what hsm.c makes of one): a line each; what follows is what a
 * token tells of itself.  A PIN ('@' stands for one) is never in the words.  Through OSSL_STORE:
 * fuzz-keys.c.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "pkcs11/key.h"
#include "pkcs11/uri.h"

/* Fields of tokens and modules are text without a NUL, and anything may be in them. */
static void trim(struct input *input)
{
    unsigned char field[64];
    const size_t size = input_upto(input, sizeof(field));
    unsigned char *copy;
    char text[sizeof(field) + 1];

    input_fill(input, field, size);
    copy = exact(field, size);
    memset(text, 'x', sizeof(text));
    uri_trim(text, copy, size);
    EXPECT(strnlen(text, sizeof(text)) <= size);
    for (const char *c = text; *c != '\0'; c++)
        EXPECT((unsigned char)*c >= 0x20 && *c != 0x7f);
    EXPECT(*text == '\0' || text[strlen(text) - 1] != ' ' || copy[strlen(text) - 1] != ' ');
    free(copy);
}

/* What get_token() and inherit_token() do: the part about the token is a URI as well. */
static void check_token_part(P11KitUri *uri, const CK_INFO *module, const CK_SLOT_INFO *slot,
                             const CK_TOKEN_INFO *token)
{
    struct failure why;
    P11KitUri *again;
    char *text = NULL;

    EXPECT(p11_kit_uri_format(uri, P11_KIT_URI_FOR_TOKEN | P11_KIT_URI_FOR_SLOT, &text) ==
           P11_KIT_URI_OK);
    again = uri_parse(text, "token", &why);
    EXPECT(again != NULL);
    EXPECT(uri_names_token(again) == uri_names_token(uri));
    EXPECT(!uri_matches_token(uri, module, 1, slot, token) ||
           uri_matches_token(again, module, 1, slot, token));
    EXPECT(uri_names_token(uri) || uri_matches_token(again, module, 1, slot, token));
    p11_kit_uri_free(again);
    free(text);
}

static void check_key_part(const char *text)
{
    struct failure why;
    struct hsm_key *key = key_new(NULL, HSM_AES, "fuzzed", &why);
    P11KitUri *uri = key_uri(text, "the URI", &why);

    EXPECT(key != NULL);
    if (uri == NULL)
        EXPECT_WORDS(&why);
    else
        EXPECT(key_look_for_uri(key, uri, &why));
    p11_kit_uri_free(uri);
    hsm_key_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    char *text = input_text(&input, '\n');
    CK_SLOT_INFO slot = { 0 };
    CK_TOKEN_INFO token = { 0 };
    CK_INFO module = { 0 };
    struct failure why;
    P11KitUri *uri = uri_parse(text, "token", &why);

    input_fill(&input, &token, sizeof(token));
    input_fill(&input, &slot, sizeof(slot));
    input_fill(&input, &module, sizeof(module));
    if (uri == NULL) {
        EXPECT_WORDS(&why);
        EXPECT(strchr(why.text, '@') == NULL);
    } else {
        check_token_part(uri, &module, &slot, &token);
    }
    p11_kit_uri_free(uri);
    check_key_part(text);
    trim(&input);
    free(text);
    return 0;
}
