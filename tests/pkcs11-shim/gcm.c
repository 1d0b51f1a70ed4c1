/*
 * What modules make of CKM_AES_GCM.  The script:
 *
 *   gcm-no-update   C_EncryptUpdate refuses it
 *   gcm-own-iv      C_EncryptInit encrypts under an IV of the module's own, and writes that where
 *                   the caller gave one
 *   gcm-most N      C_Encrypt and C_Decrypt take no more than N bytes
 *   cloudhsm        all of these, with 16384 bytes, as AWS CloudHSM documents them
 *
 * Updates of encryptions with CKM_AES_GCM have " gcm" in the log.
 */
#include "shim.h"

#include <pthread.h>
#include <stdlib.h>

enum { CLOUDHSM_MOST = 16384, TAG = 16 };

static CK_FUNCTION_LIST *below, list;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool runs[2][1 << 16]; /* in which session it is GCM's; by the last bits of the handle */

static bool says(const char *what)
{
    return script_says(what, NULL, 0) || script_says("cloudhsm", NULL, 0);
}

static bool is_gcm(CK_SESSION_HANDLE s, bool encrypt)
{
    bool it_is;

    pthread_mutex_lock(&lock);
    it_is = runs[encrypt][s & 0xffff];
    pthread_mutex_unlock(&lock);
    return it_is;
}

static void now_runs(CK_SESSION_HANDLE s, bool encrypt, bool gcm)
{
    pthread_mutex_lock(&lock);
    runs[encrypt][s & 0xffff] = gcm;
    pthread_mutex_unlock(&lock);
}

static CK_RV encrypt_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    const bool gcm = m != NULL && m->mechanism == CKM_AES_GCM;
    CK_RV rv = CKR_OK;

    call_note(gcm ? " gcm" : "");
    if (gcm && says("gcm-own-iv")) {
        const CK_GCM_PARAMS *params = m->pParameter;

        rv = below->C_GenerateRandom(s, params->pIv, params->ulIvLen);
        call_injected();
    }
    if (rv == CKR_OK)
        rv = below->C_EncryptInit(s, m, key);
    now_runs(s, true, gcm && rv == CKR_OK);
    return rv;
}

static CK_RV decrypt_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    const CK_RV rv = below->C_DecryptInit(s, m, key);

    now_runs(s, false, m != NULL && m->mechanism == CKM_AES_GCM && rv == CKR_OK);
    return rv;
}

static CK_RV encrypt_update(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out,
                            CK_ULONG *size)
{
    const bool gcm = is_gcm(s, true);

    call_note(gcm ? " gcm" : "");
    if (!gcm || !says("gcm-no-update"))
        return below->C_EncryptUpdate(s, in, n, out, size);
    call_injected();
    return CKR_FUNCTION_NOT_SUPPORTED;
}

/* Ends the operation, as an error of C_Encrypt does. */
static bool too_long(CK_SESSION_HANDLE s, bool encrypt, CK_ULONG n)
{
    CK_BYTE none[TAG];
    CK_ULONG size = sizeof(none), most = CLOUDHSM_MOST;
    char number[WORD];

    if (!is_gcm(s, encrypt) || !says("gcm-most"))
        return false;
    if (script_says("gcm-most", number, sizeof(number)))
        most = strtoul(number, NULL, 0);
    if (n <= most + (encrypt ? 0 : TAG))
        return false;
    call_injected();
    if (encrypt)
        below->C_EncryptFinal(s, none, &size);
    else
        below->C_DecryptFinal(s, none, &size);
    return true;
}

static CK_RV encrypt(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size)
{
    return too_long(s, true, n) ? CKR_DATA_LEN_RANGE : below->C_Encrypt(s, in, n, out, size);
}

static CK_RV decrypt(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size)
{
    return too_long(s, false, n) ? CKR_DATA_LEN_RANGE : below->C_Decrypt(s, in, n, out, size);
}

CK_FUNCTION_LIST *gcm_over(CK_FUNCTION_LIST *real)
{
    below = real;
    list = *real;
    list.C_EncryptInit = encrypt_init;
    list.C_DecryptInit = decrypt_init;
    list.C_EncryptUpdate = encrypt_update;
    list.C_Encrypt = encrypt;
    list.C_Decrypt = decrypt;
    return &list;
}
