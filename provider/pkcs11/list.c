/*
 * The keys of a token: hsm_list() of inventory.h.  What is kept of each is its label and id, not
 * its handle: handles live no longer than a connection.
 */
#include <stdlib.h>
#include <string.h>

#include "pkcs11/attribute.h"
#include "pkcs11/connect.h"
#include "pkcs11/group.h"
#include "pkcs11/inventory.h"
#include "pkcs11/operation.h"
#include "pkcs11/report.h"

enum {
    AT_ONCE = 64,     /* handles that are asked for in one call */
    LIST_MOST = 4096, /* more keys are not listed */
    AES_256 = 32,     /* CKA_VALUE_LEN, in bytes */
    NAME_MOST = 255,  /* bytes of a label or an id */
};

struct entry {
    enum hsm_family family;
    unsigned char label[NAME_MOST], id[NAME_MOST];
    size_t label_size, id_size; /* 0: it has none */
};

struct hsm_list {
    struct hsm *hsm;
    struct token *token; /* of an HA group the one that is looked at */
    bool group;          /* its keys are those of an HA group */
    struct entry *entries;
    size_t count;
    size_t others; /* of the tokens that were looked at before */
};

/* Handles that one search has found. */
struct handles {
    CK_OBJECT_HANDLE *all;
    CK_ULONG count;
};

static CK_RV more_handles(const struct token *token, const struct session *session,
                          struct handles *handles, CK_ULONG *found)
{
    CK_OBJECT_HANDLE *grown =
        realloc(handles->all, (handles->count + AT_ONCE) * sizeof(*handles->all));
    CK_RV rv;

    *found = 0;
    if (grown == NULL)
        return CKR_HOST_MEMORY;
    handles->all = grown;
    memset(grown + handles->count, 0, AT_ONCE * sizeof(*grown)); /* none, if it writes none */
    rv = CALL(token->module->f,
              C_FindObjects(session->handle, grown + handles->count, AT_ONCE, found));
    if (rv == CKR_OK && *found > AT_ONCE)
        rv = CKR_GENERAL_ERROR; /* more than there was room for: not to be believed */
    if (rv == CKR_OK)
        handles->count += *found;
    return rv;
}

static CK_RV search(const struct hsm_key *pattern, const struct session *session,
                    struct handles *handles)
{
    const struct token *token = pattern->token;
    const CK_FUNCTION_LIST *f = token->module->f;
    const struct key_template *template = &pattern->template;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted[3] = { { CKA_CLASS, &class, sizeof(class) } };
    CK_ULONG n = 1, found = 0;
    CK_RV rv, ended;

    if (template->label != NULL)
        wanted[n++] = (CK_ATTRIBUTE){ CKA_LABEL, template->label, template->label_size };
    if (template->id != NULL)
        wanted[n++] = (CK_ATTRIBUTE){ CKA_ID, template->id, template->id_size };
    rv = CALL(f, C_FindObjectsInit(session->handle, wanted, n));
    if (rv != CKR_OK)
        return rv;
    do
        rv = more_handles(token, session, handles, &found);
    while (rv == CKR_OK && found > 0 && handles->count < LIST_MOST);
    ended = CALL(f, C_FindObjectsFinal(session->handle));
    return rv != CKR_OK ? rv : ended;
}

/* Whether a key is of a family that we serve, and of which. */
static bool is_served(const struct token *token, const struct session *session,
                      CK_OBJECT_HANDLE object, enum hsm_family *family)
{
    const CK_ULONG type = attribute_number(token, session->handle, object, CKA_KEY_TYPE);

    *family = key_belongs(HSM_AES, type) ? HSM_AES : HSM_SECRET;
    return *family == HSM_AES
               ? attribute_number(token, session->handle, object, CKA_VALUE_LEN) == AES_256
               : key_belongs(HSM_SECRET, type);
}

static void read_entry(const struct token *token, const struct session *session,
                       CK_OBJECT_HANDLE object, struct entry *entry)
{
    int size = attribute_bytes(token, session->handle, object, CKA_LABEL, entry->label, NAME_MOST);

    entry->label_size = size > 0 ? (size_t)size : 0;
    size = attribute_bytes(token, session->handle, object, CKA_ID, entry->id, NAME_MOST);
    entry->id_size = size > 0 ? (size_t)size : 0;
}

/* For `more` entries; what is new is zero, so that entries can be compared whole. */
static bool make_room(struct hsm_list *list, size_t more)
{
    const size_t size = (list->count + more + 1) * sizeof(*list->entries);
    struct entry *grown = realloc(list->entries, size);

    if (grown == NULL)
        return false;
    list->entries = grown;
    memset(grown + list->count, 0, (more + 1) * sizeof(*grown));
    return true;
}

/* Whether another token of the group has a key of the same names: then it is one key. */
static bool is_listed(const struct hsm_list *list, const struct entry *entry)
{
    for (size_t i = 0; i < list->others; i++) {
        const struct entry *other = &list->entries[i];

        if (other->family == entry->family && other->label_size == entry->label_size &&
            other->id_size == entry->id_size &&
            memcmp(other->label, entry->label, entry->label_size) == 0 &&
            memcmp(other->id, entry->id, entry->id_size) == 0)
            return true;
    }
    return false;
}

