/* A request for AES in the HSM, with recovery: see request.h. */
#include "pkcs11/request.h"

#include "pkcs11/group.h"
#include "pkcs11/report.h"

/*
 * A key gets a running operation at its second message: a switch costs three calls (end, begin,
 * update) against the two of a single message.
 */
static bool wants_running(const struct request *request, const struct key_facts *facts)
{
    struct hsm_key *key = request->member;
    const struct operation *operation = &request->operation;
    const struct token *token = key->token;
    bool running;

    life_lock();
    running = !request->at_once && !facts->always_authenticate && token->settings->reuse > 0 &&
              !token->buffers[operation->mechanism][operation->encrypt] &&
              key->used[operation->mechanism][operation->encrypt];
    key->used[operation->mechanism][operation->encrypt] = true;
    life_unlock();
    return running;
}

/*
 * Borrows a session of the connection in which the key was found; if an operation must be begun
 * there, the key is a fresh one.
 */
static struct session *borrow(struct request *request, struct key_facts *facts, struct failure *why)
{
    struct hsm_key *key = request->member;
    struct token *token = key->token;
    bool fresh = false;

    for (;;) {
        struct session *session;
        bool begin;

        if (!key_ready(key, fresh, facts, why))
            return NULL;
        session = session_borrow(token, &request->operation, request->chain, why);
        if (session == NULL)
            return NULL;
        begin = !session->ready;
        if (session->epoch == facts->epoch && (!begin || fresh || key_is_fresh(key, facts)))
            return session;
        fresh = fresh || begin;
        session_return(token, session, true);
    }
}

/* What an error teaches for the next try. */
static void learn(struct request *request, const struct key_facts *facts, CK_RV rv, bool running)
{
    struct token *token = request->member->token;

    if (ckr_key_gone(rv))
        key_stale(request->member, facts);
    life_lock();
    if (rv == CKR_HSMZKE_BUFFERED && running)
        token->buffers[request->operation.mechanism][request->operation.encrypt] = true;
    if (ckr_connection_lost(rv))
        token_lost(token, facts->epoch);
    life_unlock();
}

static CK_RV attempt(struct request *request, struct failure *why)
{
    struct token *token = request->member->token;
    struct key_facts facts;
    struct session *session = borrow(request, &facts, why);
    bool running;
    CK_RV rv = CKR_OK;

    if (session == NULL)
        return session_missing(token, why);
    running = session->ready || wants_running(request, &facts);
    if (running && !session->ready)
        rv = operation_begin(session, token, &facts, &request->operation, request->chain);
    while (rv == CKR_OK && request->left > 0)
        rv = request->piece(request, session, &facts, running, why);
    if (rv == CKR_OK && request->keep) {
        request->kept = session;
        return rv;
    }
    session_return(token, session, rv == CKR_OK);
    if (rv == CKR_OK)
        return rv;
    learn(request, &facts, rv, running);
    ckr_failure(why, FAILURE_OPERATION, rv, "token '%s': key '%s': %s with %s in the HSM",
                token->label, request->member->shown, operation_name(&request->operation),
                mechanism_name(request->operation.mechanism));
    return rv;
}

/* With one member: tries until it is done, or no more. */
static CK_RV run_member(struct request *request, unsigned int *tries, struct failure *why)
{
    bool again = true;
    CK_RV rv = CKR_OK;

    while (request->left > 0) {
        const size_t before = request->left;

        ++*tries;
        rv = attempt(request, why);
        if (rv == CKR_OK || ckr_refusal(rv))
            break;
        /* A member of a group that is lost: another one is there sooner. */
        if (request->member->in_group && ckr_connection_lost(rv))
            break;
        /* Once more, on a fresh session; after each piece that went well, once more again. */
        again = again || request->left != before;
        if (!again)
            break;
        again = false;
    }
    return rv;
}

/* With one member after the other, until it is done or none is left; `member` is the last one. */
static CK_RV run(struct request *request, unsigned int *tries, struct failure *why)
{
    struct group_walk walk = group_walk(request->key, true);
    struct hsm_key *member = group_next(&walk, why);
    CK_RV rv = CKR_HSMZKE_TOLD;

    while (member != NULL) {
        const size_t before = request->left;
        bool more;

        request->member = member;
        request->operation.key = member->number;
        if (request->prepare != NULL)
            request->prepare(request);
        rv = run_member(request, tries, why);
        if (rv != CKR_OK && request->learn != NULL)
            request->learn(request, rv);
        more = group_served(&walk, rv);
        if (request->left != before)
            group_progress(&walk);
        member = more ? group_next(&walk, why) : NULL;
    }
    return rv;
}

CK_RV request_run(struct request *request, struct failure *why)
{
    struct performance performance = {
        .part = request->keep ? "begin" : NULL,
        .bytes = request->bytes,
        .aad = request->aad,
        .begun = report_now(request->key->token),
    };
    const struct operation *operation = &request->operation;
    CK_RV rv;

    request->member = request->key;
    rv = run(request, &performance.tries, why);
    if (performance.tries == 0) { /* there was nothing to do, or nobody who could */
        if (rv != CKR_OK)
            report_refused(request->key, why);
        return rv;
    }
    performance.mechanism = mechanism_name(operation->mechanism);
    performance.direction = operation->mechanism >= MECHANISM_MAC ? "sign"
                            : operation->encrypt                  ? "encrypt"
                                                                  : "decrypt";
    rv = report_performance(request->member->token, request->member, &performance, rv, why);
    if (rv != CKR_OK && request->kept != NULL) {
        session_return(request->member->token, request->kept, false); /* something is open in it */
        request->kept = NULL;
    }
    return rv;
}
