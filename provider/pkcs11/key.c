/* A key in the HSM, found and found again: see key.h. */
#include "pkcs11/key.h"

#include <stdio.h>
#include <string.h>

#include "pkcs11/attribute.h"
#include "pkcs11/connect.h"
#include "pkcs11/login.h"
#include "pkcs11/operation.h"
#include "pkcs11/report.h"
#include "reference.h"

enum {
    CANDIDATES = 16, /* most keys that are looked at and listed when several match */
    AES_256 = 32,    /* CKA_VALUE_LEN, in bytes */
};

/* All secret keys that the template names. @return their number, at most CANDIDATES */
static CK_RV find_objects(const struct hsm_key *key, const struct session *session,
                          CK_OBJECT_HANDLE found[CANDIDATES], CK_ULONG *count)
{
    const CK_FUNCTION_LIST *f = key->token->module->f;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_ATTRIBUTE wanted[3] = { { CKA_CLASS, &class, sizeof(class) } };
    CK_ULONG n = 1;
    CK_RV rv, ended;

    if (key->template.label != NULL)
        wanted[n++] = (CK_ATTRIBUTE){ CKA_LABEL, key->template.label, key->template.label_size };
    if (key->template.id != NULL)
        wanted[n++] = (CK_ATTRIBUTE){ CKA_ID, key->template.id, key->template.id_size };
    *count = 0;
    rv = CALL(f, C_FindObjectsInit(session->handle, wanted, n));
    if (rv != CKR_OK)
        return rv;
    rv = CALL(f, C_FindObjects(session->handle, found, CANDIDATES, count));
    ended = CALL(f, C_FindObjectsFinal(session->handle));
    if (rv == CKR_OK && *count > CANDIDATES)
        rv = CKR_GENERAL_ERROR; /* more than there was room for: not to be believed */
    return rv != CKR_OK ? rv : ended;
}

void key_read_names(const struct token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                    struct key_names *names)
{
    unsigned char bytes[255];
    struct reference reference;
    struct failure ignored;
    int size = attribute_bytes(token, session, object, CKA_LABEL, bytes, sizeof(bytes));

    memset(names, 0, sizeof(*names));
    uri_trim(names->label, bytes, size > 0 ? (size_t)size : 0);
    size = attribute_bytes(token, session, object, CKA_ID, names->raw_id, sizeof(names->raw_id));
    names->raw_id_size = size > 0 ? (size_t)size : 0;
    names->id_untold = size < 0;
    if (size == HSMZKE_REFERENCE_ID_SIZE && reference_from_id(&reference, names->raw_id, &ignored))
        memcpy(names->id, reference.text + HSMZKE_REFERENCE_PREFIX_SIZE, sizeof(names->id));
}

static bool several(const struct hsm_key *key, const struct session *session,
                    const CK_OBJECT_HANDLE *found, CK_ULONG count, struct failure *why)
{
    struct key_names names;
    char list[300] = "";

    for (CK_ULONG i = 0; i < count; i++) {
        const size_t used = strlen(list);

        key_read_names(key->token, session->handle, found[i], &names);
        snprintf(list + used, sizeof(list) - used, "%s'%s' (%s)", used > 0 ? ", " : "", names.label,
                 names.id[0] != '\0' ? names.id : "no 18-byte CKA_ID");
    }
    return failure_set(why, FAILURE_KEY_AMBIGUOUS,
                       "token '%s' has several keys for '%s': %s; name one by its id, or give it "
                       "another label",
                       key->token->label, key->shown, list);
}

bool key_belongs(enum hsm_family family, CK_ULONG type)
{
    switch (type) {
    case CKK_AES:
        return family != HSM_SECRET;
    case CKK_GENERIC_SECRET:
    case CKK_SHA_1_HMAC:
    case CKK_SHA224_HMAC:
    case CKK_SHA256_HMAC:
    case CKK_SHA384_HMAC:
    case CKK_SHA512_HMAC:
        return family != HSM_AES;
    default:
        return false;
    }
}

