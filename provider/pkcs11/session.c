/* The pool of a token's sessions: see session.h. */
#include "pkcs11/session.h"

#include <string.h>

#include "secret.h"

enum {
    HALF_MOST = 64 * 1024, /* what one call takes through scratch memory, if it can be locked */
    HALF_LEAST = 4 * 1024,
};

static uint64_t uses; /* a clock for least recent use; guarded by life_lock() */

/* How well an idle session serves; the higher the better. */
enum fitness {
    UNFIT,
    FIT_BUSY_WITH_OTHER, /* its operation must be ended first */
    FIT_NEW,             /* a session to be opened */
    FIT_FREE,            /* no operation */
    FIT_EXPIRED,         /* the same operation, to be begun anew */
    FIT_RUNNING,
    FIT_CHAINED, /* even the chain value is the right one */
};

static bool same_operation(const struct session *session, const struct operation *wanted)
{
    return wanted != NULL && session->operation.key == wanted->key &&
           session->operation.mechanism == wanted->mechanism &&
           session->operation.encrypt == wanted->encrypt;
}

static enum fitness fitness(const struct token *token, const struct session *session,
                            const struct operation *wanted, const unsigned char *chain,
                            bool may_open)
{
    if (session->busy)
        return UNFIT;
    if (!session->open || session->epoch != token->epoch)
        return may_open ? FIT_NEW : UNFIT;
    if (!session->running)
        return FIT_FREE;
    if (!same_operation(session, wanted))
        return FIT_BUSY_WITH_OTHER;
    if (life_now() - session->started >= (time_t)token->settings->reuse)
        return FIT_EXPIRED;
    if (chain == NULL || memcmp(session->chain, chain, HSM_BLOCK) == 0)
        return FIT_CHAINED;
    return FIT_RUNNING;
}

/*
 * The best of all; of equals, the one used least recently.  With the lock held.
 * @return its fitness, UNFIT if there is none
 */
static enum fitness choose(struct token *token, const struct operation *wanted,
                           const unsigned char *chain, struct session **chosen)
{
    struct session *best = NULL;
    enum fitness best_fitness = UNFIT;
    unsigned int open = 0;

    for (unsigned int i = 0; i < token->settings->sessions; i++)
        open += token->sessions[i].open && token->sessions[i].epoch == token->epoch;
    for (unsigned int i = 0; i < token->settings->sessions; i++) {
        struct session *session = &token->sessions[i];
        const enum fitness its = fitness(token, session, wanted, chain, open < token->limit);

        if (its == FIT_CHAINED) {
            *chosen = session;
            return its;
        }
        if (its > best_fitness ||
            (its == best_fitness && its != UNFIT && session->used < best->used)) {
            best = session;
            best_fitness = its;
        }
    }
    *chosen = best;
    return best_fitness;
}

static bool get_scratch(struct session *session, struct failure *why)
{
    for (size_t half = HALF_MOST; session->scratch == NULL; half /= 2) {
        if (half < HALF_LEAST)
            return false; /* `why` is secret_alloc()'s */
        session->scratch = secret_alloc(2 * half, why);
        session->half = half;
    }
    return true;
}

CK_RV session_open(const CK_FUNCTION_LIST *f, CK_SLOT_ID slot, CK_FLAGS flags,
                   CK_SESSION_HANDLE *handle)
{
    CK_RV rv;

    *handle = CK_INVALID_HANDLE;
    rv = CALL(f, C_OpenSession(slot, flags, NULL, NULL, handle));
    return rv == CKR_OK && *handle == CK_INVALID_HANDLE ? CKR_SESSION_HANDLE_INVALID : rv;
}

