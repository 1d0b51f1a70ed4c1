/*
 * A key of an HA group: the same key on several tokens.  The rest of the provider holds one
 * hsm_key, which has a member for each token; a request walks over the members until one has served
 * it.  A key of a single token is its own and only member.
 */
#ifndef HSMZKE_PKCS11_GROUP_H
#define HSMZKE_PKCS11_GROUP_H

#include "pkcs11/key.h"

/** Guarded by life_lock(), but what is marked constant. */
struct group {
    size_t count;                             /* constant */
    struct hsm_key *members[HSM_TOKENS_MOST]; /* constant; owned */
    size_t start;                             /* where the next choice begins */
};

/**
 * Makes `key`, which says what to look for, one of a group: a member on each of `tokens`.  Asks the
 * HSM nothing.  @return false when out of memory
 */
bool group_make(struct hsm_key *key, struct token *const tokens[], size_t count,
                struct failure *why);

/**
 * Looks for a group's key on all of its tokens, and takes over from them what is known of it.
 * @return false, with the reason in `why`, if none has it, or if two have different keys
 */
bool group_find(struct hsm_key *key, const struct hsm_query *query, struct failure *why);

/**
 * Connects to a member's token and finds its key, as the only thread that does on that token; or
 * tells the audit log, once in a row, that this failed, and leaves it alone for a while.
 * @return false, with the reason in `why`
 */
bool group_bring_up(struct hsm_key *member, struct failure *why);

/** A member is not to be used, for the reason in `why`; the audit log is told. */
void group_leave_out(struct hsm_key *member, const struct failure *why);

/** Whether two members are not known to be one key: then `why` has the words. */
bool group_differ(const struct hsm_key *key, const struct hsm_key *other, struct failure *why);

/** A token that was asked for something without a key failed: left alone, if it is down. */
void group_token_failed(struct token *token);

/** The clock that rests are measured by. */
uint64_t group_now(void);

/** Frees a group and its members. */
void group_free(struct group *group);

/** A request's way over the members. */
struct group_walk {
    struct hsm_key *key;
    bool to_use;          /* only members that `key-policy` has accepted */
    bool begun;           /* one was handed out */
    bool told;            /* `why` has words */
    unsigned int revived; /* how many were brought up, or tried to be, on the way */
    size_t at;            /* which was handed out last */
    unsigned int tries[HSM_TOKENS_MOST];
};

/** A walk over the members of `key`, to use it or (`to_use` false) to ask something of it. */
struct group_walk group_walk(struct hsm_key *key, bool to_use);

/**
 * The member that is to serve next; group_served() is due.  May connect to a token that has rested.
 * @return NULL, with the reason in `why`, unless `key` is of a single token: there is none left
 */
struct hsm_key *group_next(struct group_walk *walk, struct failure *why);

/**
 * How it went: `rv`, with the reason in `why` if that is an error.
 * @return whether another member may do better
 */
bool group_served(struct group_walk *walk, CK_RV rv);

/** A session that a member kept for a stream answered `rv`: of a group, others are chosen then. */
void group_stream_failed(struct hsm_key *member, const struct session *session, CK_RV rv);

/** The request came forward: each member may be tried as often as before. */
void group_progress(struct group_walk *walk);

/**
 * A member for what is asked outside of a request, or (`to_use`) for one of its own; `key` itself
 * if it is of a single token.  @return NULL, with the reason in `why`: none is there
 */
struct hsm_key *group_any(struct hsm_key *key, bool to_use, struct failure *why);

#endif
