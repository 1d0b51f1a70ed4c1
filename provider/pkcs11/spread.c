/* Which token of an HA group serves a request: see spread.h. */
#include "pkcs11/spread.h"

#include <string.h>

enum {
    REST_FIRST = 1000,
    REST_MOST = 30000,
};

void rest_begin(struct rest *rest, uint64_t now)
{
    if (rest->length > 0 && now < rest->until)
        return;
    rest->length = rest->length == 0 ? REST_FIRST : rest->length * 2;
    if (rest->length > REST_MOST)
        rest->length = REST_MOST;
    rest->until = now + rest->length;
}

void rest_end(struct rest *rest)
{
    rest->length = 0;
}

bool rest_is_over(const struct rest *rest, uint64_t now)
{
    return rest->length == 0 || now >= rest->until;
}

/* Whether `a` is to serve rather than `b`; of equals the first that was looked at does. */
static bool serves_before(const struct spread_member *a, const struct spread_member *b)
{
    return a->tries != b->tries ? a->tries < b->tries : a->load < b->load;
}

/* The member that is to serve, or `count`. */
static size_t choose_ready(const struct spread_member *members, size_t count, size_t start)
{
    size_t best = count;

    for (size_t i = 0; i < count; i++) {
        const size_t at = (start + i) % count;
        const struct spread_member *member = &members[at];

        if (member->ready && !member->out && member->tries < SPREAD_TRIES &&
            (best == count || serves_before(member, &members[best])))
            best = at;
    }
    return best;
}

static size_t choose_due(const struct spread_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (members[i].due && !members[i].ready && !members[i].out && !members[i].busy &&
            members[i].tries == 0)
            return i;
    }
    return count;
}

/* None is ready: the member that is to be brought up, or `count`; `*wait`: another thread does. */
static size_t choose_down(const struct spread_member *members, size_t count, bool *wait)
{
    size_t best = count;

    *wait = false;
    for (size_t i = 0; i < count; i++) {
        const struct spread_member *member = &members[i];

        if (member->ready || member->out || member->tries >= SPREAD_TRIES)
            continue;
        if (member->busy)
            *wait = true;
        else if (best == count || member->rest < members[best].rest)
            best = i;
    }
    return best;
}

enum spread_act spread_choose(const struct spread_member *members, size_t count, size_t start,
                              bool may_revive, size_t *which)
{
    bool wait;

    *which = may_revive ? choose_due(members, count) : count;
    if (*which < count)
        return SPREAD_REVIVE;
    *which = choose_ready(members, count, start);
    if (*which < count)
        return SPREAD_USE;
    *which = choose_down(members, count, &wait);
    if (*which < count)
        return SPREAD_REVIVE;
    return wait ? SPREAD_WAIT : SPREAD_NONE;
}

bool spread_agrees(const char *identity, const char *other)
{
    return strcmp(identity, other) == 0 && strcmp(identity, "unknown") != 0;
}