static bool has_right_size(const struct hsm_key *key, enum hsm_family family, CK_ULONG size,
                           struct failure *why)
{
    if (family != HSM_AES)
        return true;
    if (size == CK_UNAVAILABLE_INFORMATION)
        return failure_set(why, FAILURE_KEY_UNSUITABLE,
                           "token '%s' does not tell the length of key '%s' (CKA_VALUE_LEN), which "
                           "must have 256 bits: use a key that was generated in the HSM",
                           key->token->label, key->shown);
    return size == AES_256 ||
           failure_set(why, FAILURE_KEY_UNSUITABLE,
                       "key '%s' on token '%s' has %lu bits; hsmzke serves AES-256 only",
                       key->shown, key->token->label, size * 8);
}

/*
 * The one key of the family among those found, which becomes the first.  Keys of other types may
 * have the same label.
 */
static bool pick(const struct hsm_key *key, const struct session *session, CK_OBJECT_HANDLE *found,
                 CK_ULONG count, struct key_facts *facts, struct failure *why)
{
    static const char *const families[] = { "AES key", "generic secret or HMAC key",
                                            "AES key, generic secret or HMAC key" };
    CK_ULONG fit = 0, type = CK_UNAVAILABLE_INFORMATION;

    for (CK_ULONG i = 0; i < count; i++) {
        type = attribute_number(key->token, session->handle, found[i], CKA_KEY_TYPE);
        if (!key_belongs(key->family, type))
            continue;
        facts->family = key_belongs(HSM_AES, type) ? HSM_AES : HSM_SECRET;
        found[fit++] = found[i];
    }
    if (count == 0)
        return failure_set(why, FAILURE_KEY_NOT_FOUND,
                           "token '%s' has no secret key '%s': check the name, and whether the "
                           "login may see it",
                           key->token->label, key->shown);
    if (fit == 0)
        return failure_set(why, FAILURE_KEY_UNSUITABLE,
                           "key '%s' on token '%s' is no %s (its CKA_KEY_TYPE is 0x%lx), which is "
                           "needed here",
                           key->shown, key->token->label, families[key->family], type);
    if (fit > 1)
        return several(key, session, found, fit, why);
    facts->size = attribute_number(key->token, session->handle, found[0], CKA_VALUE_LEN);
    return has_right_size(key, facts->family, facts->size, why);
}

/*
 * Finds the key in a borrowed session.
 * @return CKR_HSMZKE_TOLD if it is not there, or not as it must be; else a module's error
 */
static CK_RV locate(const struct hsm_key *key, struct session *session, struct key_facts *facts,
                    struct failure *why)
{
    struct token *token = key->token;
    CK_OBJECT_HANDLE found[CANDIDATES] = { CK_INVALID_HANDLE };
    CK_ULONG count = 0;
    CK_RV rv = operation_end(session, token);

    if (rv == CKR_OK)
        rv = find_objects(key, session, found, &count);
    if (rv == CKR_OK && count == 0 && login_lost(token, session->handle))
        rv = CKR_USER_NOT_LOGGED_IN;
    if (rv != CKR_OK) {
        ckr_failure(why, FAILURE_KEY_NOT_FOUND, rv, "token '%s': looking for key '%s'",
                    token->label, key->shown);
        return rv;
    }
    if (!pick(key, session, found, count, facts, why))
        return CKR_HSMZKE_TOLD;
    *facts = (struct key_facts){
        .family = facts->family,
        .size = facts->size,
        .handle = found[0],
        .epoch = session->epoch,
        .found = life_now(),
        .may_encrypt = attribute_bool(token, session->handle, found[0], CKA_ENCRYPT, true),
        .may_decrypt = attribute_bool(token, session->handle, found[0], CKA_DECRYPT, true),
        .may_sign = attribute_bool(token, session->handle, found[0], CKA_SIGN, true),
        .always_authenticate =
            attribute_bool(token, session->handle, found[0], CKA_ALWAYS_AUTHENTICATE, false),
    };
    return CKR_OK;
}

static bool has_handle(const struct key_facts *before, const struct key_facts *facts)
{
    return before->epoch == facts->epoch && before->handle == facts->handle;
}

