/*
 * An encryption with AES-256-GCM that goes on in a session of its own: hsm_stream_*() of hsm.h.
 *
 * Its state is in the HSM and cannot be copied out: the caller keeps what it needs to begin again.
 */
#include <stdlib.h>
#include <string.h>

#include "pkcs11/computed.h"
#include "pkcs11/gcm-mechanism.h"
#include "pkcs11/group.h"
#include "pkcs11/operation.h"
#include "pkcs11/report.h"
#include "secret.h"

enum {
    DIRECT_MOST = 1024 * 1024, /* what one call takes from the caller's memory to the caller's */
};

struct hsm_stream {
    struct hsm_key *key;      /* owned; of an HA group the member that serves */
    struct session *session;  /* borrowed */
    unsigned long generation; /* of the process that began it */
    unsigned int tries;       /* that its present part took */
};

bool hsm_stream_possible(const struct hsm_key *key)
{
    const struct group *group = key->group;
    bool possible;

    life_lock();
    possible = group == NULL && !key->token->streams_not;
    for (size_t i = 0; group != NULL && i < group->count; i++)
        possible = possible || !group->members[i]->token->streams_not;
    life_unlock();
    return possible;
}

/* That a `part` of it was done, or failed.  @return false if it failed or cannot be written down */
static bool report(const struct hsm_stream *stream, const char *part, const struct hsm_gcm *data,
                   uint64_t begun, CK_RV rv, struct failure *why)
{
    const struct performance performance = {
        .mechanism = mechanism_name(MECHANISM_GCM),
        .direction = "encrypt",
        .part = part,
        .bytes = data->size,
        .aad = data->aad_size,
        .tries = stream->tries,
        .begun = begun,
    };

    return report_performance(stream->key->token, stream->key, &performance, rv, why) == CKR_OK;
}

static bool failed(const struct hsm_stream *stream, CK_RV rv, struct failure *why)
{
    return ckr_failure(why, FAILURE_OPERATION, rv,
                       "token '%s': key '%s': encryption with CKM_AES_GCM in the HSM",
                       stream->key->token->label, stream->key->shown);
}

/* Init in the stream's session. */
static CK_RV init(struct hsm_stream *stream, const struct key_facts *facts,
                  const struct hsm_gcm *data, struct failure *why)
{
    struct gcm_mechanism mechanism;
    CK_RV rv;

    if (facts->epoch != stream->session->epoch)
        return CKR_SESSION_CLOSED;
    gcm_mechanism(&mechanism, data, HSM_BLOCK);
    rv =
        operation_init(stream->session, stream->key->token, facts, true, &mechanism.mechanism, why);
    return rv == CKR_OK && !gcm_iv_kept(&mechanism, data) ? CKR_HSMZKE_IV : rv;
}

/* Borrows a session, begins in it, and keeps it; CKR_HSMZKE_TOLD if `why` has it already. */
static CK_RV begin(struct hsm_stream *stream, const struct hsm_gcm *data, struct failure *why)
{
    struct hsm_key *key = stream->key;
    struct key_facts facts;
    CK_RV rv;

    if (!key_ready(key, true, &facts, why))
        return CKR_HSMZKE_TOLD;
    stream->session = session_borrow(key->token, NULL, NULL, why);
    if (stream->session == NULL)
        return session_missing(key->token, why);
    rv = init(stream, &facts, data, why);
    if (rv == CKR_OK && session_keep(key->token, why))
        return CKR_OK;
    session_return(key->token, stream->session, false); /* a message is open in it */
    stream->session = NULL;
    if (rv == CKR_OK)
        return CKR_HSMZKE_TOLD;
    if (ckr_key_gone(rv))
        key_stale(key, &facts);
    life_lock();
    if (ckr_connection_lost(rv))
        token_lost(key->token, facts.epoch);
    life_unlock();
    failed(stream, rv, why);
    return rv;
}

/* With one member after the other; with a single token once more, with what there is now. */
static CK_RV begin_somewhere(struct hsm_stream *stream, struct hsm_key *key,
                             const struct hsm_gcm *data, struct failure *why)
{
    struct group_walk walk = group_walk(key, true);
    struct hsm_key *member = group_next(&walk, why);
    CK_RV rv = CKR_HSMZKE_TOLD;

    stream->tries = 0;
    while (member != NULL) {
        hsm_key_free(stream->key);
        stream->key = hsm_key_ref(member);
        stream->tries++;
        rv = begin(stream, data, why);
        if (!member->in_group && (ckr_key_gone(rv) || ckr_connection_lost(rv))) {
            stream->tries++;
            rv = begin(stream, data, why);
        }
        member = group_served(&walk, rv) ? group_next(&walk, why) : NULL;
    }
    return rv;
}

