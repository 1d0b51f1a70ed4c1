/* One operation in a borrowed session: see operation.h. */
#include "pkcs11/operation.h"

#include <string.h>

#include "pkcs11/computed.h"
#include "pkcs11/login.h"

const char *mechanism_name(enum mechanism mechanism)
{
    static const char *const names[MECHANISMS] = {
        [MECHANISM_ECB] = "CKM_AES_ECB",
        [MECHANISM_CBC] = "CKM_AES_CBC",
        [MECHANISM_CTR] = "CKM_AES_CTR",
        [MECHANISM_GCM] = "CKM_AES_GCM",
        [MECHANISM_CFB128] = "CKM_AES_CFB128",
        [MECHANISM_CFB8] = "CKM_AES_CFB8",
        [MECHANISM_CFB1] = "CKM_AES_CFB1",
        [MECHANISM_OFB] = "CKM_AES_OFB",
        [MECHANISM_KW] = "CKM_AES_KEY_WRAP",
        [MECHANISM_KWP] = "CKM_AES_KEY_WRAP_KWP",
        [MECHANISM_KWP_PAD] = "CKM_AES_KEY_WRAP_PAD",
        [MECHANISM_MAC + HSM_CMAC] = "CKM_AES_CMAC",
        [MECHANISM_MAC + HSM_HMAC_SHA1] = "CKM_SHA_1_HMAC",
        [MECHANISM_MAC + HSM_HMAC_SHA224] = "CKM_SHA224_HMAC",
        [MECHANISM_MAC + HSM_HMAC_SHA256] = "CKM_SHA256_HMAC",
        [MECHANISM_MAC + HSM_HMAC_SHA384] = "CKM_SHA384_HMAC",
        [MECHANISM_MAC + HSM_HMAC_SHA512] = "CKM_SHA512_HMAC",
    };

    return names[mechanism];
}

CK_MECHANISM_TYPE mechanism_type(enum mechanism mechanism)
{
    switch (mechanism) {
    case MECHANISM_CBC:
        return CKM_AES_CBC;
    case MECHANISM_CTR:
        return CKM_AES_CTR;
    case MECHANISM_CFB128:
        return CKM_AES_CFB128;
    case MECHANISM_CFB8:
        return CKM_AES_CFB8;
    case MECHANISM_CFB1:
        return CKM_AES_CFB1;
    case MECHANISM_OFB:
        return CKM_AES_OFB;
    case MECHANISM_KW:
        return CKM_AES_KEY_WRAP;
    case MECHANISM_KWP:
        return 0x210B; /* CKM_AES_KEY_WRAP_KWP of PKCS#11 3.0 */
    case MECHANISM_KWP_PAD:
        return CKM_AES_KEY_WRAP_PAD;
    default:
        return CKM_AES_ECB;
    }
}

const char *operation_name(const struct operation *operation)
{
    if (operation->mechanism >= MECHANISM_MAC)
        return "a MAC";
    return operation->encrypt ? "encryption" : "decryption";
}

CK_RV operation_end(struct session *session, const struct token *token)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    unsigned char rest[4 * HSM_BLOCK];
    CK_ULONG size = sizeof(rest);

    if (!session->running)
        return CKR_OK;
    session->running = false;
    /* What comes out is nothing (only whole blocks went in) and is dropped. */
    return session->operation.encrypt ? CALL(f, C_EncryptFinal(session->handle, rest, &size))
                                      : CALL(f, C_DecryptFinal(session->handle, rest, &size));
}

