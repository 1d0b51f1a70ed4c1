/* The fake HSM's computing, by OpenSSL's default provider: see fake-hsm.h. */
#include "fake-inner.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16 };

static EVP_CIPHER *cipher_for(CK_MECHANISM_TYPE type)
{
    static struct {
        CK_MECHANISM_TYPE type;
        const char *name;
        EVP_CIPHER *cipher;
    } ciphers[] = {
        { CKM_AES_ECB, "AES-256-ECB", NULL },    { CKM_AES_CBC, "AES-256-CBC", NULL },
        { CKM_AES_CTR, "AES-256-CTR", NULL },    { CKM_AES_GCM, "AES-256-GCM", NULL },
        { CKM_AES_CFB128, "AES-256-CFB", NULL }, { CKM_AES_CFB8, "AES-256-CFB8", NULL },
        { CKM_AES_OFB, "AES-256-OFB", NULL },    { CKM_AES_KEY_WRAP, "AES-256-WRAP", NULL },
        { 0x210b, "AES-256-WRAP-PAD", NULL },
    };

    for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
        if (ciphers[i].type != type)
            continue;
        if (ciphers[i].cipher == NULL)
            ciphers[i].cipher = EVP_CIPHER_fetch(NULL, ciphers[i].name, NULL);
        return ciphers[i].cipher;
    }
    return NULL;
}

static bool is_refused(CK_MECHANISM_TYPE type)
{
    return (type == CKM_AES_ECB && fake.no_ecb) || (type == CKM_AES_CTR && fake.no_ctr) ||
           (!fake.natives && type != CKM_AES_ECB && type != CKM_AES_CBC && type != CKM_AES_CTR &&
            type != CKM_AES_GCM);
}

static bool begin_gcm(EVP_CIPHER_CTX *ctx, const CK_GCM_PARAMS *params, const unsigned char *key,
                      bool encrypt)
{
    int n;

    EXPECT(params->ulTagBits % 8 == 0 && params->ulTagBits <= 128 && params->ulIvLen > 0);
    return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)params->ulIvLen, NULL) == 1 &&
           EVP_CipherInit_ex2(ctx, NULL, key, params->pIv, encrypt, NULL) == 1 &&
           (params->ulAADLen == 0 ||
            EVP_CipherUpdate(ctx, NULL, &n, params->pAAD, (int)params->ulAADLen) == 1);
}

/* Init for a key of 32 bytes. */
static EVP_CIPHER_CTX *begin(EVP_CIPHER *cipher, const CK_MECHANISM *mechanism,
                             const unsigned char *key, bool encrypt)
{
    const unsigned char *iv = mechanism->pParameter;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

    EXPECT(ctx != NULL);
    EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    EXPECT(EVP_CipherInit_ex2(ctx, cipher, NULL, NULL, encrypt, NULL) == 1);
    if (mechanism->mechanism == CKM_AES_CTR)
        iv = ((const CK_AES_CTR_PARAMS *)mechanism->pParameter)->cb;
    if (mechanism->mechanism == CKM_AES_GCM)
        EXPECT(begin_gcm(ctx, mechanism->pParameter, key, encrypt));
    else
        EXPECT(EVP_CipherInit_ex2(ctx, NULL, key, iv, encrypt, NULL) == 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    return ctx;
}

static CK_RV init(CK_SESSION_HANDLE handle, const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                  bool encrypt)
{
    struct fake_session *session = fake_session(handle);
    EVP_CIPHER *cipher = cipher_for(mechanism->mechanism);
    const unsigned char *bytes;
    size_t size;

    if (session == NULL)
        return CKR_SESSION_HANDLE_INVALID;
    FAKE_ANSWER();
    bytes = fake_key(key, &size);
    if (bytes == NULL || size != 32)
        return CKR_KEY_HANDLE_INVALID;
    if (session->cipher != NULL || session->mac != NULL)
        return CKR_OPERATION_ACTIVE;
    if (cipher == NULL || is_refused(mechanism->mechanism))
        return CKR_MECHANISM_INVALID;
    session->cipher = begin(cipher, mechanism, bytes, encrypt);
    session->gcm = mechanism->mechanism == CKM_AES_GCM;
    if (session->gcm)
        session->tag = ((const CK_GCM_PARAMS *)mechanism->pParameter)->ulTagBits / 8;
    session->encrypt = encrypt;
    return CKR_OK;
}

CK_RV fake_encrypt_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return init(handle, mechanism, key, true);
}

