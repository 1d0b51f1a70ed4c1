/* The key of an HA group, looked for on all of its tokens: group_find() of group.h. */
#include <string.h>

#include "pkcs11/group.h"
#include "pkcs11/report.h"

/* As much as fits. */
static void append(struct failure *all, const char *text)
{
    const size_t used = strlen(all->text), room = sizeof(all->text) - used - 1;
    const size_t length = strlen(text) < room ? strlen(text) : room;

    memcpy(all->text + used, text, length);
    all->text[used + length] = '\0';
}

/* What speaks against the members, one after the other; the first gives the reason. */
static void collect(struct failure *all, size_t *told, const struct failure *why)
{
    if ((*told)++ == 0) {
        *all = *why;
        return;
    }
    append(all, "; ");
    append(all, why->text);
}

/* Brings a member up; it is left out if it is not what the caller expects of a key. */
static bool meet(struct hsm_key *member, const struct hsm_query *query, struct failure *why)
{
    if (!group_bring_up(member, why))
        return false;
    if (query->fits == NULL || query->fits(query->argument, member, why))
        return true;
    group_leave_out(member, why);
    return false;
}

static bool rests(const struct token *token)
{
    bool over;

    life_lock();
    over = rest_is_over(&token->rest, group_now());
    life_unlock();
    return !over;
}

/* What is known of `member` is from now on known of the group.  Nobody else has the key yet. */
static void take_over(struct hsm_key *key, const struct hsm_key *member)
{
    life_lock();
    key->facts = member->facts;
    life_unlock();
    key->names = member->names;
    key->family = member->family;
    key->token = member->token;
}

/* What one member may do, the group may. */
static void take_over_rights(struct hsm_key *key, const struct hsm_key *member)
{
    life_lock();
    key->facts.may_encrypt = key->facts.may_encrypt || member->facts.may_encrypt;
    key->facts.may_decrypt = key->facts.may_decrypt || member->facts.may_decrypt;
    key->facts.may_sign = key->facts.may_sign || member->facts.may_sign;
    life_unlock();
}

/* One that was met.  @return false, with the reason in `why`, if it is another key than `*first` */
static bool join(struct hsm_key *key, struct hsm_key **first, struct hsm_key *member,
                 struct failure *why)
{
    if (*first != NULL && group_differ(*first, member, why))
        return false;
    if (!report_found(member, why))
        return false;
    if (*first == NULL)
        take_over(key, member);
    else
        take_over_rights(key, member);
    if (*first == NULL)
        *first = member;
    life_lock();
    member->member = MEMBER_FOUND;
    life_unlock();
    return true;
}

bool group_find(struct hsm_key *key, const struct hsm_query *query, struct failure *why)
{
    struct group *group = key->group;
    struct hsm_key *first = NULL;
    bool met[HSM_TOKENS_MOST] = { false };
    struct failure all, words;
    size_t told = 0;

    /* Tokens that failed a moment ago are asked only where the others have not the key. */
    for (int pass = 0; pass < 2 && first == NULL; pass++) {
        for (size_t i = 0; i < group->count; i++) {
            struct hsm_key *member = group->members[i];

            if (met[i] || (pass == 0 && rests(member->token)))
                continue;
            met[i] = true;
            if (!meet(member, query, &words))
                collect(&all, &told, &words);
            else if (!join(key, &first, member, why)) {
                report_refused(member, why);
                return false;
            }
        }
    }
    if (first != NULL)
        return true;
    *why = all;
    return false;
}
