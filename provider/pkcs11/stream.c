/*
 * An encryption with AES-256-GCM that goes on in a session of its own: hsm_stream_*() of hsm.h.
 *
 * Its state is in the HSM and cannot be copied out: the caller keeps what it needs to begin again.
 */
#include <stdlib.h>
#include <string.h>

#include "pkcs11/gcm.h"
#include "pkcs11/operation.h"
#include "secret.h"

enum {
    DIRECT_MOST = 1024 * 1024, /* what one call takes from the caller's memory to the caller's */
};

struct hsm_stream {
    struct hsm_key *key;      /* owned */
    struct session *session;  /* borrowed */
    unsigned long generation; /* of the process that began it */
    unsigned long epoch;
};

bool hsm_stream_possible(const struct hsm_key *key)
{
    bool possible;

    life_lock();
    possible = !key->token->streams_not;
    life_unlock();
    return possible;
}

/* Half of the sessions stay free for all else. */
static bool hold(struct token *token, struct failure *why)
{
    bool free_one;

    life_lock();
    free_one = token->held < token->settings->sessions / 2;
    token->held += free_one;
    life_unlock();
    return free_one || failure_set(why, FAILURE_SESSIONS,
                                   "token '%s': half of its sessions hold large messages; raise "
                                   "`sessions`",
                                   token->label);
}

/* A forked child counts its own only, and anew once it connects. */
static void let_go(struct token *token, unsigned long generation)
{
    life_lock();
    if (generation == life_generation() && token->held > 0)
        token->held--;
    life_unlock();
}

static bool failed(const struct hsm_stream *stream, CK_RV rv, struct failure *why)
{
    return ckr_failure(why, FAILURE_OPERATION, rv,
                       "token '%s': key '%s': encryption with CKM_AES_GCM in the HSM",
                       stream->key->token->label, stream->key->shown);
}

/* Init in the stream's session. */
static bool begin(struct hsm_stream *stream, const struct hsm_gcm *data, struct failure *why)
{
    struct hsm_key *key = stream->key;
    struct gcm_mechanism mechanism;
    struct key_facts facts;
    CK_RV rv;

    if (!key_ready(key, true, &facts, why))
        return false;
    stream->session = session_borrow(key->token, NULL, NULL, why);
    if (stream->session == NULL)
        return false;
    stream->epoch = stream->session->epoch;
    gcm_mechanism(&mechanism, data, HSM_BLOCK);
    rv = facts.epoch != stream->epoch
             ? CKR_SESSION_CLOSED
             : operation_init(stream->session, key->token, &facts, true, &mechanism.mechanism, why);
    if (rv == CKR_OK && !gcm_iv_kept(&mechanism, data))
        rv = CKR_HSMZKE_IV;
    return rv == CKR_OK || failed(stream, rv, why);
}

struct hsm_stream *hsm_stream_begin(struct hsm_key *key, const struct hsm_gcm *data,
                                    struct failure *why)
{
    struct hsm_stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL) {
        failure_memory(why);
        return NULL;
    }
    if (!hold(key->token, why)) {
        free(stream);
        return NULL;
    }
    stream->key = hsm_key_ref(key);
    stream->generation = life_generation();
    if (begin(stream, data, why))
        return stream;
    hsm_stream_drop(stream);
    return NULL;
}

/* In a forked child the session is the parent's. */
static bool is_ours(const struct hsm_stream *stream, struct failure *why)
{
    return stream->generation == life_generation() || failed(stream, CKR_SESSION_CLOSED, why);
}

static CK_RV update_piece(struct hsm_stream *stream, const unsigned char *in, unsigned char *out,
                          size_t size)
{
    const struct session *session = stream->session;
    struct token *token = stream->key->token;
    CK_BYTE *data = (CK_BYTE *)(uintptr_t)in; /* Cryptoki's type lacks the const that it means */
    CK_ULONG given = size;
    CK_RV rv;

    rv = CALL(token->module->f, C_EncryptUpdate(session->handle, data, size, out, &given));
    if (rv == CKR_OK && given == size)
        return rv;
    if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL && rv != CKR_FUNCTION_NOT_SUPPORTED &&
        rv != CKR_OPERATION_NOT_INITIALIZED)
        return rv;
    life_lock();
    token->streams_not = true;
    life_unlock();
    return CKR_HSMZKE_BUFFERED;
}

/*
 * Straight into the caller's memory; or, where that is the input as well, which a new try needs,
 * through memory of its own until all has gone well.  It is ciphertext, and no secret.
 */
bool hsm_stream_update(struct hsm_stream *stream, const unsigned char *in, unsigned char *out,
                       size_t size, struct failure *why)
{
    const uintptr_t from = (uintptr_t)in, to = (uintptr_t)out;
    const bool overlap = from < to + size && to < from + size;
    unsigned char *target = overlap ? malloc(size) : out;
    CK_RV rv = CKR_OK;

    if (target == NULL)
        return failure_memory(why);
    if (!is_ours(stream, why))
        rv = CKR_HSMZKE_TOLD;
    for (size_t done = 0, piece; rv == CKR_OK && done < size; done += piece) {
        piece = size - done < DIRECT_MOST ? size - done : DIRECT_MOST;
        rv = update_piece(stream, in + done, target + done, piece);
    }
    if (rv == CKR_OK && overlap)
        memcpy(out, target, size);
    if (rv != CKR_OK)
        secret_wipe(target, size); /* what a call that failed has left is nobody's */
    if (overlap)
        free(target);
    return rv == CKR_OK || (rv != CKR_HSMZKE_TOLD && failed(stream, rv, why));
}

bool hsm_stream_finish(struct hsm_stream *stream, unsigned char tag[HSM_BLOCK], struct failure *why)
{
    struct token *token = stream->key->token;
    unsigned char last[2 * HSM_BLOCK];
    CK_ULONG given = sizeof(last);
    CK_RV rv;

    if (!is_ours(stream, why))
        return false;
    rv = CALL(token->module->f, C_EncryptFinal(stream->session->handle, last, &given));
    if (rv == CKR_OK && given != HSM_BLOCK)
        rv = CKR_HSMZKE_BUFFERED;
    if (rv != CKR_OK)
        return failed(stream, rv, why);
    memcpy(tag, last, HSM_BLOCK);
    session_return(token, stream->session, true);
    stream->session = NULL;
    hsm_stream_drop(stream);
    return true;
}

void hsm_stream_drop(struct hsm_stream *stream)
{
    struct token *token = stream->key->token;

    /* Closed, not finished: a second tag under one IV would give H away. */
    if (stream->session != NULL && stream->generation == life_generation())
        session_return(token, stream->session, false);
    let_go(token, stream->generation);
    hsm_key_free(stream->key);
    free(stream);
}

bool hsm_key_random(struct hsm_key *key, unsigned char *bytes, size_t size, struct failure *why)
{
    struct key_facts facts;
    struct session *session;
    CK_RV rv;

    if (!key_ready(key, false, &facts, why))
        return false;
    session = session_borrow(key->token, NULL, NULL, why);
    if (session == NULL)
        return false;
    rv = CALL(key->token->module->f, C_GenerateRandom(session->handle, bytes, size));
    session_return(key->token, session, rv == CKR_OK);
    return rv == CKR_OK ||
           ckr_failure(why, FAILURE_OPERATION, rv, "token '%s': random numbers", key->token->label);
}
