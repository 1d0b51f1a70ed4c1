/*
 * A token: what is known of it, and whether it is connected.  Connecting: connect.h.
 */
#ifndef HSMZKE_PKCS11_TOKEN_H
#define HSMZKE_PKCS11_TOKEN_H

#include "pkcs11/hsm.h"
#include "pkcs11/module.h"
#include "pkcs11/spread.h"
#include "pkcs11/uri.h"

struct session;

/** The mechanisms that run in the HSM. */
enum mechanism {
    MECHANISM_ECB,
    MECHANISM_CBC,
    MECHANISM_CTR,
    MECHANISM_GCM,
    MECHANISM_CFB128, /* from here on: those that native.c deals with */
    MECHANISM_CFB8,
    MECHANISM_CFB1,
    MECHANISM_OFB,
    MECHANISM_KW,
    MECHANISM_KWP,
    MECHANISM_KWP_PAD, /* CKM_AES_KEY_WRAP_PAD, which is RFC 5649 in some modules only */
    MECHANISM_MAC,     /* and those after it, in the order of enum hsm_mac */
    MECHANISMS = MECHANISM_MAC + HSM_MACS,
};

/** What is known of a mechanism that is used natively (native.c); [own_iv] is 1 with an IV that is
 * not the standard's. */
struct native_facts {
    bool asked;        /* the module was asked */
    bool offered[2];   /* [encrypt] */
    bool proven[2][2]; /* [encrypt][own_iv]: it did what ECB does */
    bool never[2];     /* [own_iv]: it did not */
};

/** Guarded by life_lock(), but what is marked "constant" or "connecting" (PHASE_BUSY's thread). */
struct token {
    struct token *next;
    const struct hsm_settings *settings; /* constant */
    char *text;                          /* constant: the URI, canonical; it may hold a PIN */
    P11KitUri *uri;                      /* constant; NULL: any */
    bool configured; /* constant: it is the configuration's `token`, or one of token.1, ... */
    enum phase phase;
    unsigned long generation;    /* of PHASE_UP: life_generation() */
    unsigned long epoch;         /* counts connections; sessions and handles of others are void */
    struct module *module;       /* connecting */
    unsigned long starts;        /* connecting: module->starts then */
    CK_SLOT_ID slot;             /* connecting */
    char label[33];              /* connecting; "" before the first time */
    char serial[17];             /* connecting */
    CK_SESSION_HANDLE anchor;    /* connecting: it keeps the login while no other session is open */
    bool needs_login;            /* connecting */
    bool pin_refused;            /* connecting: never try a PIN again */
    CK_FLAGS session_flags;      /* learnt: what its sessions are opened with */
    bool buffers[MECHANISMS][2]; /* learnt: no running operations, [mechanism][encrypt] */
    bool quick;       /* learnt: a call costs next to nothing, so pieces may be small (counter.c) */
    bool streams_not; /* learnt: an update of GCM does not give out what went in */
    bool templates_unfit; /* learnt: CKA_UNWRAP_TEMPLATE and its like break the connection */
    struct native_facts natives[MECHANISMS]; /* learnt */
    unsigned int held;                       /* sessions that GCM streams and large MACs hold */
    struct session *sessions;                /* settings->sessions of them */
    unsigned int limit;                      /* how many of them the token lets us open */
    unsigned long pool_generation;           /* in which process `sessions` were opened */
    struct rest rest;                 /* of a group: since it could not be connected (group.c) */
    unsigned int load;                /* of a group: requests that it serves */
    bool reviving;                    /* of a group: a thread brings it up */
    unsigned long revived_generation; /* in which process */
};

/**
 * Makes a token for the URI `text` (NULL: the only token there is); looks for nothing yet.
 * @return NULL, with the reason in `why`
 */
struct token *token_new(const struct hsm_settings *settings, const char *text, bool configured,
                        struct failure *why);

/**
 * The token that the configuration of `hsm` means, made at its first use, of a group the first;
 * looks for nothing.  This and the next ones: tokens.c.
 * @return NULL, with the reason in `why`
 */
struct token *token_configured(struct hsm *hsm, struct failure *why);

/** All tokens that it means. @return how many; 0: none, with the reason in `why` */
size_t tokens_configured(struct hsm *hsm, struct token *tokens[HSM_TOKENS_MOST],
                         struct failure *why);

/** Whether they are an HA group: token.1, ... and not `token`. */
bool hsm_is_group(const struct hsm *hsm);

/**
 * The token that a URI of the user's means: it may leave the token to `token`, and may have a PIN
 * source of its own; looks for nothing.
 * @return NULL, with the reason in `why`
 */
struct token *token_of_uri(struct hsm *hsm, P11KitUri *uri, struct failure *why);

/** Whether it is up, in this process.  With the lock held. */
bool token_is_up(const struct token *token);

/** Records that the connection `epoch` is lost; the next token_connect() makes another.  With the
 * lock.
 */
void token_lost(struct token *token, unsigned long epoch);

#endif