static CK_RV collect(struct hsm_list *list, const struct hsm_key *pattern, struct session *session)
{
    struct handles handles = { 0 };
    CK_RV rv = operation_end(session, list->token);

    if (rv == CKR_OK)
        rv = search(pattern, session, &handles);
    list->count = list->others;
    if (rv == CKR_OK && !make_room(list, handles.count))
        rv = CKR_HOST_MEMORY;
    for (CK_ULONG i = 0; rv == CKR_OK && i < handles.count; i++) {
        struct entry *entry = &list->entries[list->count];

        if (!is_served(list->token, session, handles.all[i], &entry->family))
            continue;
        read_entry(list->token, session, handles.all[i], entry);
        list->count += !is_listed(list, entry);
    }
    free(handles.all);
    return rv;
}

static CK_RV look(struct hsm_list *list, const struct hsm_key *pattern, struct failure *why)
{
    struct token *token = list->token;
    struct session *session = session_borrow(token, NULL, NULL, why);
    unsigned long epoch;
    CK_RV rv;

    if (session == NULL)
        return session_missing(token, why);
    epoch = session->epoch;
    rv = collect(list, pattern, session);
    if (rv != CKR_OK)
        ckr_failure(why, FAILURE_KEY_NOT_FOUND, rv, "token '%s': its keys cannot be listed",
                    token->label);
    session_return(token, session, rv == CKR_OK);
    life_lock();
    if (ckr_connection_lost(rv))
        token_lost(token, epoch);
    life_unlock();
    return rv;
}

/* A key that is never found itself: it says what to look for, and where. */
static struct hsm_key *make_pattern(struct hsm *hsm, const char *uri, struct failure *why)
{
    struct hsm_key *pattern = key_new(NULL, HSM_AES, "", why);
    P11KitUri *parsed;
    bool made;

    if (pattern == NULL)
        return NULL;
    parsed = key_uri(uri != NULL ? uri : "pkcs11:", "the URI", why);
    made = parsed != NULL && key_look_for_uri(pattern, parsed, why) &&
           key_choose_token(pattern, hsm, parsed, why);
    p11_kit_uri_free(parsed);
    if (made)
        return pattern;
    hsm_key_free(pattern);
    return NULL;
}

static CK_RV list_token(struct hsm_list *list, const struct hsm_key *pattern, const char *uri,
                        struct failure *why)
{
    CK_RV rv = CKR_GENERAL_ERROR;

    list->token = pattern->token;
    list->others = list->count;
    for (int tries = 2; tries > 0 && rv != CKR_OK && !ckr_refusal(rv); tries--)
        rv = token_connect(list->token, why) ? look(list, pattern, why) : CKR_HSMZKE_TOLD;
    if (rv != CKR_OK)
        list->count = list->others;
    return report_listed(list->token, uri, list->count - list->others, rv, why);
}

/* The keys of all tokens that answer; one that is on several is listed once. */
static CK_RV list_group(struct hsm_list *list, const struct hsm_key *pattern, const char *uri,
                        struct failure *why)
{
    CK_RV result = CKR_HSMZKE_TOLD;

    list->group = true;
    for (size_t i = 0; i < pattern->group->count; i++) {
        const struct hsm_key *member = pattern->group->members[i];

        if (list_token(list, member, uri, why) == CKR_OK)
            result = CKR_OK;
        else
            group_token_failed(member->token);
    }
    return result;
}

struct hsm_list *hsm_list(struct hsm *hsm, const char *uri, struct failure *why)
{
    struct hsm_key *pattern = make_pattern(hsm, uri, why);
    struct hsm_list *list = calloc(1, sizeof(*list));
    CK_RV rv = CKR_GENERAL_ERROR;

    if (pattern != NULL && list == NULL)
        failure_memory(why);
    if (pattern != NULL && list != NULL) {
        list->hsm = hsm;
        rv = pattern->group != NULL ? list_group(list, pattern, uri, why)
                                    : list_token(list, pattern, uri, why);
    } else {
        hsm_report_refused(hsm, uri, why);
    }
    hsm_key_free(pattern);
    if (rv == CKR_OK)
        return list;
    hsm_list_free(list);
    return NULL;
}

size_t hsm_list_size(const struct hsm_list *list)
{
    return list->count;
}

static bool find(struct hsm_key *key, struct failure *why)
{
    static const struct hsm_query any; /* pins are for who gets the key to look at */
    struct key_facts facts;

    if (key->group != NULL)
        return group_find(key, &any, why);
    return key_ready(key, false, &facts, why) && report_found(key, why);
}

struct hsm_key *hsm_list_key(const struct hsm_list *list, size_t index, struct failure *why)
{
    const struct entry *entry = &list->entries[index];
    char shown[NAME_MOST + 1];
    struct hsm_key *key;

    if (entry->label_size == 0 && entry->id_size == 0) {
        failure_set(why, FAILURE_KEY_AMBIGUOUS,
                    "token '%s' has a key with neither CKA_LABEL nor CKA_ID: give it one",
                    list->token->label);
        return NULL;
    }
    uri_trim(shown, entry->label, entry->label_size);
    key = key_new(list->token, entry->family, shown[0] != '\0' ? shown : "(no label)", why);
    if (key != NULL &&
        key_look_for(key, entry->label_size > 0 ? entry->label : NULL, entry->label_size,
                     entry->id_size > 0 ? entry->id : NULL, entry->id_size, why) &&
        (!list->group || key_choose_token(key, list->hsm, NULL, why)) && find(key, why))
        return key;
    hsm_key_free(key);
    return NULL;
}

void hsm_list_free(struct hsm_list *list)
{
    if (list == NULL)
        return;
    free(list->entries);
    free(list);
}