struct hsm_stream *hsm_stream_begin(struct hsm_key *key, const struct hsm_gcm *data,
                                    struct failure *why)
{
    const struct hsm_gcm header = { .aad_size = data->aad_size }; /* the data come by updates */
    struct hsm_stream *stream = calloc(1, sizeof(*stream));
    uint64_t begun;
    CK_RV rv;

    if (stream == NULL) {
        failure_memory(why);
        return NULL;
    }
    stream->key = hsm_key_ref(key);
    stream->generation = life_generation();
    stream->tries = 1;
    begun = report_now(key->token);
    rv = begin_somewhere(stream, key, data, why);
    if (report(stream, "begin", &header, begun, rv, why)) {
        stream->tries = 1;
        return stream;
    }
    hsm_stream_drop(stream);
    return NULL;
}

static CK_RV update_piece(struct hsm_stream *stream, const unsigned char *in, unsigned char *out,
                          size_t size)
{
    const struct session *session = stream->session;
    struct token *token = stream->key->token;
    CK_BYTE *data = (CK_BYTE *)(uintptr_t)in; /* Cryptoki's type lacks the const that it means */
    struct computed computed;
    CK_ULONG given = size;
    bool good;
    CK_RV rv;

    computed_prepare(&computed, in, out, size);
    rv = CALL(token->module->f, C_EncryptUpdate(session->handle, data, size, out, &given));
    good = computed_check(&computed, out, size);
    if (rv == CKR_OK && given == size)
        return good ? rv : CKR_HSMZKE_NOT_COMPUTED;
    if (rv != CKR_OK && rv != CKR_BUFFER_TOO_SMALL && rv != CKR_FUNCTION_NOT_SUPPORTED &&
        rv != CKR_OPERATION_NOT_INITIALIZED)
        return rv;
    life_lock();
    token->streams_not = true;
    life_unlock();
    return CKR_HSMZKE_BUFFERED;
}

static CK_RV update(struct hsm_stream *stream, const unsigned char *in, unsigned char *out,
                    size_t size)
{
    CK_RV rv = CKR_OK;

    for (size_t done = 0, piece; rv == CKR_OK && done < size; done += piece) {
        piece = size - done < DIRECT_MOST ? size - done : DIRECT_MOST;
        rv = update_piece(stream, in + done, out + done, piece);
    }
    return rv;
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
    struct token *token = stream->key->token;
    const struct hsm_gcm piece = { .size = size };
    const uint64_t begun = report_now(token);
    CK_RV rv = CKR_OK;
    bool good;

    if (target == NULL)
        return failure_memory(why);
    if (!session_resume(token, stream->session, stream->generation)) {
        rv = CKR_SESSION_CLOSED;
    } else {
        rv = update(stream, in, target, size);
        session_pause(token);
    }
    if (rv != CKR_OK) {
        failed(stream, rv, why);
        group_stream_failed(stream->key, stream->session, rv);
    }
    good = report(stream, "update", &piece, begun, rv, why);
    if (good && overlap)
        memcpy(out, target, size);
    if (!good)
        secret_wipe(target, size); /* what a call that failed has left is nobody's */
    if (overlap)
        free(target);
    return good;
}

/* The session's message is ended (`good`), or the session is closed. */
static void end(struct hsm_stream *stream, bool good)
{
    if (stream->session != NULL)
        session_drop(stream->key->token, stream->session, stream->generation, good);
    hsm_key_free(stream->key);
    free(stream);
}

bool hsm_stream_finish(struct hsm_stream *stream, unsigned char tag[HSM_BLOCK], struct failure *why)
{
    struct token *token = stream->key->token;
    const struct hsm_gcm nothing = { 0 };
    const uint64_t begun = report_now(token);
    unsigned char last[2 * HSM_BLOCK] = { 0 };
    CK_ULONG given = sizeof(last);
    CK_RV rv = CKR_SESSION_CLOSED;

    if (session_resume(token, stream->session, stream->generation)) {
        rv = CALL(token->module->f, C_EncryptFinal(stream->session->handle, last, &given));
        session_pause(token);
    }
    if (rv == CKR_OK && given != HSM_BLOCK)
        rv = CKR_HSMZKE_BUFFERED;
    if (rv == CKR_OK && !computed_something(last, HSM_BLOCK))
        rv = CKR_HSMZKE_NOT_COMPUTED;
    if (rv != CKR_OK) {
        failed(stream, rv, why);
        group_stream_failed(stream->key, stream->session, rv);
    }
    if (!report(stream, "final", &nothing, begun, rv, why)) {
        secret_wipe(last, sizeof(last));
        return false;
    }
    memcpy(tag, last, HSM_BLOCK);
    end(stream, true);
    return true;
}

void hsm_stream_drop(struct hsm_stream *stream)
{
    /* Closed, not finished: a second tag under one IV would give H away. */
    end(stream, false);
}
