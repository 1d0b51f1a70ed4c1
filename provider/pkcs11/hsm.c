/* The HSM of one set of settings: its tokens, and keys by query.  See hsm.h. */
#include "pkcs11/hsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11/key.h"
#include "pkcs11/report.h"

/* Guarded by life_lock(). */
struct hsm {
    struct hsm *next;
    struct hsm_settings settings;
    struct token *tokens;
};

static struct hsm *all; /* they stay until the process ends */
static uint64_t keys;   /* a number for each */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_settings(const struct hsm_settings *a, const struct hsm_settings *b)
{
    return same_text(a->module, b->module) && same_text(a->init_args, b->init_args) &&
           same_text(a->token, b->token) && same_text(a->pin_source, b->pin_source) &&
           same_text(a->credentials, b->credentials) && a->sessions == b->sessions &&
           a->wait == b->wait && a->reuse == b->reuse && a->audit == b->audit;
}

static bool copy_text(char **to, const char *from)
{
    *to = from != NULL ? strdup(from) : NULL;
    return from == NULL || *to != NULL;
}

static struct hsm *add(const struct hsm_settings *settings)
{
    struct hsm *hsm = calloc(1, sizeof(*hsm));
    struct hsm_settings *own;

    if (hsm == NULL)
        return NULL;
    own = &hsm->settings;
    *own = *settings;
    own->module = own->init_args = own->token = own->pin_source = own->credentials = NULL;
    if (copy_text(&own->module, settings->module) &&
        copy_text(&own->init_args, settings->init_args) &&
        copy_text(&own->token, settings->token) &&
        copy_text(&own->pin_source, settings->pin_source) &&
        copy_text(&own->credentials, settings->credentials)) {
        hsm->next = all;
        all = hsm;
        return hsm;
    }
    free(own->module);
    free(own->init_args);
    free(own->token);
    free(own->pin_source);
    free(own->credentials);
    free(hsm);
    return NULL;
}

struct hsm *hsm_get(const struct hsm_settings *settings, struct failure *why)
{
    struct hsm *hsm;

    if (!life_start()) {
        failure_memory(why);
        return NULL;
    }
    life_lock();
    for (hsm = all; hsm != NULL && !same_settings(&hsm->settings, settings);)
        hsm = hsm->next;
    if (hsm == NULL)
        hsm = add(settings);
    life_unlock();
    if (hsm == NULL)
        failure_memory(why);
    return hsm;
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

struct token *token_configured(struct hsm *hsm, struct failure *why)
{
    struct token *token = NULL;
    P11KitUri *uri;
    char *text;

