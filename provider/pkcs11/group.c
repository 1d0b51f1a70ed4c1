/* A key of an HA group: see group.h.  Which member serves next is chosen in spread.c. */
#include "pkcs11/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "notice.h"
#include "pkcs11/report.h"

uint64_t group_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

bool group_make(struct hsm_key *key, struct token *const tokens[], size_t count,
                struct failure *why)
{
    const struct key_template *template = &key->template;

    key->group = calloc(1, sizeof(*key->group));
    if (key->group == NULL)
        return failure_memory(why);
    for (size_t i = 0; i < count; i++) {
        struct hsm_key *member = key_new(tokens[i], key->family, key->shown, why);

        if (member == NULL)
            return false;
        key->group->members[key->group->count++] = member;
        member->in_group = true;
        if (!key_look_for(member, template->label, template->label_size, template->id,
                          template->id_size, why))
            return false;
    }
    return true;
}

void group_free(struct group *group)
{
    if (group == NULL)
        return;
    for (size_t i = 0; i < group->count; i++)
        hsm_key_free(group->members[i]);
    free(group);
}

static bool is_busy(const struct token *token)
{
    return token->reviving && token->revived_generation == life_generation();
}

/* What failed is left alone for a while: the token, or only the key on it.  With the lock held. */
static void note_failure(struct hsm_key *member)
{
    struct token *token = member->token;
    const uint64_t now = group_now();

    if (!token_is_up(token))
        rest_begin(&token->rest, now);
    else if (member->stale || member->facts.epoch != token->epoch)
        rest_begin(&member->rest, now);
    if (member->replaced)
        member->member = MEMBER_OUT;
}

void group_token_failed(struct token *token)
{
    life_lock();
    if (!token_is_up(token))
        rest_begin(&token->rest, group_now());
    life_unlock();
}

/* Once in a row. */
static void tell(struct hsm_key *member, const struct failure *why)
{
    bool told;

    life_lock();
    told = member->told;
    member->told = true;
    life_unlock();
    if (!told)
        report_refused(member, why);
}

bool group_bring_up(struct hsm_key *member, struct failure *why)
{
    struct token *token = member->token;
    bool up;

    life_lock();
    while (is_busy(token))
        life_wait(NULL);
    token->reviving = true;
    token->revived_generation = life_generation();
    life_unlock();
    up = key_revive(member, why);
    life_lock();
    if (up) {
        rest_end(&token->rest);
        rest_end(&member->rest);
        member->told = false;
    } else {
        note_failure(member);
    }
    token->reviving = false;
    life_wake();
    life_unlock();
    if (!up)
        tell(member, why);
    return up;
}

void group_leave_out(struct hsm_key *member, const struct failure *why)
{
    life_lock();
    member->member = MEMBER_OUT;
    member->told = false;
    life_unlock();
    tell(member, why);
}

void hsm_key_leave_out(struct hsm_key *member, const struct failure *why)
{
    if (member->in_group)
        group_leave_out(member, why);
}

bool group_differ(const struct hsm_key *key, const struct hsm_key *other, struct failure *why)
{
    char identity[HSM_IDENTITY_TEXT], others[HSM_IDENTITY_TEXT];

    hsm_key_identity(key, identity);
    hsm_key_identity(other, others);
    if (spread_agrees(identity, others))
        return false;
    failure_set(why, FAILURE_IDENTITY,
                "key '%s' on token '%s' is not told to be the one on token '%s': the identities "
                "are %s and %s; pin the right one (`identities`), or take the other off its token",
                other->shown, other->token->label, key->token->label, others, identity);
    return true;
}

/* A member that was not seen when the group was found is measured by what was. */
static bool admit(const struct hsm_key *key, struct hsm_key *member, struct failure *why)
{
    char text[sizeof(why->text) + 40];
    bool unseen;

    life_lock();
    unseen = member->member == MEMBER_UNSEEN;
    life_unlock();
    if (!unseen)
        return true;
    if (group_differ(key, member, why)) {
        group_leave_out(member, why);
        snprintf(text, sizeof(text), "hsmzke: it is not used: %s", why->text);
        notice_write(text);
        return false;
    }
    if (!report_found(member, why))
        return false;
    life_lock();
    member->member = MEMBER_FOUND;
    life_unlock();
    return true;
}

struct group_walk group_walk(struct hsm_key *key, bool to_use)
{
    return (struct group_walk){ .key = key, .to_use = to_use };
}

/* A member as this walk sees it.  With the lock held. */
static struct spread_member see(const struct group_walk *walk, size_t at, uint64_t now)
{
    const struct hsm_key *key = walk->key->group->members[at];
    const struct token *token = key->token;
    const bool up = token_is_up(token) && rest_is_over(&key->rest, now);
    const bool usable = key->member == MEMBER_USABLE || !walk->to_use;