CK_RV fake_decrypt_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return init(handle, mechanism, key, false);
}

/* Gives the `size` bytes at `right`, or what the lie makes of them; never more than there is room.
 */
static CK_RV give(const struct lie *lie, const unsigned char *right, CK_ULONG size,
                  const CK_BYTE *in, CK_ULONG in_size, CK_BYTE *out, CK_ULONG *given)
{
    const CK_ULONG room = *given, least = size < room ? size : room;

    if (lie->kind == LIE_GARBAGE_AND_ERROR && least > 0)
        memset(out, 0x77, lie->number < least ? lie->number : least);
    if (lie->rv != CKR_OK) {
        *given = lie->kind == LIE_GARBAGE_AND_ERROR ? fake_length(lie, size, room) : *given;
        return lie->rv;
    }
    *given = lie->kind == LIE_LENGTH ? fake_length(lie, size, room) : size;
    if (size > room && lie->kind != LIE_LENGTH)
        return CKR_BUFFER_TOO_SMALL;
    if (lie->kind == LIE_NOTHING || (lie->kind == LIE_COPY && in_size < size)) {
        fake.lied = fake.lied || size < BLOCK; /* too short to be told from the right ones */
    } else if (lie->kind == LIE_COPY) {
        memmove(out, in, least);
        fake.lied = fake.lied || size < BLOCK;
    } else if (lie->kind == LIE_DATA) {
        for (CK_ULONG i = 0; i < least; i++)
            out[i] = (CK_BYTE)(0x55 + i * lie->number);
        fake.lied = true;
    } else if (lie->kind == LIE_LENGTH && least > 0) {
        memset(out, 0x3c, least); /* the length alone has to give it away */
    } else if (least > 0) {
        memcpy(out, right, least);
    }
    return CKR_OK;
}

/* All of a message. @return false: it is not authentic */
static bool compute(struct fake_session *session, const CK_BYTE *in, CK_ULONG size, CK_BYTE *out,
                    CK_ULONG *written)
{
    EVP_CIPHER_CTX *ctx = session->cipher;
    const CK_ULONG data = session->gcm && !session->encrypt ? size - session->tag : size;
    int n = 0, last = 0;

    *written = 0;
    if (session->gcm && !session->encrypt &&
        (size < session->tag || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, (int)session->tag,
                                                    (unsigned char *)(uintptr_t)in + data) != 1))
        return false;
    if (data > 0 && EVP_CipherUpdate(ctx, out, &n, in, (int)data) != 1)
        return false;
    if (EVP_CipherFinal_ex(ctx, out + n, &last) != 1)
        return false;
    *written = (CK_ULONG)(n + last);
    if (session->gcm && session->encrypt) {
        EXPECT(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, BLOCK, out + *written) == 1);
        *written += BLOCK;
    }
    return true;
}

CK_RV fake_crypt(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG size, CK_BYTE *out,
                 CK_ULONG *given)
{
    struct fake_session *session = fake_session(handle);
    const struct lie lie = fake_next();
    unsigned char *right = malloc(size + 4 * BLOCK);
    CK_ULONG written;
    CK_RV rv;

    EXPECT(right != NULL && out != NULL && in != NULL);
    if (session == NULL || session->cipher == NULL)
        rv = CKR_OPERATION_NOT_INITIALIZED;
    else if (compute(session, in, size, right, &written))
        rv = give(&lie, right, written, in, size, out, given);
    else
        rv = CKR_ENCRYPTED_DATA_INVALID;
    if (session != NULL)
        fake_drop(session);
    free(right);
    return rv;
}