CK_RV session_open_anchor(struct token *token)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_RV rv;

    token->session_flags = CKF_SERIAL_SESSION;
    rv = session_open(f, token->slot, token->session_flags, &token->anchor);
    if (rv != CKR_FUNCTION_FAILED && rv != CKR_FUNCTION_NOT_SUPPORTED)
        return rv;
    token->session_flags |= CKF_RW_SESSION;
    if (session_open(f, token->slot, token->session_flags, &token->anchor) == CKR_OK)
        return CKR_OK;
    token->session_flags = CKF_SERIAL_SESSION;
    return rv;
}

enum opened {
    OPENED,
    OPEN_LATER, /* the token has no more; others are open, one of them will come back */
    OPEN_FAILED,
};

/* Opens the session that was chosen and is marked busy.  Without the lock. */
static enum opened open_session(struct token *token, struct session *session, struct failure *why)
{
    unsigned int others = 0;
    CK_RV rv;

    if (!get_scratch(session, why))
        return OPEN_FAILED;
    rv = session_open(token->module->f, session->slot, token->session_flags, &session->handle);
    if (rv == CKR_OK)
        return OPENED;
    ckr_failure(why, FAILURE_SESSIONS, rv, "token '%s': a session cannot be opened", token->label);
    life_lock();
    for (unsigned int i = 0; i < token->settings->sessions; i++)
        others += token->sessions[i].open && token->sessions[i].epoch == token->epoch;
    if (rv == CKR_SESSION_COUNT && others > 0)
        token->limit = others;
    else if (ckr_connection_lost(rv))
        token_lost(token, session->epoch);
    life_unlock();
    return rv == CKR_SESSION_COUNT && others > 0 ? OPEN_LATER : OPEN_FAILED;
}

static struct timespec deadline_in(unsigned int milliseconds)
{
    struct timespec deadline;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += (time_t)(milliseconds / 1000);
    deadline.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_nsec -= 1000000000;
        deadline.tv_sec++;
    }
    return deadline;
}

/* Marks what was chosen as its borrower's.  With the lock held. */
static void take(struct token *token, struct session *session, enum fitness fitness)
{
    token->module->users++;
    session->busy = true;
    session->ready = fitness == FIT_RUNNING || fitness == FIT_CHAINED;
    session->open = session->open && session->epoch == token->epoch;
    session->running = session->running && session->open;
    session->epoch = token->epoch;
    session->slot = token->slot;
}

/* Waits until there is a session to choose. */
static struct session *wait_and_choose(struct token *token, const struct operation *wanted,
                                       const unsigned char *chain, struct failure *why)
{
    struct timespec deadline = { 0 };
    struct session *session = NULL;
    enum fitness fitness = UNFIT;
    bool up, in_time = true;

    life_lock();
    while ((up = token_is_up(token)) &&
           (fitness = choose(token, wanted, chain, &session)) == UNFIT && in_time) {
        if (deadline.tv_sec == 0) /* the first time round */
            deadline = deadline_in(token->settings->wait);
        in_time = life_wait(&deadline);
    }
    if (session != NULL)
        take(token, session, fitness);
    life_unlock();
    if (!up)
        failure_set(why, FAILURE_SESSIONS, "token '%s': the connection was lost", token->label);
    else if (session == NULL)
        failure_set(why, FAILURE_SESSIONS,
                    "token '%s': all %u sessions were busy for %u ms; raise `sessions` or "
                    "`session-wait`",
                    token->label, token->settings->sessions, token->settings->wait);
    return session;
}

struct session *session_borrow(struct token *token, const struct operation *wanted,
                               const unsigned char *chain, struct failure *why)
{
    struct session *session;
    enum opened opened;

    do {
        session = wait_and_choose(token, wanted, chain, why);
        if (session == NULL || session->open)
            return session;
        opened = open_session(token, session, why);
        life_lock();
        session->open = opened == OPENED;
        session->busy = opened == OPENED;
        if (opened != OPENED)
            token->module->users--;
        life_wake();
        life_unlock();
    } while (opened == OPEN_LATER);
    return opened == OPENED ? session : NULL;
}

