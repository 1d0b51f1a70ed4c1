/* The HSM of one set of settings: its tokens, and keys by query.  See hsm.h. */
#include "pkcs11/hsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11/group.h"
#include "pkcs11/hsm-object.h"
#include "pkcs11/report.h"

static struct hsm *all; /* they stay until the process ends */
static uint64_t keys;   /* a number for each */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_tokens(const struct hsm_settings *a, const struct hsm_settings *b)
{
    for (size_t i = 0; i < HSM_TOKENS_MOST; i++) {
        if (!same_text(a->tokens[i], b->tokens[i]))
            return false;
    }
    return true;
}

static bool same_settings(const struct hsm_settings *a, const struct hsm_settings *b)
{
    return same_text(a->module, b->module) && same_text(a->init_args, b->init_args) &&
           same_text(a->token, b->token) && same_text(a->pin_source, b->pin_source) &&
           same_text(a->credentials, b->credentials) && same_tokens(a, b) &&
           a->sessions == b->sessions && a->wait == b->wait && a->reuse == b->reuse &&
           a->parallel == b->parallel && a->audit == b->audit;
}

static bool copy_text(char **to, const char *from)
{
    *to = from != NULL ? strdup(from) : NULL;
    return from == NULL || *to != NULL;
}

static bool copy_settings(struct hsm_settings *own, const struct hsm_settings *settings)
{
    bool copied = copy_text(&own->module, settings->module) &&
                  copy_text(&own->init_args, settings->init_args) &&
                  copy_text(&own->token, settings->token) &&
                  copy_text(&own->pin_source, settings->pin_source) &&
                  copy_text(&own->credentials, settings->credentials);

    for (size_t i = 0; copied && i < HSM_TOKENS_MOST; i++)
        copied = copy_text(&own->tokens[i], settings->tokens[i]);
    own->sessions = settings->sessions;
    own->parallel = settings->parallel;
    own->wait = settings->wait;
    own->reuse = settings->reuse;
    own->audit = settings->audit;
    return copied;
}

static struct hsm *add(const struct hsm_settings *settings)
{
    struct hsm *hsm = calloc(1, sizeof(*hsm));

    if (hsm == NULL)
        return NULL;
    if (copy_settings(&hsm->settings, settings)) {
        hsm->next = all;
        all = hsm;
        return hsm;
    }
    free(hsm->settings.module);
    free(hsm->settings.init_args);
    free(hsm->settings.token);
    free(hsm->settings.pin_source);
    free(hsm->settings.credentials);
    for (size_t i = 0; i < HSM_TOKENS_MOST; i++)
        free(hsm->settings.tokens[i]);
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

bool key_choose_token(struct hsm_key *key, struct hsm *hsm, P11KitUri *uri, struct failure *why)
{
    struct token *tokens[HSM_TOKENS_MOST];
    size_t count;

    key->token = uri != NULL ? token_of_uri(hsm, uri, why) : token_configured(hsm, why);
    if (key->token == NULL || !hsm_is_group(hsm) || (uri != NULL && uri_names_token(uri)))
        return key->token != NULL;
    count = tokens_configured(hsm, tokens, why);
    return count > 0 && group_make(key, tokens, count, why);
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
        result = key_choose_token(key, hsm, uri, why);
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
    return key_choose_token(key, hsm, NULL, why);
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
    if (!use_query(hsm, key, query, why)) {
        hsm_report_refused(hsm, query->shown, why);
    } else if (key->group != NULL) { /* each of its members is told of */
        if (group_find(key, query, why))
            return key;
    } else if (key_ready(key, false, &facts, why)) {
        if (report_found(key, why))
            return key;
    } else {
        report_refused(key, why);
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
    group_free(key->group);
    free(key->template.label);
    free(key->template.id);
    free(key->shown);
    free(key);
}
