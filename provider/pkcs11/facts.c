/* What is known of a key that was found: questions of hsm.h. */
#include <string.h>

#include "pkcs11/group.h"
#include "pkcs11/report.h"

bool hsm_key_may(const struct hsm_key *key, bool encrypt, struct failure *why)
{
    bool may;

    life_lock();
    may = encrypt ? key->facts.may_encrypt : key->facts.may_decrypt;
    life_unlock();
    if (may)
        return true;
    failure_set(why, FAILURE_KEY_UNSUITABLE,
                "key '%s' on token '%s' may not %s: its %s is false; use a key that may",
                key->shown, key->token->label, encrypt ? "encrypt" : "decrypt",
                encrypt ? "CKA_ENCRYPT" : "CKA_DECRYPT");
    report_refused(key, why);
    return false;
}

bool hsm_key_may_sign(const struct hsm_key *key, struct failure *why)
{
    bool may;

    life_lock();
    may = key->facts.may_sign;
    life_unlock();
    if (may)
        return true;
    failure_set(why, FAILURE_KEY_UNSUITABLE,
                "key '%s' on token '%s' may not make MACs: its CKA_SIGN is false; use a key that "
                "may",
                key->shown, key->token->label);
    report_refused(key, why);
    return false;
}

void hsm_key_names(const struct hsm_key *key, const char **label, const char **id)
{
    *label = key->names.label;
    *id = key->names.id;
}

enum hsm_family hsm_key_family(const struct hsm_key *key)
{
    return key->family;
}

size_t hsm_key_size(const struct hsm_key *key)
{
    CK_ULONG size;

    life_lock();
    size = key->facts.size;
    life_unlock();
    return size != CK_UNAVAILABLE_INFORMATION ? size : 0;
}

const char *hsm_key_token(const struct hsm_key *key)
{
    return key->token->label;
}

bool hsm_key_is_home(const struct hsm_key *key)
{
    return key->token->configured;
}

bool hsm_key_same(const struct hsm_key *a, const struct hsm_key *b)
{
    char identity_a[HSM_IDENTITY_TEXT], identity_b[HSM_IDENTITY_TEXT];

    hsm_key_identity(a, identity_a);
    hsm_key_identity(b, identity_b);
    /* Of two groups the same: the key that they were found by first may be on either token. */
    if (a->group != NULL && b->group != NULL)
        return spread_agrees(identity_a, identity_b) &&
               strcmp(a->names.label, b->names.label) == 0 &&
               a->names.raw_id_size == b->names.raw_id_size &&
               memcmp(a->names.raw_id, b->names.raw_id, sizeof(a->names.raw_id)) == 0;
    return a == b || (strcmp(a->token->serial, b->token->serial) == 0 &&
                      strcmp(a->token->label, b->token->label) == 0 &&
                      strcmp(a->names.label, b->names.label) == 0 &&
                      a->names.raw_id_size == b->names.raw_id_size &&
                      memcmp(a->names.raw_id, b->names.raw_id, sizeof(a->names.raw_id)) == 0 &&
                      strcmp(identity_a, identity_b) == 0);
}

bool hsm_key_confirm(struct hsm_key *key, struct failure *why)
{
    struct hsm_key *member = group_any(key, false, why);
    struct key_facts facts;

    if (member == NULL)
        return false;
    life_lock();
    member->stale = true;
    life_unlock();
    return key_ready(member, true, &facts, why);
}

bool hsm_key_current(const struct hsm_key *key)
{
    const struct group *group = key->group;
    bool current;

    life_lock();
    current = group == NULL && !key->replaced;
    for (size_t i = 0; group != NULL && i < group->count; i++)
        current =
            current || (group->members[i]->member != MEMBER_OUT && !group->members[i]->replaced);
    life_unlock();
    return current;
}
