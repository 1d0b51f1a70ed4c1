/*
 * MACs in the HSM: hsm_mac() and the streams of hsm.h.  What the HSM derives from the key on the
 * way, CMAC's subkeys for one, stays there: only the MAC comes out.
 */
#include <stdlib.h>

#include "pkcs11/group.h"
#include "pkcs11/report.h"
#include "pkcs11/sign.h"
#include "pkcs11/request.h"
#include "secret.h"

/* Over all data at once, so that it can be done again elsewhere. */
struct mac_request {
    struct request request;
    enum hsm_mac kind;
    const unsigned char *data;
    size_t size;
    unsigned char *mac; /* NULL: more data will follow */
};

struct hsm_mac_stream {
    struct hsm_key *key; /* owned */
    enum hsm_mac kind;
    struct session *session;  /* kept; NULL once it was given back */
    unsigned long generation; /* of the process that keeps it */
};

static CK_RV mac_piece(struct request *request, struct session *session,
                       const struct key_facts *facts, bool running, struct failure *why)
{
    struct mac_request *mac = (struct mac_request *)request;
    struct token *token = request->member->token;
    CK_RV rv = sign_begin(session, token, facts, mac->kind, why);

    (void)running; /* a MAC is begun anew for each message */
    if (rv != CKR_OK)
        return rv;
    if (mac->mac != NULL && mac->size <= SIGN_ONE_CALL) {
        rv = sign_at_once(session, token, mac->kind, mac->data, mac->size, mac->mac);
    } else {
        rv = sign_update(session, token, mac->data, mac->size);
        if (rv == CKR_OK && mac->mac != NULL)
            rv = sign_finish(session, token, mac->kind, mac->mac);
    }
    if (rv == CKR_OK)
        request->left = 0;
    return rv;
}

static struct mac_request request_for(struct hsm_key *key, enum hsm_mac kind,
                                      const unsigned char *data, size_t size)
{
    return (struct mac_request){
        .request = { .key = key,
                     .operation = { key->number, (enum mechanism)(MECHANISM_MAC + kind), true },
                     .at_once = true,
                     .left = 1, /* all or nothing */
                     .bytes = size,
                     .piece = mac_piece },
        .kind = kind,
        .data = data,
        .size = size,
    };
}

bool hsm_mac(struct hsm_key *key, enum hsm_mac kind, const unsigned char *data, size_t size,
             unsigned char *mac, struct failure *why)
{
    struct mac_request request = request_for(key, kind, data, size);

    request.mac = mac;
    if (request_run(&request.request, why) == CKR_OK)
        return true;
    if (request.request.left == 0) /* it cannot be written down, so it is not given out */
        secret_wipe(mac, hsm_mac_size(kind));
    return false;
}

struct hsm_mac_stream *hsm_mac_begin(struct hsm_key *key, enum hsm_mac kind,
                                     const unsigned char *data, size_t size, struct failure *why)
{
    struct mac_request request = request_for(key, kind, data, size);
    struct hsm_mac_stream *stream = calloc(1, sizeof(*stream));

    if (stream == NULL) {
        failure_memory(why);
        return NULL;
    }
    request.request.keep = true;
    stream->generation = life_generation();
    stream->kind = kind;
    if (request_run(&request.request, why) == CKR_OK) {
        struct hsm_key *member = request.request.member;

        stream->key = hsm_key_ref(member);
        if (session_keep(member->token, why)) {
            stream->session = request.request.kept;
            return stream;
        }
        session_return(member->token, request.request.kept, false); /* a MAC is open in it */
    }
    hsm_mac_stream_free(stream);
    return NULL;
}

static void let_go(struct hsm_mac_stream *stream, bool good)
{
    if (stream->session != NULL)
        session_drop(stream->key->token, stream->session, stream->generation, good);
    stream->session = NULL;
}

static void lost(const struct hsm_mac_stream *stream, CK_RV rv, struct failure *why)
{
    ckr_failure(why, FAILURE_OPERATION, rv,
                "token '%s': key '%s': %s in the HSM, more than can be done again",
                stream->key->token->label, stream->key->shown,
                mechanism_name((enum mechanism)(MECHANISM_MAC + stream->kind)));
}

static CK_RV call(struct hsm_mac_stream *stream, const unsigned char *data, size_t size,
                  unsigned char *mac)
{
    struct token *token = stream->key->token;
    CK_RV rv;

    if (stream->session == NULL || !session_resume(token, stream->session, stream->generation))
        return CKR_SESSION_CLOSED;
    rv = mac == NULL ? sign_update(stream->session, token, data, size)
                     : sign_finish(stream->session, token, stream->kind, mac);
    session_pause(token);
    return rv;
}

/* Update (`mac` NULL) or final; a session that was lost takes the MAC with it. */
static bool go_on(struct hsm_mac_stream *stream, const unsigned char *data, size_t size,
                  unsigned char *mac, struct failure *why)
{
    const struct token *token = stream->key->token;
    const struct performance performance = {
        .mechanism = mechanism_name((enum mechanism)(MECHANISM_MAC + stream->kind)),
        .direction = "sign",
        .part = mac == NULL ? "update" : "final",
        .bytes = size,
        .begun = report_now(token),
    };
    CK_RV rv = call(stream, data, size, mac);

    if (rv != CKR_OK) {
        lost(stream, rv, why);
        group_stream_failed(stream->key, stream->session, rv);
    }
    rv = report_performance(token, stream->key, &performance, rv, why);
    if (rv != CKR_OK) {
        let_go(stream, false);
        if (mac != NULL)
            secret_wipe(mac, hsm_mac_size(stream->kind));
    }
    return rv == CKR_OK;
}

bool hsm_mac_update(struct hsm_mac_stream *stream, const unsigned char *data, size_t size,
                    struct failure *why)
{
    return go_on(stream, data, size, NULL, why);
}

bool hsm_mac_final(struct hsm_mac_stream *stream, unsigned char *mac, struct failure *why)
{
    if (!go_on(stream, NULL, 0, mac, why))
        return false;
    let_go(stream, true);
    return true;
}

void hsm_mac_stream_free(struct hsm_mac_stream *stream)
{
    if (stream == NULL)
        return;
    let_go(stream, false);
    hsm_key_free(stream->key);
    free(stream);
}