    if (hsm->settings.token == NULL)
        return get_token(hsm, NULL, true, why);
    uri = configured_uri(hsm, why);
    if (uri == NULL)
        return NULL;
    text = token_part(uri, why);
    if (text != NULL)
        token = get_token(hsm, text, true, why);
    p11_kit_uri_free(uri);
    free(text);
    return token;
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
    text = uri_names_token(uri) ? token_part(uri, why) : inherit_token(hsm, uri, why);
    if (text != NULL)
        token = get_token(hsm, text, false, why);
    free(text);
    return token;
}

static bool copy_bytes(CK_BYTE **to, CK_ULONG *to_size, const void *from, size_t size)
{
    *to = malloc(size > 0 ? size : 1);
    if (*to == NULL)
        return false;
    memcpy(*to, from, size);
    *to_size = size;
    return true;
}

static bool copy_attribute(CK_BYTE **to, CK_ULONG *size, P11KitUri *uri, CK_ATTRIBUTE_TYPE type)
{
    const CK_ATTRIBUTE *attribute = p11_kit_uri_get_attribute(uri, type);

    return attribute == NULL || copy_bytes(to, size, attribute->pValue, attribute->ulValueLen);
}

static bool is_secret_key(P11KitUri *uri)
{
    const CK_ATTRIBUTE *class = p11_kit_uri_get_attribute(uri, CKA_CLASS);

    return class == NULL || (class->ulValueLen == sizeof(CK_OBJECT_CLASS) &&
                             *(const CK_OBJECT_CLASS *)class->pValue == CKO_SECRET_KEY);
}

P11KitUri *key_uri(const char *text, const char *what, struct failure *why)
{
    P11KitUri *uri = uri_parse(text, what, why);

    if (uri == NULL || is_secret_key(uri))
        return uri;
    p11_kit_uri_free(uri);
    failure_set(why, FAILURE_NOT_OFFERED, "%s is not about a secret key (type=secret-key)", what);
    return NULL;
}

bool key_look_for_uri(struct hsm_key *key, P11KitUri *uri, struct failure *why)
{
    struct key_template *template = &key->template;

    return (copy_attribute(&template->label, &template->label_size, uri, CKA_LABEL) &&
            copy_attribute(&template->id, &template->id_size, uri, CKA_ID)) ||
           failure_memory(why);
}

static bool use_uri(struct hsm *hsm, struct hsm_key *key, const char *text, struct failure *why)
{
    char what[100];
    P11KitUri *uri;
    bool result = false;

    snprintf(what, sizeof(what), "the URI of key '%s'", key->shown);
    uri = key_uri(text, what, why);
    if (uri == NULL)
        return false;
    if (key_look_for_uri(key, uri, why))
        result = (key->token = token_of_uri(hsm, uri, why)) != NULL;
    p11_kit_uri_free(uri);
    return result;
}

static bool use_query(struct hsm *hsm, struct hsm_key *key, const struct hsm_query *query,
                      struct failure *why)
{
    if (query->kind == HSM_BY_URI)
        return use_uri(hsm, key, query->value, why);
    if (query->kind == HSM_BY_LABEL && !key_look_for(key, query->value, query->size, NULL, 0, why))
        return false;
    if (query->kind == HSM_BY_ID && !key_look_for(key, NULL, 0, query->value, query->size, why))
        return false;
    key->token = token_configured(hsm, why);
    return key->token != NULL;
}

struct hsm_key *key_new(struct token *token, enum hsm_family family, const char *shown,
                        struct failure *why)
{
    struct hsm_key *key = calloc(1, sizeof(*key));

    if (key != NULL)
        key->shown = strdup(shown);
    if (key == NULL || key->shown == NULL) {
        free(key);
        failure_memory(why);
        return NULL;
    }
    life_lock();
    key->number = ++keys;
    life_unlock();
    key->references = 1;
    key->token = token;
    key->family = family;
    return key;
}

bool key_look_for(struct hsm_key *key, const void *label, size_t label_size, const void *id,
                  size_t id_size, struct failure *why)
{
    struct key_template *template = &key->template;

    return ((label == NULL ||
             copy_bytes(&template->label, &template->label_size, label, label_size)) &&
            (id == NULL || copy_bytes(&template->id, &template->id_size, id, id_size))) ||
           failure_memory(why);
}

struct hsm_key *hsm_key_find(struct hsm *hsm, const struct hsm_query *query, struct failure *why)
{
    struct hsm_key *key = key_new(NULL, query->family, query->shown, why);
    struct key_facts facts;

    if (key == NULL)
        return NULL;
    if (use_query(hsm, key, query, why) && key_ready(key, false, &facts, why)) {
        if (report_found(key, why))
            return key;
    } else if (key->token != NULL) {
        report_refused(key, why);
    } else {
        hsm_report_refused(hsm, query->shown, why);
    }
    hsm_key_free(key);
    return NULL;
}

void hsm_report_refused(struct hsm *hsm, const char *shown, const struct failure *why)
{
    struct hsm_audit *audit = hsm->settings.audit;
    struct failure ignored; /* it is refused, whether that can be written down or not */
    const struct hsm_event event = {
        .kind = HSM_EVENT_KEY_REFUSED,
        .key = shown,
        .why = why->text,
    };

    if (audit != NULL)
        (void)audit->report(audit, &event, &ignored);
}

struct hsm_key *hsm_key_ref(struct hsm_key *key)
{
    life_lock();
    key->references++;
    life_unlock();
    return key;
}

void hsm_key_free(struct hsm_key *key)
{
    bool last;

    if (key == NULL)
        return;
    life_lock();
    last = --key->references == 0;
    life_unlock();
    if (!last)
        return;
    free(key->template.label);
    free(key->template.id);
    free(key->shown);
    free(key);
}
