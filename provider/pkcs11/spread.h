/*
 * Which token of an HA group serves a request, and how long one that failed is left alone.  Pure:
 * group.c looks, and does what is chosen here.
 */
#ifndef HSMZKE_PKCS11_SPREAD_H
#define HSMZKE_PKCS11_SPREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPREAD_TRIES = 2, /**< how often a request tries a member, at most */
};

/** Since when something that failed is left alone, and until when; in milliseconds of one clock. */
struct rest {
    uint64_t until;
    unsigned int length; /**< 0: it did not fail, or came back since */
};

/** It failed: left alone for a second, and twice as long each time, up to 30.  Several requests
 * that fail in one rest count once. */
void rest_begin(struct rest *rest, uint64_t now);

/** It serves again. */
void rest_end(struct rest *rest);

/** Whether it may be tried. */
bool rest_is_over(const struct rest *rest, uint64_t now);

/** A member of a group, as a request sees it. */
struct spread_member {
    bool out;           /**< not for this request, whatever happens */
    bool ready;         /**< it serves, as far as is known */
    bool due;           /**< it does not, and has rested long enough */
    bool busy;          /**< another thread brings it up just now */
    unsigned int tries; /**< of this request */
    unsigned int load;  /**< requests that its token serves now */
    unsigned int rest;  /**< its rest's length */
};

enum spread_act {
    SPREAD_USE,    /**< that member is to serve */
    SPREAD_REVIVE, /**< that member is to be brought up, then this is asked again */
    SPREAD_WAIT,   /**< for the other threads that bring the last ones up */
    SPREAD_NONE,   /**< there is none left */
};

/**
 * What a request does next: one that is due is brought up (`may_revive`: this request has not done
 * that yet); else the least tried and least busy of those that are ready serves, of equals the one
 * at `start` or after it; with none ready those that rest are brought up, the most recent failure
 * first.  `*which`: that member, for the first two.
 */
enum spread_act spread_choose(const struct spread_member *members, size_t count, size_t start,
                              bool may_revive, size_t *which);

/** Whether two identities, as text, are those of one key: "unknown" is nobody's. */
bool spread_agrees(const char *identity, const char *other);

#endif
