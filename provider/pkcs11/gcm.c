/*
 * AES-256-GCM in the HSM: a whole message at once.  hsm_gcm_once() of hsm.h; streams: stream.c.
 *
 * A message is C_EncryptInit and C_Encrypt: no running operations, the IV is part of Init.
 */
#include <string.h>

#include "pkcs11/computed.h"
#include "pkcs11/gcm-mechanism.h"
#include "pkcs11/request.h"
#include "secret.h"

struct gcm_request {
    struct request request;
    bool encrypt;
    const struct hsm_gcm *data;
    unsigned char *out;
    unsigned char *tag;   /* encryption: HSM_BLOCK bytes */
    unsigned int suspect; /* answers that may mean a wrong tag, or a broken session */
};

/*
 * Modules say many things to a wrong tag: NSS CKR_ENCRYPTED_DATA_INVALID, SoftHSM
 * CKR_GENERAL_ERROR, which may mean a lost session as well.  The same answer from a fresh session
 * means the tag.
 */
static CK_RV judge(struct gcm_request *gcm, CK_RV rv)
{
    switch (rv) {
    case CKR_ENCRYPTED_DATA_INVALID:
    case CKR_ENCRYPTED_DATA_LEN_RANGE:
    case CKR_DATA_INVALID:
    case CKR_SIGNATURE_INVALID:
        return CKR_HSMZKE_WRONG_TAG;
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
        return gcm->suspect++ == 0 ? CKR_HSMZKE_SUSPECT : CKR_HSMZKE_WRONG_TAG;
    default:
        return rv;
    }
}

/* `bounce`: room for data and tag.  Nothing reaches the caller unless all went well. */
static CK_RV encrypt(struct gcm_request *gcm, const struct session *session,
                     const struct token *token, const struct gcm_mechanism *mechanism,
                     unsigned char *bounce)
{
    static unsigned char nothing[1]; /* some modules take no NULL, even for no data */
    const struct hsm_gcm *data = gcm->data;
    CK_BYTE *in = data->size > 0 ? (CK_BYTE *)(uintptr_t)data->in : nothing;
    CK_ULONG given = data->size + HSM_BLOCK;
    struct computed computed;
    bool good;
    CK_RV rv;

    computed_prepare(&computed, in, bounce, data->size);
    memset(bounce + data->size, 0, HSM_BLOCK);
    rv = CALL(token->module->f, C_Encrypt(session->handle, in, data->size, bounce, &given));
    good = computed_check(&computed, bounce, data->size) &&
           computed_something(bounce + data->size, HSM_BLOCK);
    if (rv != CKR_OK)
        return rv;
    if (given != data->size + HSM_BLOCK)
        return CKR_HSMZKE_BUFFERED;
    if (!good)
        return CKR_HSMZKE_NOT_COMPUTED;
    if (!gcm_iv_kept(mechanism, data)) {
        if (data->own_iv == NULL || mechanism->params.ulIvLen != data->iv_size)
            return CKR_HSMZKE_IV;
        memcpy(data->own_iv, mechanism->iv, data->iv_size);
    }
    if (data->size > 0)
        memcpy(gcm->out, bounce, data->size);
    memcpy(gcm->tag, bounce + data->size, HSM_BLOCK);
    return CKR_OK;
}

/* `bounce`: twice the room for data and tag; the ciphertext, and the plaintext that comes out. */
static CK_RV decrypt(struct gcm_request *gcm, const struct session *session,
                     const struct token *token, unsigned char *bounce)
{
    const struct hsm_gcm *data = gcm->data;
    const size_t size = data->size + data->tag_size;
    CK_ULONG given = size;
    struct computed computed;
    bool good;
    CK_RV rv;

    if (data->size > 0)
        memcpy(bounce, data->in, data->size);
    memcpy(bounce + data->size, data->tag, data->tag_size);
    computed_prepare(&computed, bounce, bounce + size, data->size);
    rv = CALL(token->module->f, C_Decrypt(session->handle, bounce, size, bounce + size, &given));
    good = computed_check(&computed, bounce + size, data->size);
    if (rv != CKR_OK)
        return judge(gcm, rv);
    if (given != data->size)
        return CKR_HSMZKE_BUFFERED;
    if (!good)
        return CKR_HSMZKE_NOT_COMPUTED;
    if (data->size > 0 && gcm->out != NULL)
        memcpy(gcm->out, bounce + size, data->size);
    return CKR_OK;
}

static CK_RV gcm_piece(struct request *request, struct session *session,
                       const struct key_facts *facts, bool running, struct failure *why)
{
    struct gcm_request *gcm = (struct gcm_request *)request;
    const struct hsm_gcm *data = gcm->data;
    struct token *token = request->member->token;
    const size_t tag_size = gcm->encrypt ? HSM_BLOCK : data->tag_size;
    const size_t room = (gcm->encrypt ? 1 : 2) * (data->size + HSM_BLOCK);
    const bool large = room > 2 * session->half;
    unsigned char *bounce = large ? secret_alloc_large(room, why) : session->scratch;
    struct gcm_mechanism mechanism;
    CK_RV rv;

    (void)running;
    if (bounce == NULL)
        return CKR_HSMZKE_TOLD;
    gcm_mechanism(&mechanism, data, tag_size);
    rv = operation_init(session, token, facts, gcm->encrypt, &mechanism.mechanism, why);
    if (rv == CKR_OK)
        rv = gcm->encrypt ? encrypt(gcm, session, token, &mechanism, bounce)
                          : decrypt(gcm, session, token, bounce);
    if (large)
        secret_free(bounce, room);
    else
        secret_wipe(bounce, room);
    if (rv == CKR_OK)
        request->left = 0;
    return rv;
}

enum hsm_answer hsm_gcm_once(struct hsm_key *key, bool encrypt_it, const struct hsm_gcm *data,
                             unsigned char *out, unsigned char tag[HSM_BLOCK], struct failure *why)
{
    struct gcm_request gcm = {
        .request = { .key = key,
                     .operation = { key->number, MECHANISM_GCM, encrypt_it },
                     .at_once = true,
                     .left = 1, /* one message */
                     .bytes = data->size,
                     .aad = data->aad_size,
                     .piece = gcm_piece },
        .encrypt = encrypt_it,
        .data = data,
        .out = out,
        .tag = tag,
    };
    const CK_RV rv = request_run(&gcm.request, why);

    if (rv == CKR_OK)
        return HSM_DONE;
    if (gcm.request.left == 0) { /* it cannot be written down, so it is not given out */
        if (out != NULL)
            secret_wipe(out, data->size);
        if (encrypt_it)
            secret_wipe(tag, HSM_BLOCK);
    }
    return rv == CKR_HSMZKE_WRONG_TAG ? HSM_WRONG_TAG : HSM_FAILED;
}