CK_RV session_missing(const struct token *token, const struct failure *why)
{
    bool lost;

    life_lock();
    lost = !token_is_up(token);
    life_unlock();
    return lost && why->reason == FAILURE_SESSIONS ? CKR_SESSION_CLOSED : CKR_HSMZKE_TOLD;
}

void session_return(struct token *token, struct session *session, bool good)
{
    CK_SESSION_HANDLE handle = session->handle;
    bool close;

    life_lock();
    /* A session of a lost connection is forgotten: its handle may be another session's by now. */
    close = !good && token_is_up(token) && session->epoch == token->epoch;
    if (!good) {
        session->open = false;
        session->running = false;
    }
    session->used = ++uses;
    session->busy = false;
    if (!close)
        token->module->users--;
    life_wake();
    life_unlock();
    if (!close)
        return;
    (void)CALL(token->module->f, C_CloseSession(handle));
    module_leave(token->module);
}

bool session_keep(struct token *token, struct failure *why)
{
    bool may;

    life_lock();
    may = token->held < (token->limit + 1) / 2;
    if (may) {
        token->held++;
        token->module->users--;
        life_wake();
    }
    life_unlock();
    return may || failure_set(why, FAILURE_SESSIONS,
                              "token '%s': %u sessions are kept for large messages, and no more "
                              "may be; raise `sessions`",
                              token->label, (token->limit + 1) / 2);
}

bool session_resume(struct token *token, struct session *session, unsigned long generation)
{
    bool still;

    life_lock();
    /* Another process's session is not even looked at: its place may be another's by now. */
    still = generation == life_generation() && token_is_up(token) && session->epoch == token->epoch;
    token->module->users += still;
    life_unlock();
    return still;
}

void session_pause(struct token *token)
{
    module_leave(token->module);
}

void session_drop(struct token *token, struct session *session, unsigned long generation, bool good)
{
    bool ours;

    life_lock();
    ours = generation == life_generation();
    if (ours) {
        token->held -= token->held > 0; /* a forked child counts anew once it connects */
        token->module->users++;         /* session_return() takes it back */
    }
    life_unlock();
    if (ours)
        session_return(token, session, good);
}

/* In a forked child: what it has is a copy of its parent's, and the memory's lock was not copied.
 */
static void forget_process(struct token *token)
{
    for (unsigned int i = 0; i < token->settings->sessions; i++) {
        struct session *session = &token->sessions[i];

        if (session->scratch != NULL)
            secret_free(session->scratch, 2 * session->half);
        *session = (struct session){ 0 };
    }
    token->anchor = CK_INVALID_HANDLE;
    token->held = 0;
}

/* After the module was started anew: the handles are void, or other sessions' by now. */
static void forget_handles(struct token *token)
{
    for (unsigned int i = 0; i < token->settings->sessions; i++)
        token->sessions[i].open = token->sessions[i].running = false;
    token->anchor = CK_INVALID_HANDLE;
}

static void close_idle(struct token *token)
{
    for (unsigned int i = 0; i < token->settings->sessions; i++) {
        struct session *session = &token->sessions[i];

        if (!session->open || session->busy)
            continue;
        session->open = false;
        session->running = false;
        session->busy = true; /* nobody opens it anew meanwhile */
        life_unlock();
        (void)CALL(token->module->f, C_CloseSession(session->handle));
        life_lock();
        session->busy = false;
    }
}

void sessions_close_idle(struct token *token, unsigned long starts)
{
    life_lock();
    if (token->pool_generation != life_generation())
        forget_process(token);
    else if (token->starts != starts)
        forget_handles(token);
    token->pool_generation = life_generation();
    token->limit = token->settings->sessions;
    close_idle(token);
    life_wake();
    life_unlock();
    if (token->anchor != CK_INVALID_HANDLE)
        (void)CALL(token->module->f, C_CloseSession(token->anchor));
    token->anchor = CK_INVALID_HANDLE;
}
