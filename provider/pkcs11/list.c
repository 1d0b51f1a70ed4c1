/*
 * The keys of a token: hsm_list() of inventory.h.  What is kept of each is its label and id, not
 * its handle: handles live no longer than a connection.
 */
#include <stdlib.h>
#include <string.h>

#include "pkcs11/attribute.h"
#include "pkcs11/connect.h"
#include "pkcs11/inventory.h"
#include "pkcs11/key.h"
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
    struct token *token;
    struct entry *entries;
    size_t count;
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

static CK_RV collect(struct hsm_list *list, const struct hsm_key *pattern, struct session *session)
{
    struct handles handles = { 0 };
    CK_RV rv = operation_end(session, list->token);

    if (rv == CKR_OK)
        rv = search(pattern, session, &handles);
    free(list->entries);
    list->count = 0;
    list->entries = calloc(handles.count + 1, sizeof(*list->entries));
    if (list->entries == NULL)
        rv = CKR_HOST_MEMORY;
    for (CK_ULONG i = 0; rv == CKR_OK && i < handles.count; i++) {
        struct entry *entry = &list->entries[list->count];

        if (!is_served(list->token, session, handles.all[i], &entry->family))
            continue;
        read_entry(list->token, session, handles.all[i], entry);
        list->count++;
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
           (pattern->token = token_of_uri(hsm, parsed, why)) != NULL;
    p11_kit_uri_free(parsed);
    if (made)
        return pattern;
    hsm_key_free(pattern);
    return NULL;
}

struct hsm_list *hsm_list(struct hsm *hsm, const char *uri, struct failure *why)
{
    struct hsm_key *pattern = make_pattern(hsm, uri, why);
    struct hsm_list *list = calloc(1, sizeof(*list));
    CK_RV rv = CKR_GENERAL_ERROR;

    if (pattern != NULL && list == NULL)
        failure_memory(why);
    if (pattern != NULL && list != NULL) {
        list->token = pattern->token;
        for (int tries = 2; tries > 0 && rv != CKR_OK && !ckr_refusal(rv); tries--)
            rv = token_connect(list->token, why) ? look(list, pattern, why) : CKR_HSMZKE_TOLD;
        rv = report_listed(list->token, uri, list->count, rv, why);
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

struct hsm_key *hsm_list_key(const struct hsm_list *list, size_t index, struct failure *why)
{
    const struct entry *entry = &list->entries[index];
    char shown[NAME_MOST + 1];
    struct key_facts facts;
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
        key_ready(key, false, &facts, why) && report_found(key, why))
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
