/* A token's state: see token.h. */
#include "pkcs11/token.h"

#include <stdlib.h>
#include <string.h>

#include "pkcs11/session.h"

struct token *token_new(const struct hsm_settings *settings, const char *text, bool configured,
                        struct failure *why)
{
    struct token *token = calloc(1, sizeof(*token));

    if (token == NULL) {
        failure_memory(why);
        return NULL;
    }
    token->settings = settings;
    token->configured = configured;
    token->sessions = calloc(settings->sessions, sizeof(*token->sessions));
    token->text = text != NULL ? strdup(text) : NULL;
    if (token->sessions == NULL || (text != NULL && token->text == NULL))
        failure_memory(why);
    else if (text == NULL || (token->uri = uri_parse_token(text, "token", why)) != NULL)
        return token;
    free(token->sessions);
    free(token->text);
    free(token);
    return NULL;
}

bool token_is_up(const struct token *token)
{
    return token->phase == PHASE_UP && token->generation == life_generation() &&
           module_is_up(token->module, token->starts);
}

void token_lost(struct token *token, unsigned long epoch)
{
    if (token->phase == PHASE_UP && token->epoch == epoch)
        token->phase = PHASE_DOWN;
}
