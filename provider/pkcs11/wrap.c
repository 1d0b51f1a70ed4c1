/*
 * Key wrap by a mechanism of the module: hsm_wrap() of hsm.h.  It wraps bytes, so it is C_Encrypt
 * and C_Decrypt; C_WrapKey would need a key that can be read.
 */
#include <string.h>

#include "pkcs11/computed.h"
#include "pkcs11/native.h"
#include "secret.h"

enum { SEMIBLOCK = 8, PARAMETER_MOST = 8 };

struct wrap_request {
    struct request request;
    const struct hsm_native *native;
    const struct hsm_wrap *data;
    size_t written;
    unsigned int suspect; /* answers that may mean forged data, or a broken session */
};

size_t hsm_wrap_most(bool encrypt, size_t size)
{
    const size_t whole = (size + SEMIBLOCK - 1) / SEMIBLOCK * SEMIBLOCK;

    return encrypt ? whole + SEMIBLOCK : whole - SEMIBLOCK;
}

/* Whether as many bytes came out as the standard has it. */
static bool is_good_size(const struct wrap_request *wrap, size_t given)
{
    const size_t most = hsm_wrap_most(wrap->native->encrypt, wrap->data->size);
    const bool padded = wrap->native->way != MECHANISM_KW;

    return given <= most &&
           (padded && !wrap->native->encrypt ? given > most - SEMIBLOCK : given == most);
}

/* As in gcm.c: an unwrapping that fails is forged data, unless another session knows better. */
static CK_RV judge(struct wrap_request *wrap, CK_RV rv)
{
    if (wrap->native->encrypt)
        return rv;
    switch (rv) {
    case CKR_ENCRYPTED_DATA_INVALID:
    case CKR_ENCRYPTED_DATA_LEN_RANGE:
    case CKR_DATA_INVALID:
    case CKR_DATA_LEN_RANGE:
    case CKR_SIGNATURE_INVALID:
    case CKR_WRAPPED_KEY_INVALID:
        return CKR_HSMZKE_WRONG_TAG;
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
        return wrap->suspect++ == 0 ? CKR_HSMZKE_SUSPECT : CKR_HSMZKE_WRONG_TAG;
    default:
        return rv;
    }
}

/* `bounce`: room for the input, and `room` bytes for what comes out. */
static CK_RV run(struct wrap_request *wrap, const struct session *session,
                 const struct token *token, unsigned char *bounce, size_t room)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    const struct hsm_wrap *data = wrap->data;
    unsigned char *const to = bounce + data->size;
    CK_ULONG given = room;
    struct computed computed;
    bool good;
    CK_RV rv;

    memcpy(bounce, data->in, data->size);
    computed_prepare(&computed, bounce, to, data->size);
    rv = wrap->native->encrypt
             ? CALL(f, C_Encrypt(session->handle, bounce, data->size, to, &given))
             : CALL(f, C_Decrypt(session->handle, bounce, data->size, to, &given));
    good = computed_check(&computed, to, data->size);
    if (rv != CKR_OK)
        return judge(wrap, rv);
    if (!is_good_size(wrap, given))
        return CKR_HSMZKE_BUFFERED;
    if (!good)
        return CKR_HSMZKE_NOT_COMPUTED;
    memcpy(data->out, to, given);
    wrap->written = given;
    return CKR_OK;
}

static CK_RV wrap_piece(struct request *request, struct session *session,
                        const struct key_facts *facts, bool running, struct failure *why)
{
    struct wrap_request *wrap = (struct wrap_request *)request;
    const struct hsm_wrap *data = wrap->data;
    struct token *token = request->member->token;
    const size_t room = data->size + 2 * HSM_BLOCK, both = data->size + room;
    const bool large = both > 2 * session->half;
    unsigned char *bounce = large ? secret_alloc_large(both, why) : session->scratch;
    unsigned char iv[PARAMETER_MOST];
    CK_MECHANISM mechanism = { mechanism_type(request->operation.mechanism), NULL, 0 };
    CK_RV rv;

    (void)running;
    if (bounce == NULL)
        return CKR_HSMZKE_TOLD;
    if (data->iv != NULL) {
        memcpy(iv, data->iv, data->iv_size);
        mechanism.pParameter = iv;
        mechanism.ulParameterLen = data->iv_size;
    }
    rv = operation_init(session, token, facts, wrap->native->encrypt, &mechanism, why);
    if (rv == CKR_OK)
        rv = run(wrap, session, token, bounce, room);
    if (large)
        secret_free(bounce, both);
    else
        secret_wipe(bounce, both);
    if (rv == CKR_OK)
        request->left = 0;
    return rv;
}

enum hsm_native_answer hsm_wrap(const struct hsm_native *native, const struct hsm_wrap *data,
                                size_t *written, struct failure *why)
{
    struct wrap_request wrap = {
        .request = { .key = native->member,
                     .operation = { native->member->number, (enum mechanism)native->way,
                                    native->encrypt },
                     .at_once = true,
                     .left = 1, /* all or nothing */
                     .bytes = data->size,
                     .piece = wrap_piece },
        .native = native,
        .data = data,
    };
    const enum hsm_native_answer answer = native_answer(native, request_run(&wrap.request, why));

    if (answer != HSM_NATIVE_DONE) { /* it was done, and cannot be written down */
        secret_wipe(data->out, wrap.written);
        wrap.written = 0;
    }
    *written = wrap.written;
    return answer;
}
