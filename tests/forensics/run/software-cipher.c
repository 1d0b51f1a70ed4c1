/* AES-256 in the process: see software-cipher.h. */
#include "software-cipher.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "agent.h"

struct software {
    EVP_CIPHER_CTX *ctx;
    bool gcm, encrypt;
    CK_ULONG tag; /* bytes */
};

static const struct mode {
    CK_MECHANISM_TYPE mechanism;
    const char *cipher;
} modes[] = {
    { CKM_AES_ECB, "AES-256-ECB" },
    { CKM_AES_CBC, "AES-256-CBC" },
    { CKM_AES_CTR, "AES-256-CTR" },
    { CKM_AES_GCM, "AES-256-GCM" },
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static OSSL_LIB_CTX *library; /* of our own: the program's may have hsmzke and nothing else */
static unsigned char key[32]; /* the key in software that the control is to find */
static bool ready;

/* The tracer writes the key. */
static void get_key(void)
{
    struct stop stop = { .magic = STOP_MAGIC, .kind = STOP_KEY };

    library = OSSL_LIB_CTX_new();
    stop.places[0] = (uint64_t)(uintptr_t)key;
    if (library == NULL || !agent_traced())
        return;
    agent_stop(&stop);
    ready = true;
}

static const struct mode *find(CK_MECHANISM_TYPE mechanism)
{
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        if (modes[i].mechanism == mechanism)
            return &modes[i];
    return NULL;
}

bool software_serves(CK_MECHANISM_TYPE mechanism)
{
    return find(mechanism) != NULL;
}

static bool begin_gcm(struct software *software, const CK_GCM_PARAMS *params)
{
    int n;

    software->gcm = true;
    software->tag = params->ulTagBits / 8;
    return EVP_CIPHER_CTX_ctrl(software->ctx, EVP_CTRL_AEAD_SET_IVLEN, (int)params->ulIvLen,
                               NULL) == 1 &&
           EVP_CipherInit_ex2(software->ctx, NULL, key, params->pIv, software->encrypt, NULL) ==
               1 &&
           (params->ulAADLen == 0 ||
            EVP_CipherUpdate(software->ctx, NULL, &n, params->pAAD, (int)params->ulAADLen) == 1);
}

static bool begin(struct software *software, const CK_MECHANISM *mechanism)
{
    const struct mode *mode = find(mechanism->mechanism);
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(library, mode->cipher, NULL);
    const unsigned char *iv = mechanism->pParameter;
    bool done = cipher != NULL &&
                EVP_CipherInit_ex2(software->ctx, cipher, NULL, NULL, software->encrypt, NULL) == 1;

    if (mechanism->mechanism == CKM_AES_CTR)
        iv = ((const CK_AES_CTR_PARAMS *)mechanism->pParameter)->cb;
    if (done && mechanism->mechanism == CKM_AES_GCM)
        done = begin_gcm(software, mechanism->pParameter);
    else if (done)
        done = EVP_CipherInit_ex2(software->ctx, NULL, key, iv, software->encrypt, NULL) == 1 &&
               EVP_CIPHER_CTX_set_padding(software->ctx, 0) == 1;
    EVP_CIPHER_free(cipher);
    return done;
}

struct software *software_begin(struct software *old, const CK_MECHANISM *mechanism, bool encrypt)
{
    struct software *software;

    software_end(old);
    pthread_once(&once, get_key);
    software = ready ? calloc(1, sizeof(*software)) : NULL;
    if (software == NULL)
        return NULL;
    software->encrypt = encrypt;
    software->ctx = EVP_CIPHER_CTX_new();
    if (software->ctx != NULL && begin(software, mechanism))
        return software;
    software_end(software);
    return NULL;
}

void software_end(struct software *software)
{
    if (software == NULL)
        return;
    EVP_CIPHER_CTX_free(software->ctx);
    free(software);
}

/* @return true: `out` takes `needed` bytes; else *rv is what the call answers */
static bool room(CK_BYTE *out, CK_ULONG *size, CK_ULONG needed, CK_RV *rv)
{
    const bool fits = out != NULL && *size >= needed;

    *rv = out == NULL ? CKR_OK : CKR_BUFFER_TOO_SMALL;
    *size = needed;
    return fits;
}

static CK_RV give_tag(const struct software *software, CK_BYTE *out)
{
    return EVP_CIPHER_CTX_ctrl(software->ctx, EVP_CTRL_AEAD_GET_TAG, (int)software->tag, out) == 1
               ? CKR_OK
               : CKR_FUNCTION_FAILED;
}

CK_RV software_update(struct software *software, const CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                      CK_ULONG *size)
{
    int written = 0;
    CK_RV rv;

    if (software->gcm && !software->encrypt)
        return CKR_FUNCTION_NOT_SUPPORTED;
    if (!room(out, size, n, &rv))
        return rv;
    if (EVP_CipherUpdate(software->ctx, out, &written, in, (int)n) != 1)
        return CKR_FUNCTION_FAILED;
    *size = (CK_ULONG)written;
    return CKR_OK;
}

CK_RV software_final(struct software *software, CK_BYTE *out, CK_ULONG *size)
{
    const CK_ULONG needed = software->gcm && software->encrypt ? software->tag : 0;
    unsigned char nothing[16];
    int written = 0;
    CK_RV rv;

    if (needed > 0 && !room(out, size, needed, &rv))
        return rv;
    *size = needed;
    if (EVP_CipherFinal_ex(software->ctx, nothing, &written) != 1)
        return CKR_DATA_LEN_RANGE;
    return needed > 0 ? give_tag(software, out) : CKR_OK;
}

static CK_RV whole_gcm(struct software *software, const CK_BYTE *in, CK_ULONG n, CK_BYTE *out)
{
    unsigned char nothing[16];
    int written = 0;

    if (!software->encrypt &&
        EVP_CIPHER_CTX_ctrl(software->ctx, EVP_CTRL_AEAD_SET_TAG, (int)software->tag,
                            (void *)(uintptr_t)(in + n)) != 1)
        return CKR_FUNCTION_FAILED;
    if (n > 0 && EVP_CipherUpdate(software->ctx, out, &written, in, (int)n) != 1)
        return CKR_FUNCTION_FAILED;
    if (EVP_CipherFinal_ex(software->ctx, nothing, &written) != 1)
        return CKR_ENCRYPTED_DATA_INVALID;
    return software->encrypt ? give_tag(software, out + n) : CKR_OK;
}

CK_RV software_whole(struct software *software, const CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                     CK_ULONG *size)
{
    CK_ULONG text = n, needed = n;
    CK_RV rv;

    if (software->gcm && !software->encrypt) {
        if (n < software->tag)
            return CKR_ENCRYPTED_DATA_LEN_RANGE;
        text = needed = n - software->tag;
    } else if (software->gcm) {
        needed = n + software->tag;
    }
    if (!room(out, size, needed, &rv))
        return rv;
    if (software->gcm)
        return whole_gcm(software, in, text, out);
    rv = software_update(software, in, n, out, size);
    return rv == CKR_OK && *size != n ? CKR_DATA_LEN_RANGE : rv;
}
