/*
 * The pool of a token's sessions.  A session is borrowed for one request and runs at most one
 * operation, which may go on from request to request ("running operation", operation.h).
 */
#ifndef HSMZKE_PKCS11_SESSION_H
#define HSMZKE_PKCS11_SESSION_H

#include <stdint.h>
#include <time.h>

#include "pkcs11/token.h"

/** Which running operation a request would like to find. */
struct operation {
    uint64_t key; /**< hsm_key's number */
    enum mechanism mechanism;
    bool encrypt;
};

/** Guarded by life_lock() while it is not busy; then it is its borrower's. */
struct session {
    CK_SESSION_HANDLE handle;
    bool open;
    bool busy;
    unsigned long epoch; /* of the token when it was opened */
    CK_SLOT_ID slot;     /* of the token then */
    bool running;        /* an operation was begun and not ended */
    bool ready;          /* it is the one that was wanted when the session was borrowed */
    struct operation operation;
    time_t started;                 /* of the running operation */
    unsigned char chain[HSM_BLOCK]; /* CBC: the last ciphertext block of the running operation */
    uint64_t used;                  /* when it was given back, for least recent use */
    unsigned char *scratch;         /* two halves of memory for secrets; kept over open and close */
    size_t half;                    /* size of each, a multiple of HSM_BLOCK; 0: none yet */
};

/**
 * C_OpenSession; a module that says CKR_OK and gives no handle has opened none: what lay in
 * `*handle` before may be another session's by now.
 */
CK_RV session_open(const CK_FUNCTION_LIST *f, CK_SLOT_ID slot, CK_FLAGS flags,
                   CK_SESSION_HANDLE *handle);

/**
 * Opens token->anchor: a session that may only read, or, where the module opens none such
 * (CKR_FUNCTION_FAILED), one that may write.  The pool's sessions are of the same kind from then
 * on.
 */
CK_RV session_open_anchor(struct token *token);

/**
 * Borrows a session of `token`: one that runs `wanted` (NULL: any), if there is one
 * and with `chain` (NULL: any) if there is; else one without operation; else a new one; else the
 * one that was used least recently.  Waits settings->wait milliseconds for one.
 * @return NULL, with the reason in `why`
 */
struct session *session_borrow(struct token *token, const struct operation *wanted,
                               const unsigned char *chain, struct failure *why);

/**
 * What to make of it that session_borrow() gave none.
 * @return CKR_SESSION_CLOSED if the connection turned out to be lost just now, so that another try
 * may go well; else CKR_HSMZKE_TOLD
 */
CK_RV session_missing(const struct token *token, const struct failure *why);

/** Gives `session` back.  After any error (`good` false) it is closed. */
void session_return(struct token *token, struct session *session, bool good);

/**
 * Keeps a borrowed session from call to call, for an operation whose state is in it alone.  It does
 * not hinder the module from being started anew, which is the end of the operation.  At most half
 * of the sessions are kept, so that the rest of the program goes on.
 * @return false if that many are; then the session is still to be returned
 */
bool session_keep(struct token *token, struct failure *why);

/**
 * Goes on with a session that was kept in process `generation`, until session_pause().
 * @return false if its connection is lost or another process's: only session_drop() is left
 */
bool session_resume(struct token *token, struct session *session, unsigned long generation);
void session_pause(struct token *token);

/** Gives back a session that was kept and is not in use. */
void session_drop(struct token *token, struct session *session, unsigned long generation,
                  bool good);

/**
 * Closes the sessions that nobody has borrowed, and the anchor; for the thread that connects. Those
 * of another process or of another start of the module (`starts`: the one of now) are forgotten.
 */
void sessions_close_idle(struct token *token, unsigned long starts);

#endif
