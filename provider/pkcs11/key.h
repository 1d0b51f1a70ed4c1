/*
 * A key in the HSM: its handle, what it may do, and its identity.  Found by label, id or URI, and
 * found again after the connection was lost, in a forked child, and before an operation is begun
 * anew.
 */
#ifndef HSMZKE_PKCS11_KEY_H
#define HSMZKE_PKCS11_KEY_H

#include "pkcs11/session.h"

/** How the key is looked for. */
struct key_template {
    CK_BYTE *label; /* NULL: any */
    CK_ULONG label_size;
    CK_BYTE *id; /* NULL: any */
    CK_ULONG id_size;
};

/** How an identity is computed by encryption, in the order in which it is tried. */
enum identity_way {
    IDENTITY_BY_ECB,
    IDENTITY_BY_CBC,
    IDENTITY_BY_CTR,
    IDENTITY_BY_GCM,
};

/** What was found out about a key; a value, copied under life_lock(). */
struct key_facts {
    CK_OBJECT_HANDLE handle;
    unsigned long epoch; /* of the token when it was found; 0: never */
    time_t found;        /* when it was found last */
    enum hsm_family family;
    CK_ULONG size; /* CKA_VALUE_LEN; CK_UNAVAILABLE_INFORMATION: not told */
    bool may_encrypt, may_decrypt, may_sign;
    bool always_authenticate;
    enum identity_kind {
        IDENTITY_UNKNOWN,
        IDENTITY_AES,  /* by encryption */
        IDENTITY_CMAC, /* by CMAC: the key may sign only */
    } identity_kind;
    unsigned char identity[HSM_IDENTITY_SIZE];
    enum identity_way identity_way; /* by which it was computed; the first that is tried again */
};

/** What a key is called on its token. */
struct key_names {
    char label[256];           /* CKA_LABEL as text, "" if it has none */
    char id[26];               /* its id reference without the prefix, or "" */
    unsigned char raw_id[255]; /* CKA_ID */
    size_t raw_id_size;        /* of it, in bytes; 0: it has none */
    bool id_untold;            /* the module failed when it was asked for CKA_ID */
};

/** What a key is to its HA group. */
enum member {
    MEMBER_UNSEEN, /* its token was not reached, or has not the key */
    MEMBER_FOUND,  /* it is the group's key; to be judged before it is used */
    MEMBER_USABLE,
    MEMBER_OUT, /* it is another key, or refused: never to be used */
};

struct group;

/** Guarded by life_lock(), but what is marked constant. */
struct hsm_key {
    unsigned int references;
    struct group *group; /* constant: the members that it stands for (group.h); NULL: none */
    bool in_group;       /* constant: it is a member itself */
    enum member member;
    struct rest rest;             /* of a member: since its token did not have it */
    bool told;                    /* of a member: the audit log knows that it is missing */
    uint64_t number;              /* constant: unique in this process */
    struct token *token;          /* constant */
    struct key_template template; /* constant */
    enum hsm_family family;       /* constant once it was found: HSM_ANY may be before */
    char *shown;                  /* constant: its name in messages */
    struct key_names names;       /* constant once it was found */
    struct key_facts facts;
    bool stale;                    /* the handle was refused: look again */
    bool replaced;                 /* another key stands where this one was: never use it again */
    bool busy;                     /* a thread looks for it */
    unsigned long busy_generation; /* in which process */
    unsigned long accepted;        /* by hsm_key_accept(), in this epoch; 0: never */
    bool without_ecb;              /* learnt: ECB is refused, CTR takes its place */
    bool refuses[MECHANISMS];      /* learnt: it does not take this one (native.c) */
    bool proven[MECHANISMS][2];    /* learnt without ECB, [mechanism][encrypt] (native.c) */
    bool used[MECHANISMS][2];      /* had a first message, [mechanism][encrypt] */
};

/**
 * Makes sure that token and key are there: connects (not for a member of a group), finds the key
 * again after the connection was lost and, with `fresh`, if it was not confirmed within the time
 * that operations are re-used.
 * @return false, with the reason in `why`; else the facts of now are in `facts`
 */
bool key_ready(struct hsm_key *key, bool fresh, struct key_facts *facts, struct failure *why);

/**
 * The same for a member of a group, whose token is connected by this function only.
 * @return false, with the reason in `why`
 */
bool key_revive(struct hsm_key *key, struct failure *why);

/**
 * Borrows a session of the connection in which the key was found, for anything but an operation.
 * @return NULL, with the reason in `why`; else to be given to session_return()
 */
struct session *key_session(struct hsm_key *key, struct key_facts *facts, struct failure *why);

/** Records that the handle in `facts` was refused, so that the next key_ready() looks again. */
void key_stale(struct hsm_key *key, const struct key_facts *facts);

/** Reads what an object is called on its token, in a session without a running search. */
void key_read_names(const struct token *token, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                    struct key_names *names);

/**
 * A key of `family` on `token` (NULL: to be set), called `shown` in messages.  Asks the HSM
 * nothing: key_ready() does.
 * @return NULL when out of memory; else to be given to hsm_key_free()
 */
struct hsm_key *key_new(struct token *token, enum hsm_family family, const char *shown,
                        struct failure *why);

/**
 * Sets the token of a new key that says what to look for: the one that `uri` (NULL: none) means,
 * or all of an HA group.  @return false, with the reason in `why`
 */
bool key_choose_token(struct hsm_key *key, struct hsm *hsm, P11KitUri *uri, struct failure *why);

/** What a new key is looked for by: `label` and `id` (NULL: any), copied. */
bool key_look_for(struct hsm_key *key, const void *label, size_t label_size, const void *id,
                  size_t id_size, struct failure *why);

/**
 * Parses a URI of a key, called `what` in messages.  @return NULL, with the reason in `why`, also
 * if it is about another class of objects; else to be given to p11_kit_uri_free()
 */
P11KitUri *key_uri(const char *text, const char *what, struct failure *why);

/** The same as key_look_for(), by what `uri` says of the object. */
bool key_look_for_uri(struct hsm_key *key, P11KitUri *uri, struct failure *why);

/** Whether keys of CKA_KEY_TYPE `type` are of `family`. */
bool key_belongs(enum hsm_family family, CK_ULONG type);

/** Whether `facts` were confirmed not longer ago than an operation may be re-used. */
bool key_is_fresh(const struct hsm_key *key, const struct key_facts *facts);

/**
 * Computes the identity value in a borrowed session; unknown where the key allows no mechanism.
 * @return CKR_OK, also then; else an error of the connection
 */
CK_RV key_identify(const struct hsm_key *key, struct session *session, struct key_facts *facts);

#endif
