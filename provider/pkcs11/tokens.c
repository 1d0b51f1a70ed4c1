/*
 * The tokens of one set of settings: the configured ones, and those that PKCS#11 URIs name.  See
 * token.h.
 */
#include <stdlib.h>
#include <string.h>

#include "pkcs11/hsm-object.h"

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* The token that the canonical URI `text` means (NULL: any), made at its first use. */
static struct token *get_token(struct hsm *hsm, const char *text, bool configured,
                               struct failure *why)
{
    struct token *token;

    life_lock();
    for (token = hsm->tokens; token != NULL && !same_text(token->text, text);)
        token = token->next;
    if (token == NULL) {
        token = token_new(&hsm->settings, text, configured, why);
        if (token != NULL) {
            token->next = hsm->tokens;
            hsm->tokens = token;
        }
    }
    life_unlock();
    return token;
}

/* The part of `uri` that is about the token and its PIN, in p11-kit's spelling. */
static char *token_part(P11KitUri *uri, struct failure *why)
{
    char *text = NULL;

    if (p11_kit_uri_format(uri, P11_KIT_URI_FOR_TOKEN | P11_KIT_URI_FOR_SLOT, &text) ==
        P11_KIT_URI_OK)
        return text;
    failure_memory(why);
    return NULL;
}

/* `token`, parsed; an empty URI where it is not set. */
static P11KitUri *configured_uri(const struct hsm *hsm, struct failure *why)
{
    return uri_parse(hsm->settings.token != NULL ? hsm->settings.token : "pkcs11:", "`token`", why);
}

/* A configured token; takes `uri`, which may be NULL with the reason in `why`. */
static struct token *get_configured(struct hsm *hsm, P11KitUri *uri, struct failure *why)
{
    char *text = uri != NULL ? token_part(uri, why) : NULL;
    struct token *token = text != NULL ? get_token(hsm, text, true, why) : NULL;

    p11_kit_uri_free(uri);
    free(text);
    return token;
}

static struct token *single_token(struct hsm *hsm, struct failure *why)
{
    if (hsm->settings.token == NULL)
        return get_token(hsm, NULL, true, why);
    return get_configured(hsm, configured_uri(hsm, why), why);
}

/* Token number `index` of a group, from 0 on. */
static struct token *group_token(struct hsm *hsm, size_t index, struct failure *why)
{
    char what[] = "`token.N`";

    what[sizeof(what) - 3] = (char)('1' + index);
    return get_configured(hsm, uri_parse_token(hsm->settings.tokens[index], what, why), why);
}

size_t tokens_configured(struct hsm *hsm, struct token *tokens[HSM_TOKENS_MOST],
                         struct failure *why)
{
    size_t count = 0;

    if (hsm->settings.tokens[0] == NULL)
        return (tokens[0] = single_token(hsm, why)) != NULL;
    for (; count < HSM_TOKENS_MOST && hsm->settings.tokens[count] != NULL; count++) {
        tokens[count] = group_token(hsm, count, why);
        if (tokens[count] == NULL)
            return 0;
        for (size_t i = 0; i < count; i++) {
            if (tokens[i] == tokens[count]) {
                failure_set(why, FAILURE_CONFIGURATION,
                            "configuration: token.%zu and token.%zu are the same; an HA group is "
                            "of several tokens",
                            i + 1, count + 1);
                return 0;
            }
        }
    }
    return count;
}

bool hsm_is_group(const struct hsm *hsm)
{
    return hsm->settings.tokens[0] != NULL;
}

struct token *token_configured(struct hsm *hsm, struct failure *why)
{
    struct token *tokens[HSM_TOKENS_MOST];

    return tokens_configured(hsm, tokens, why) > 0 ? tokens[0] : NULL;
}

/* Puts the token of `token` and the PIN source of the key's own URI together. */
static char *inherit_token(const struct hsm *hsm, const P11KitUri *uri, struct failure *why)
{
    P11KitUri *both = configured_uri(hsm, why);
    char *text;

    if (both == NULL)
        return NULL;
    p11_kit_uri_set_pin_source(both, p11_kit_uri_get_pin_source(uri));
    p11_kit_uri_set_pin_value(both, p11_kit_uri_get_pin_value(uri));
    text = token_part(both, why);
    p11_kit_uri_free(both);
    return text;
}

/* Whether `text` is the URI of a token of the group, but for the module and PIN that it has there.
 */
static bool names_group_token(const char *uri, const char *text)
{
    struct failure ignored;
    P11KitUri *bare = uri_parse_token(uri, "token", &ignored);
    char *its = NULL;
    bool same;

    if (bare == NULL)
        return false;
    p11_kit_uri_set_module_path(bare, NULL);
    p11_kit_uri_set_pin_source(bare, NULL);
    p11_kit_uri_set_pin_value(bare, NULL);
    its = token_part(bare, &ignored);
    same = same_text(its, text);
    p11_kit_uri_free(bare);
    free(its);
    return same;
}

static struct token *of_group(struct hsm *hsm, const char *text, struct failure *why)
{
    struct token *tokens[HSM_TOKENS_MOST];
    const size_t count = tokens_configured(hsm, tokens, why);

    for (size_t i = 0; i < count; i++) {
        if (names_group_token(hsm->settings.tokens[i], text))
            return tokens[i];
    }
    return count > 0 ? get_token(hsm, text, false, why) : NULL;
}

/* A key's URI names the token as well, or leaves it to `token`; it may have its own PIN source. */
struct token *token_of_uri(struct hsm *hsm, P11KitUri *uri, struct failure *why)
{
    const bool own_pin =
        p11_kit_uri_get_pin_source(uri) != NULL || p11_kit_uri_get_pin_value(uri) != NULL;
    struct token *configured = token_configured(hsm, why);
    struct token *token = NULL;
    char *text;

    if (configured == NULL || (!uri_names_token(uri) && !own_pin))
        return configured;
    if (!uri_names_token(uri) && hsm_is_group(hsm)) {
        failure_set(why, FAILURE_CONFIGURATION,
                    "configuration: a PKCS#11 URI has a PIN source and names no token, and there "
                    "are several; put the PIN source into the URIs of token.1, token.2, ...");
        return NULL;
    }
    text = uri_names_token(uri) ? token_part(uri, why) : inherit_token(hsm, uri, why);
    if (text != NULL && hsm_is_group(hsm))
        token = of_group(hsm, text, why);
    else if (text != NULL)
        token = get_token(hsm, text, false, why);
    free(text);
    return token;
}