    return (struct spread_member){
        .out = key->member == MEMBER_OUT || key->replaced ||
               (key->member == MEMBER_FOUND && up && !usable),
        .ready = up && usable && key->member != MEMBER_UNSEEN,
        .due = rest_is_over(&token->rest, now) && rest_is_over(&key->rest, now),
        .busy = is_busy(token),
        .tries = walk->tries[at],
        .load = token->load,
        .rest = token->rest.length + key->rest.length,
    };
}

/* What is to be done next, and with which member.  With the lock held. */
static enum spread_act choose(struct group_walk *walk)
{
    struct group *group = walk->key->group;
    struct spread_member seen[HSM_TOKENS_MOST];
    const uint64_t now = group_now();
    enum spread_act act;

    for (size_t i = 0; i < group->count; i++)
        seen[i] = see(walk, i, now);
    act = spread_choose(seen, group->count, group->start, walk->revived == 0, &walk->at);
    if (act == SPREAD_REVIVE && walk->revived > SPREAD_TRIES * group->count)
        act = SPREAD_NONE; /* they come up, and go down again */
    if (act == SPREAD_USE) {
        struct hsm_key *member = group->members[walk->at];

        group->start = (walk->at + 1) % group->count;
        member->token->load++;
        walk->tries[walk->at]++;
        walk->begun = true;
    }
    return act;
}

static void revive(struct group_walk *walk, struct failure *why)
{
    struct hsm_key *member = walk->key->group->members[walk->at];
    struct failure words;

    walk->revived++;
    if (group_bring_up(member, &words) && admit(walk->key, member, &words))
        return;
    walk->tries[walk->at]++;
    walk->told = true;
    *why = words;
}

struct hsm_key *group_next(struct group_walk *walk, struct failure *why)
{
    struct hsm_key *key = walk->key;
    const bool first = !walk->begun;
    enum spread_act act;

    if (key->group == NULL) {
        walk->begun = true;
        return first ? key : NULL;
    }
    life_lock();
    while ((act = choose(walk)) == SPREAD_REVIVE || act == SPREAD_WAIT) {
        if (act == SPREAD_WAIT) {
            life_wait(NULL);
            continue;
        }
        life_unlock();
        revive(walk, why);
        life_lock();
    }
    life_unlock();
    if (act == SPREAD_USE)
        return key->group->members[walk->at];
    if (!walk->told)
        failure_set(why, FAILURE_TOKEN,
                    "each was left out before, or was not there when the key was set; initialise "
                    "the context anew");
    failure_prefix(why, "no token of the group serves key '%.40s'", key->shown);
    return NULL;
}

bool group_served(struct group_walk *walk, CK_RV rv)
{
    struct hsm_key *member;

    if (walk->key->group == NULL)
        return false;
    member = walk->key->group->members[walk->at];
    life_lock();
    member->token->load -= member->token->load > 0; /* a forked child counts anew */
    if (rv == CKR_OK)
        rest_end(&member->rest);
    else
        note_failure(member);
    /* It would answer the same again. */
    if (!ckr_connection_lost(rv) && token_is_up(member->token))
        walk->tries[walk->at] = SPREAD_TRIES;
    life_unlock();
    walk->told = walk->told || rv != CKR_OK;
    return rv != CKR_OK && rv != CKR_HSMZKE_EXITING && rv != CKR_HSMZKE_WRONG_TAG &&
           rv != CKR_HSMZKE_IV;
}

void group_stream_failed(struct hsm_key *member, const struct session *session, CK_RV rv)
{
    if (!member->in_group || session == NULL || !ckr_connection_lost(rv))
        return;
    life_lock();
    token_lost(member->token, session->epoch);
    note_failure(member);
    life_unlock();
}

void group_progress(struct group_walk *walk)
{
    memset(walk->tries, 0, sizeof(walk->tries));
}

struct hsm_key *group_any(struct hsm_key *key, bool to_use, struct failure *why)
{
    struct group_walk walk = group_walk(key, to_use);
    struct hsm_key *member = group_next(&walk, why);

    if (member != NULL)
        (void)group_served(&walk, CKR_OK);
    return member;
}

bool hsm_key_is_group(const struct hsm_key *key)
{
    return key->group != NULL;
}

struct hsm_key *hsm_key_member(struct hsm_key *key, size_t *position)
{
    struct hsm_key *found = NULL;

    if (key->group == NULL)
        return (*position)++ == 0 ? key : NULL;
    life_lock();
    while (found == NULL && *position < key->group->count) {
        struct hsm_key *member = key->group->members[(*position)++];

        if ((member->member == MEMBER_FOUND || member->member == MEMBER_USABLE) &&
            token_is_up(member->token) && !member->replaced)
            found = member;
    }
    life_unlock();
    return found;
}
