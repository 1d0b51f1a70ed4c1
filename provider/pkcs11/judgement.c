/* hsm_key_judge() of judgement.h: a key's posture read, judged and told.  See posture.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pkcs11/group.h"
#include "pkcs11/operation.h"
#include "pkcs11/posture.h"

/* In a borrowed session; CKR_SESSION_CLOSED if it is none of the connection that `facts` are of. */
static CK_RV read_posture(struct posture *posture, const struct hsm_key *key,
                          struct session *session, const struct key_facts *facts)
{
    CK_RV rv = session->epoch == facts->epoch ? operation_end(session, key->token)
                                              : (CK_RV)CKR_SESSION_CLOSED;

    if (rv == CKR_OK)
        rv = posture_read_key(posture, key->token, session, facts->handle);
    if (rv == CKR_OK)
        rv = posture_read_token(posture, key, session, facts->handle);
    return rv;
}

static CK_RV attempt(struct posture *posture, struct hsm_key *key, struct failure *why)
{
    struct token *token = key->token;
    struct session *session;
    struct key_facts facts;
    CK_RV rv;

    if (!key_ready(key, false, &facts, why))
        return CKR_HSMZKE_TOLD;
    session = session_borrow(token, NULL, NULL, why);
    if (session == NULL)
        return session_missing(token, why);
    rv = read_posture(posture, key, session, &facts);
    posture->epoch = facts.epoch;
    session_return(token, session, rv == CKR_OK);
    if (rv == CKR_OK)
        return rv;
    if (ckr_key_gone(rv))
        key_stale(key, &facts);
    life_lock();
    if (ckr_connection_lost(rv))
        token_lost(token, facts.epoch);
    life_unlock();
    ckr_failure(why, FAILURE_OPERATION, rv, "token '%s': the attributes of key '%s'", token->label,
                key->shown);
    return rv;
}

static void show(struct hsm_judgement *audit, const char *name, const char *value)
{
    struct hsm_attribute *attribute = &audit->attributes[audit->attributes_count++];

    attribute->name = name;
    snprintf(attribute->value, sizeof(attribute->value), "%s", value);
}

static void show_number(struct hsm_judgement *audit, const char *name, CK_ULONG value)
{
    char text[32] = "unknown";

    if (value != CK_UNAVAILABLE_INFORMATION)
        snprintf(text, sizeof(text), "%lu", value);
    show(audit, name, text);
}

static void show_mechanisms(struct hsm_judgement *audit, const struct posture_mechanisms *list)
{
    char text[sizeof(audit->attributes[0].value)] = "";

    for (size_t i = 0; i < list->count; i++) {
        const size_t used = strlen(text);
        const char *name = posture_mechanism_name(list->types[i]);

        if (used + strlen(name) + sizeof(" ...") > sizeof(text)) {
            snprintf(text + used, sizeof(text) - used, "...");
            break;
        }
        snprintf(text + used, sizeof(text) - used, "%s%s", used > 0 ? " " : "", name);
    }
    show(audit, "CKA_ALLOWED_MECHANISMS",
         list->told == POSTURE_UNTOLD   ? "unknown"
         : list->told == POSTURE_ABSENT ? "none"
                                        : text);
}

static void show_date(struct hsm_judgement *audit, const char *name, const char *date)
{
    show(audit, name, *date == '\0' ? "none" : *date == '?' ? "unknown" : date);
}

static void show_attributes(const struct posture *posture, struct hsm_judgement *audit)
{
    static const char *const truths[] = {
        [POSTURE_UNKNOWN] = "unknown", [POSTURE_NO] = "false", [POSTURE_YES] = "true"
    };
    static const char *const templates[] = {
        [POSTURE_TEMPLATE_UNKNOWN] = "unknown",
        [POSTURE_TEMPLATE_NONE] = "none",
        [POSTURE_TEMPLATE_WEAK] = "there, without CKA_SENSITIVE true and CKA_EXTRACTABLE false",
        [POSTURE_TEMPLATE_SAFE] = "there, with CKA_SENSITIVE true and CKA_EXTRACTABLE false",
    };

    audit->attributes_count = 0;
    show_number(audit, "CKA_KEY_TYPE", posture->key_type);
    show_number(audit, "CKA_VALUE_LEN", posture->size);
    for (size_t i = 0; i < POSTURE_FLAGS; i++)
        show(audit, posture_flags[i].name, truths[posture->flags[i]]);
    show_mechanisms(audit, &posture->allowed);
    show(audit, "CKA_WRAP_TEMPLATE", templates[posture->wrap_template]);
    show(audit, "CKA_UNWRAP_TEMPLATE", templates[posture->unwrap_template]);
    show_date(audit, "CKA_START_DATE", posture->start);
    show_date(audit, "CKA_END_DATE", posture->end);
}

static bool read_again(struct posture *posture, struct hsm_key *key, struct failure *why)
{
    CK_RV rv = CKR_GENERAL_ERROR;

    for (int tries = 2; tries > 0 && rv != CKR_OK && !ckr_refusal(rv); tries--) {
        memset(posture, 0, sizeof(*posture));
        posture->family = key->family;
        rv = attempt(posture, key, why);
    }
    return rv == CKR_OK;
}

struct hsm_judgement *hsm_key_judge(struct hsm_key *key, const char *pin, struct failure *why)
{
    struct hsm_judgement *audit = calloc(1, sizeof(*audit));
    struct posture *posture = calloc(1, sizeof(*posture));
    struct failure ignored;

    if (audit == NULL || posture == NULL) {
        failure_memory(why);
    } else if ((key = group_any(key, false, why)) != NULL && read_again(posture, key, why)) {
        hsm_key_identity(key, posture->identity);
        posture->pin = pin;
        posture->pin_fits = pin != NULL && hsm_key_is(key, pin, &ignored);
        snprintf(audit->key, sizeof(audit->key), "key '%s' on token '%s'", key->shown,
                 key->token->label);
        posture_judge(posture, audit);
        audit->connection = posture->epoch;
        show_attributes(posture, audit);
        free(posture);
        return audit;
    }
    free(posture);
    free(audit);
    return NULL;
}

void hsm_judgement_free(struct hsm_judgement *audit)
{
    free(audit);
}

void hsm_key_accept(struct hsm_key *key, unsigned long connection)
{
    life_lock();
    if (key->in_group && key->member == MEMBER_FOUND)
        key->member = MEMBER_USABLE;
    key->accepted = connection != 0 ? connection : key->token->epoch;
    life_unlock();
}

static bool is_accepted(const struct hsm_key *key)
{
    return token_is_up(key->token) && key->accepted == key->token->epoch;
}

/* All that may be used are, and there is one.  With the lock held. */
static bool group_is_accepted(const struct group *group)
{
    bool any = false;

    for (size_t i = 0; i < group->count; i++) {
        const struct hsm_key *member = group->members[i];

        if (member->member != MEMBER_FOUND && member->member != MEMBER_USABLE)
            continue;
        if (token_is_up(member->token) && !is_accepted(member))
            return false;
        any = any || member->member == MEMBER_USABLE;
    }
    return any;
}

bool hsm_key_accepted(const struct hsm_key *key)
{
    bool accepted;

    life_lock();
    accepted = key->group != NULL ? group_is_accepted(key->group) : is_accepted(key);
    life_unlock();
    return accepted;
}