CK_RV fake_crypt_update(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG size, CK_BYTE *out,
                        CK_ULONG *given)
{
    struct fake_session *session = fake_session(handle);
    const struct lie lie = fake_next();
    unsigned char *right;
    int n = 0;
    CK_RV rv;

    if (session == NULL || session->cipher == NULL)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (session->gcm && fake.no_streams) {
        *given = 0;
        return CKR_OK;
    }
    EXPECT(session->gcm || size % BLOCK == 0); /* modules buffer the rest */
    right = malloc(size + BLOCK);
    EXPECT(right != NULL && EVP_CipherUpdate(session->cipher, right, &n, in, (int)size) == 1);
    rv = give(&lie, right, fake.buffers ? (CK_ULONG)n - BLOCK : (CK_ULONG)n, in, size, out, given);
    if (rv != CKR_OK)
        fake_drop(session);
    free(right);
    return rv;
}

CK_RV fake_crypt_final(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG *given)
{
    struct fake_session *session = fake_session(handle);
    const struct lie lie = fake_next();
    unsigned char right[2 * BLOCK];
    CK_ULONG size = 0;
    int n = 0;
    CK_RV rv;

    if (session == NULL || session->cipher == NULL)
        return CKR_OPERATION_NOT_INITIALIZED;
    EXPECT(EVP_CipherFinal_ex(session->cipher, right, &n) == 1);
    if (session->gcm) {
        EXPECT(EVP_CIPHER_CTX_ctrl(session->cipher, EVP_CTRL_AEAD_GET_TAG, BLOCK, right) == 1);
        size = BLOCK;
    }
    rv = give(&lie, right, size, right, size, out, given);
    fake_drop(session);
    return rv;
}

CK_RV fake_sign_init(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    static EVP_MAC *cmac, *hmac;
    struct fake_session *session = fake_session(handle);
    const bool is_cmac = mechanism->mechanism == CKM_AES_CMAC;
    char cipher[] = "AES-256-CBC", digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        is_cmac ? OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, cipher, 0)
                : OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    const unsigned char *bytes;
    size_t size;

    if (session == NULL)
        return CKR_SESSION_HANDLE_INVALID;
    FAKE_ANSWER();
    bytes = fake_key(key, &size);
    if (bytes == NULL || (is_cmac && size != 32))
        return CKR_KEY_HANDLE_INVALID;
    if (session->cipher != NULL || session->mac != NULL)
        return CKR_OPERATION_ACTIVE;
    if (!is_cmac && mechanism->mechanism != CKM_SHA256_HMAC)
        return CKR_MECHANISM_INVALID;
    if (cmac == NULL) {
        cmac = EVP_MAC_fetch(NULL, "CMAC", NULL);
        hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    }
    session->mac = EVP_MAC_CTX_new(is_cmac ? cmac : hmac);
    EXPECT(session->mac != NULL && EVP_MAC_init(session->mac, bytes, size, params) == 1);
    return CKR_OK;
}

CK_RV fake_sign_update(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG size)
{
    struct fake_session *session = fake_session(handle);
    const struct lie lie = fake_next();

    if (session == NULL || session->mac == NULL)
        return CKR_OPERATION_NOT_INITIALIZED;
    if (lie.kind != LIE_NONE) {
        fake.lied = fake.lied || lie.rv == CKR_OK; /* data that were not taken cannot be seen */
        return lie.rv;
    }
    EXPECT(EVP_MAC_update(session->mac, in, size) == 1);
    return CKR_OK;
}

CK_RV fake_sign_final(CK_SESSION_HANDLE handle, CK_BYTE *out, CK_ULONG *given)
{
    struct fake_session *session = fake_session(handle);
    const struct lie lie = fake_next();
    unsigned char right[64];
    size_t size;
    CK_RV rv;

    if (session == NULL || session->mac == NULL)
        return CKR_OPERATION_NOT_INITIALIZED;
    EXPECT(EVP_MAC_final(session->mac, right, &size, sizeof(right)) == 1);
    rv = give(&lie, right, size, right, 0, out, given);
    fake_drop(session);
    return rv;
}

CK_RV fake_sign(CK_SESSION_HANDLE handle, CK_BYTE *in, CK_ULONG size, CK_BYTE *out, CK_ULONG *given)
{
    struct fake_session *session = fake_session(handle);

    if (session == NULL || session->mac == NULL)
        return CKR_OPERATION_NOT_INITIALIZED;
    EXPECT(EVP_MAC_update(session->mac, in, size) == 1);
    return fake_sign_final(handle, out, given);
}
