/* A MAC in a session: see sign.h. */
#include "pkcs11/sign.h"

#include <string.h>

#include "pkcs11/computed.h"
#include "pkcs11/login.h"
#include "pkcs11/operation.h"
#include "secret.h"

enum {
    MOST_BY_CALL = 64 * 1024, /* what one C_SignUpdate takes */
};

static const struct {
    CK_MECHANISM_TYPE type;
    CK_ULONG size;
} macs[HSM_MACS] = {
    [HSM_CMAC] = { CKM_AES_CMAC, 16 },           [HSM_HMAC_SHA1] = { CKM_SHA_1_HMAC, 20 },
    [HSM_HMAC_SHA224] = { CKM_SHA224_HMAC, 28 }, [HSM_HMAC_SHA256] = { CKM_SHA256_HMAC, 32 },
    [HSM_HMAC_SHA384] = { CKM_SHA384_HMAC, 48 }, [HSM_HMAC_SHA512] = { CKM_SHA512_HMAC, 64 },
};

size_t hsm_mac_size(enum hsm_mac kind)
{
    return macs[kind].size;
}

CK_RV sign_begin(struct session *session, struct token *token, const struct key_facts *facts,
                 enum hsm_mac kind, struct failure *why)
{
    CK_MECHANISM mechanism = { macs[kind].type, NULL, 0 };
    CK_RV rv = operation_end(session, token);

    if (rv == CKR_OK)
        rv = CALL(token->module->f, C_SignInit(session->handle, &mechanism, facts->handle));
    if (rv == CKR_OK && facts->always_authenticate && !login_for_key(token, session->handle, why))
        rv = CKR_PIN_INCORRECT;
    return rv;
}

CK_RV sign_update(const struct session *session, const struct token *token,
                  const unsigned char *data, size_t size)
{
    CK_RV rv = CKR_OK;

    while (rv == CKR_OK && size > 0) {
        const size_t piece = size < MOST_BY_CALL ? size : MOST_BY_CALL;

        /* Cryptoki's type lacks the const that it means. */
        rv = CALL(token->module->f,
                  C_SignUpdate(session->handle, (CK_BYTE *)(uintptr_t)data, piece));
        data += piece;
        size -= piece;
    }
    return rv;
}

/* What came out must be the whole MAC; anything else is not given to the caller. */
static CK_RV check(CK_RV rv, enum hsm_mac kind, CK_ULONG given, unsigned char *mac)
{
    if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && given != macs[kind].size))
        rv = CKR_HSMZKE_BUFFERED;
    if (rv == CKR_OK && !computed_something(mac, macs[kind].size))
        rv = CKR_HSMZKE_NOT_COMPUTED;
    if (rv != CKR_OK)
        secret_wipe(mac, macs[kind].size);
    return rv;
}

CK_RV sign_finish(const struct session *session, const struct token *token, enum hsm_mac kind,
                  unsigned char *mac)
{
    CK_ULONG given = macs[kind].size;
    CK_RV rv;

    memset(mac, 0, macs[kind].size);
    rv = CALL(token->module->f, C_SignFinal(session->handle, mac, &given));
    return check(rv, kind, given, mac);
}

CK_RV sign_at_once(const struct session *session, const struct token *token, enum hsm_mac kind,
                   const unsigned char *data, size_t size, unsigned char *mac)
{
    static const unsigned char nothing[1]; /* modules need not take NULL for no data */
    const unsigned char *in = size > 0 ? data : nothing;
    CK_ULONG given = macs[kind].size;
    CK_RV rv;

    memset(mac, 0, macs[kind].size);
    rv = CALL(token->module->f,
              C_Sign(session->handle, (CK_BYTE *)(uintptr_t)in, size, mac, &given));
    return check(rv, kind, given, mac);
}

CK_RV sign_in_session(struct session *session, struct token *token, const struct key_facts *facts,
                      enum hsm_mac kind, const unsigned char *data, size_t size, unsigned char *mac)
{
    struct failure ignored;
    const CK_RV rv = sign_begin(session, token, facts, kind, &ignored);

    return rv == CKR_OK ? sign_at_once(session, token, kind, data, size, mac) : rv;
}