/*
 * Whether what was found now is what was found before, by all that there is to know it by.  With
 * the handle that it had it is, unless something speaks against it: an HSM may give the handle of a
 * key that is gone to the next one, and a key may lose the right that its identity is computed by.
 */
static bool is_same_key(const struct hsm_key *key, const struct key_names *names,
                        const struct key_facts *facts)
{
    const struct key_facts *before = &key->facts;

    if (names->raw_id_size != key->names.raw_id_size ||
        memcmp(names->raw_id, key->names.raw_id, sizeof(names->raw_id)) != 0)
        return false;
    if (facts->identity_kind != before->identity_kind)
        return has_handle(before, facts);
    return memcmp(facts->identity, before->identity, sizeof(facts->identity)) == 0 &&
           (has_handle(before, facts) || facts->identity_kind != IDENTITY_UNKNOWN ||
            names->raw_id_size > 0);
}

/*
 * With the handle that it had, a key is not asked for what it refused before, nor for GCM under one
 * IV again and again: that would stand in an HSM's log, or be refused by it.
 */
static CK_RV identify(const struct hsm_key *key, struct session *session, struct key_facts *facts)
{
    const struct key_facts *before = &key->facts;

    if (!has_handle(before, facts))
        return key_identify(key, session, facts);
    facts->identity_way = before->identity_way;
    facts->identity_kind = IDENTITY_UNKNOWN;
    return before->identity_kind == IDENTITY_UNKNOWN || before->identity_way == IDENTITY_BY_GCM
               ? CKR_OK
               : key_identify(key, session, facts);
}

/* A key that was known before must be the same one: another may have its name, or its handle. */
static CK_RV confirm(struct hsm_key *key, struct session *session, struct key_facts *facts,
                     struct failure *why)
{
    const struct key_facts *before = &key->facts; /* nobody else writes to it: key->busy */
    struct key_names names;
    CK_RV rv;

    key_read_names(key->token, session->handle, facts->handle, &names);
    rv = identify(key, session, facts);
    if (rv == CKR_OK && names.id_untold && key->names.raw_id_size > 0)
        rv = CKR_FUNCTION_FAILED; /* it was told before: that speaks of the connection */
    if (rv != CKR_OK) {
        ckr_failure(why, FAILURE_IDENTITY, rv, "token '%s': the identity of key '%s'",
                    key->token->label, key->shown);
        return rv;
    }
    if (before->epoch == 0) { /* the first time: nobody else has the key yet */
        key->names = names;
        key->family = facts->family;
        return CKR_OK;
    }
    if (is_same_key(key, &names, facts)) {
        facts->identity_kind = before->identity_kind;
        memcpy(facts->identity, before->identity, sizeof(facts->identity));
        return CKR_OK;
    }
    life_lock();
    key->replaced = true;
    life_unlock();
    failure_set(why, FAILURE_IDENTITY,
                "key '%s' on token '%s' cannot be told to be the key that it was: another one has "
                "its name",
                key->shown, key->token->label);
    return CKR_HSMZKE_TOLD;
}

/* Looks for the key once; marked busy meanwhile. */
static CK_RV find_once(struct hsm_key *key, struct key_facts *facts, struct failure *why)
{
    struct token *token = key->token;
    struct session *session = session_borrow(token, NULL, NULL, why);
    unsigned long epoch;
    CK_RV rv;

    if (session == NULL)
        return session_missing(token, why);
    epoch = session->epoch;
    rv = locate(key, session, facts, why);
    if (rv == CKR_OK)
        rv = confirm(key, session, facts, why);
    /* A failed search may have left the session in the middle of something. */
    session_return(token, session, rv == CKR_OK);
    life_lock();
    if (ckr_connection_lost(rv))
        token_lost(token, epoch);
    life_unlock();
    return rv;
}

bool key_is_fresh(const struct hsm_key *key, const struct key_facts *facts)
{
    const unsigned int reuse = key->token->settings->reuse;

    return life_now() - facts->found < (time_t)(reuse > 0 ? reuse : 1);
}

