/*
 * Random bytes from a token: hsm_random() and hsm_key_random() of hsm.h.
 *
 * By C_GenerateRandom in a session of the pool.  libp11 has PKCS11_generate_random() for it, but is
 * called in a thread of its own here (slots.h), which at each random number costs more than the
 * number; and it holds one lock over all.
 */
#include <string.h>

#include "pkcs11/connect.h"
#include "pkcs11/group.h"
#include "pkcs11/report.h"
#include "pkcs11/session.h"
#include "secret.h"

enum {
    BY_CALL = 64 * 1024,
    TELLING = 16, /* bytes that are not all zero by chance */
};

/* A module that answers CKR_OK and writes nothing is caught; worse ones cannot be. */
static bool was_written(const unsigned char *bytes, size_t size)
{
    unsigned char any = 0;

    for (size_t i = 0; i < size; i++)
        any |= bytes[i];
    return size < TELLING || any != 0;
}

static CK_RV fill(struct token *token, unsigned char *bytes, size_t size, struct failure *why)
{
    /* Whatever runs in it runs on: no operation is needed for this, and none is disturbed. */
    struct session *session = session_borrow(token, NULL, NULL, why);
    const CK_FUNCTION_LIST *f;
    unsigned long epoch;
    CK_RV rv = CKR_OK;

    if (session == NULL)
        return session_missing(token, why);
    f = token->module->f;
    epoch = session->epoch;
    for (size_t done = 0; rv == CKR_OK && done < size; done += BY_CALL) {
        const size_t piece = size - done < BY_CALL ? size - done : BY_CALL;

        memset(bytes + done, 0, piece);
        rv = CALL(f, C_GenerateRandom(session->handle, bytes + done, piece));
        if (rv == CKR_OK && !was_written(bytes + done, piece))
            rv = CKR_RANDOM_NO_RNG;
    }
    session_return(token, session, rv == CKR_OK);
    life_lock();
    if (ckr_connection_lost(rv))
        token_lost(token, epoch);
    life_unlock();
    if (rv != CKR_OK)
        ckr_failure(why, FAILURE_OPERATION, rv, "token '%s': random numbers", token->label);
    return rv;
}

/* `key`: whose message they are for, or NULL. */
static bool from_token(struct token *token, const struct hsm_key *key, unsigned char *bytes,
                       size_t size, struct failure *why)
{
    struct performance performance = {
        .mechanism = "C_GenerateRandom",
        .direction = "generate",
        .bytes = size,
        .begun = report_now(token),
    };
    CK_RV rv = CKR_GENERAL_ERROR;

    /* Twice: a session or a connection may have been lost since the last time. */
    for (; performance.tries < 2 && rv != CKR_OK && !ckr_refusal(rv); performance.tries++)
        rv = token_connect(token, why) ? fill(token, bytes, size, why) : CKR_HSMZKE_TOLD;
    rv = report_performance(token, key, &performance, rv, why);
    if (rv != CKR_OK)
        secret_wipe(bytes, size);
    return rv == CKR_OK;
}

bool hsm_key_random(struct hsm_key *key, unsigned char *bytes, size_t size, struct failure *why)
{
    struct group_walk walk = group_walk(key, true);
    struct hsm_key *member = group_next(&walk, why);
    bool good = false;

    while (member != NULL) {
        good = from_token(member->token, member, bytes, size, why);
        member =
            group_served(&walk, good ? CKR_OK : CKR_HSMZKE_TOLD) ? group_next(&walk, why) : NULL;
    }
    return good;
}

/* How soon a token of a group is asked. */
enum turn {
    TURN_UP,
    TURN_RESTED,
    TURN_RESTS,
    TURNS,
};

static enum turn turn_of(const struct token *token)
{
    enum turn turn = TURN_RESTS;

    life_lock();
    if (token_is_up(token))
        turn = TURN_UP;
    else if (rest_is_over(&token->rest, group_now()))
        turn = TURN_RESTED;
    life_unlock();
    return turn;
}

bool hsm_random(struct hsm *hsm, unsigned char *bytes, size_t size, struct failure *why)
{
    struct token *tokens[HSM_TOKENS_MOST];
    const size_t count = tokens_configured(hsm, tokens, why);
    bool asked[HSM_TOKENS_MOST] = { false };

    if (count == 1)
        return from_token(tokens[0], NULL, bytes, size, why);
    for (enum turn turn = TURN_UP; turn < TURNS; turn++) {
        for (size_t i = 0; i < count; i++) {
            if (asked[i] || turn_of(tokens[i]) > turn)
                continue;
            asked[i] = true;
            if (from_token(tokens[i], NULL, bytes, size, why))
                return true;
            group_token_failed(tokens[i]);
        }
    }
    return false;
}