static CK_RV init(const struct session *session, const struct token *token,
                  const struct key_facts *facts, const struct operation *operation,
                  const unsigned char *iv)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_AES_CTR_PARAMS counter = { .ulCounterBits = 8 * HSM_BLOCK };
    unsigned char copy[HSM_BLOCK];
    CK_MECHANISM mechanism = { mechanism_type(operation->mechanism), NULL, 0 };

    if (operation->mechanism == MECHANISM_CTR) {
        memcpy(counter.cb, iv, HSM_BLOCK);
        mechanism.pParameter = &counter;
        mechanism.ulParameterLen = sizeof(counter);
    } else if (operation->mechanism != MECHANISM_ECB) {
        memcpy(copy, iv, HSM_BLOCK);
        mechanism.pParameter = copy;
        mechanism.ulParameterLen = sizeof(copy);
    }
    return operation->encrypt ? CALL(f, C_EncryptInit(session->handle, &mechanism, facts->handle))
                              : CALL(f, C_DecryptInit(session->handle, &mechanism, facts->handle));
}

CK_RV operation_begin(struct session *session, const struct token *token,
                      const struct key_facts *facts, const struct operation *operation,
                      const unsigned char *iv)
{
    CK_RV rv = operation_end(session, token);

    if (rv == CKR_OK)
        rv = init(session, token, facts, operation, iv);
    if (rv != CKR_OK)
        return rv;
    session->running = true;
    session->operation = *operation;
    session->started = life_now();
    if (iv != NULL)
        memcpy(session->chain, iv, HSM_BLOCK);
    return CKR_OK;
}

/* What is to be thought of an answer that should be as long as the data. */
static CK_RV judge(CK_RV rv, CK_ULONG given, struct computed *computed, const unsigned char *out,
                   size_t size)
{
    const bool good = computed_check(computed, out, size);

    if (rv == CKR_BUFFER_TOO_SMALL || (rv == CKR_OK && given != size))
        return CKR_HSMZKE_BUFFERED;
    return rv == CKR_OK && !good ? CKR_HSMZKE_NOT_COMPUTED : rv;
}

CK_RV operation_update(struct session *session, const struct token *token, const unsigned char *in,
                       unsigned char *out, size_t size)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_BYTE *data = (CK_BYTE *)(uintptr_t)in; /* Cryptoki's type lacks the const that it means */
    struct computed computed;
    CK_ULONG given = size;
    CK_RV rv;

    computed_prepare(&computed, in, out, size);
    rv = session->operation.encrypt
             ? CALL(f, C_EncryptUpdate(session->handle, data, size, out, &given))
             : CALL(f, C_DecryptUpdate(session->handle, data, size, out, &given));
    return judge(rv, given, &computed, out, size);
}

CK_RV operation_init(struct session *session, struct token *token, const struct key_facts *facts,
                     bool encrypt, CK_MECHANISM *mechanism, struct failure *why)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_RV rv = operation_end(session, token);

    if (rv == CKR_OK)
        rv = encrypt ? CALL(f, C_EncryptInit(session->handle, mechanism, facts->handle))
                     : CALL(f, C_DecryptInit(session->handle, mechanism, facts->handle));
    if (rv == CKR_OK && facts->always_authenticate && !login_for_key(token, session->handle, why))
        rv = CKR_PIN_INCORRECT;
    return rv;
}

CK_RV operation_once(struct session *session, struct token *token, const struct key_facts *facts,
                     const struct operation *operation, const unsigned char *iv,
                     const unsigned char *in, unsigned char *out, size_t size, struct failure *why)
{
    const CK_FUNCTION_LIST *f = token->module->f;
    CK_BYTE *data = (CK_BYTE *)(uintptr_t)in;
    struct computed computed;
    CK_ULONG given = size;
    CK_RV rv = operation_end(session, token);

    if (rv == CKR_OK)
        rv = init(session, token, facts, operation, iv);
    if (rv == CKR_OK && facts->always_authenticate && !login_for_key(token, session->handle, why))
        rv = CKR_PIN_INCORRECT;
    if (rv != CKR_OK)
        return rv;
    computed_prepare(&computed, in, out, size);
    rv = operation->encrypt ? CALL(f, C_Encrypt(session->handle, data, size, out, &given))
                            : CALL(f, C_Decrypt(session->handle, data, size, out, &given));
    return judge(rv, given, &computed, out, size);
}