/* With the lock held. */
static bool is_ready(const struct hsm_key *key, bool fresh)
{
    return token_is_up(key->token) && !key->stale && key->facts.epoch == key->token->epoch &&
           key->member != MEMBER_OUT && (!fresh || key_is_fresh(key, &key->facts));
}

static bool lost(const struct token *token, struct failure *why)
{
    return failure_set(why, FAILURE_SESSIONS, "token '%s': the connection was lost", token->label);
}

/* Of a group's token only key_revive() makes a connection: others have other tokens to go to. */
static bool connect(struct token *token, bool may_connect, struct failure *why)
{
    bool up;

    if (may_connect)
        return token_connect(token, why);
    life_lock();
    up = token_is_up(token);
    life_unlock();
    return up || lost(token, why);
}

/* Without the lock: brings token and key up, as the only thread that does; a lost session once
 * more. */
static bool make_ready(struct hsm_key *key, bool may_connect, struct failure *why)
{
    const unsigned long before = key->facts.epoch; /* nobody else writes to it: key->busy */
    struct key_facts facts = { 0 };
    CK_RV rv = CKR_GENERAL_ERROR;

    for (int tries = 2; tries > 0 && rv != CKR_OK && !ckr_refusal(rv); tries--) {
        if (connect(key->token, may_connect, why)) {
            rv = find_once(key, &facts, why);
        } else {
            failure_prefix(why, "key '%s'", key->shown);
            rv = CKR_HSMZKE_TOLD;
        }
    }
    /* The first time it is hsm_key_find()'s to tell. */
    if (rv == CKR_OK && before != 0 && before != facts.epoch && !report_found(key, why))
        rv = CKR_HSMZKE_TOLD;
    life_lock();
    if (rv == CKR_OK) {
        key->facts = facts;
        key->stale = false;
    }
    key->busy = false;
    life_wake();
    life_unlock();
    return rv == CKR_OK;
}

void key_stale(struct hsm_key *key, const struct key_facts *facts)
{
    life_lock();
    if (key->facts.handle == facts->handle && key->facts.epoch == facts->epoch)
        key->stale = true;
    life_unlock();
}

static bool get_ready(struct hsm_key *key, bool fresh, bool may_connect, struct key_facts *facts,
                      struct failure *why)
{
    bool ready = true;

    life_lock();
    while (ready && !is_ready(key, fresh)) {
        if (key->replaced) {
            ready = failure_set(why, FAILURE_IDENTITY,
                                "key '%s' was replaced by another one; initialise the context anew",
                                key->shown);
        } else if (key->in_group && key->member == MEMBER_OUT) {
            ready = failure_set(why, FAILURE_IDENTITY, "key '%s' on token '%s' was left out",
                                key->shown, key->token->label);
        } else if (!may_connect && !token_is_up(key->token)) {
            ready = lost(key->token, why);
        } else if (key->busy && key->busy_generation == life_generation()) {
            life_wait(NULL);
        } else {
            key->busy = true;
            key->busy_generation = life_generation();
            life_unlock();
            ready = make_ready(key, may_connect, why);
            life_lock();
        }
    }
    *facts = key->facts;
    life_unlock();
    return ready;
}

bool key_ready(struct hsm_key *key, bool fresh, struct key_facts *facts, struct failure *why)
{
    return get_ready(key, fresh, !key->in_group, facts, why);
}

bool key_revive(struct hsm_key *key, struct failure *why)
{
    struct key_facts facts;

    return get_ready(key, false, true, &facts, why);
}

struct session *key_session(struct hsm_key *key, struct key_facts *facts, struct failure *why)
{
    for (int tries = 2; tries > 0; tries--) {
        struct session *session;

        if (!key_ready(key, false, facts, why))
            return NULL;
        session = session_borrow(key->token, NULL, NULL, why);
        if (session == NULL)
            return NULL;
        if (session->epoch == facts->epoch)
            return session;
        session_return(key->token, session, true);
        failure_set(why, FAILURE_SESSIONS, "token '%s': the connection was lost",
                    key->token->label);
    }
    return NULL;
}
