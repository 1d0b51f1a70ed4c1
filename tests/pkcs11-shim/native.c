/*
 * Mechanisms of a whole mode in front of a module that has ECB only: what is computed here is
 * computed over the real module's ECB, one block a call.  The script:
 *
 *   native NAME...    what is offered: names out of the table below; "!" after a name: it does
 *                     something else, as modules do
 *   native-lie WHAT   "bytes": wrong bytes; "late-bytes": in all calls but the first; "short",
 *                     "long": of a wrong length; "deaf": an IV in the parameter is not heard;
 *                     "trusting": what is not genuine is unwrapped; a number: each call returns it
 *   native-only       C_EncryptInit and C_DecryptInit refuse CKM_AES_ECB
 */
#include "shim.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "modes.h"

enum { LONGEST = 2 * 1024 * 1024 };

static const struct offer {
    const char *name;
    CK_MECHANISM_TYPE type;
    enum native_mode mode, other; /* `other`: with a "!" */
    unsigned bits;                /* CFB */
} offers[] = {
    { "cfb128", CKM_AES_CFB128, NATIVE_CFB, NATIVE_OFB, 128 },
    { "cfb8", CKM_AES_CFB8, NATIVE_CFB, NATIVE_OFB, 8 },
    { "cfb1", CKM_AES_CFB1, NATIVE_CFB, NATIVE_OFB, 1 },
    { "ofb", CKM_AES_OFB, NATIVE_OFB, NATIVE_CFB, 128 },
    { "kw", CKM_AES_KEY_WRAP, NATIVE_KW, NATIVE_KW_PKCS7, 0 },
    { "kwp-old", CKM_AES_KEY_WRAP_PAD, NATIVE_KWP, NATIVE_KW_PKCS7, 0 },
    { "kwp", 0x210B, NATIVE_KWP, NATIVE_KW_PKCS7, 0 },
};

/* What a session runs; by the last bits of its handle. */
static struct running {
    const struct offer *offer; /* NULL: the real module's own */
    struct native_run run;
} sessions[1 << 16];

static CK_FUNCTION_LIST *below;
static CK_FUNCTION_LIST list;

/* The number that each call is to return; 0: none. */
static CK_RV told_answer(void)
{
    char lie[WORD];

    return script_says("native-lie", lie, sizeof(lie)) ? strtoul(lie, NULL, 0) : 0;
}

static const struct offer *find(CK_MECHANISM_TYPE type, enum native_mode *mode)
{
    char offered[WORD];

    if (!script_says("native", offered, sizeof(offered)))
        return NULL;
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        const size_t length = strlen(offers[i].name);

        if (offers[i].type != type)
            continue;
        for (const char *at = offered; at != NULL; at = strchr(at, ' ')) {
            at += *at == ' ';
            if (strncmp(at, offers[i].name, length) != 0 || strchr(" !", at[length]) == NULL)
                continue;
            *mode = at[length] == '!' ? offers[i].other : offers[i].mode;
            return &offers[i];
        }
    }
    return NULL;
}

/* ---- what PKCS#11 sees ---- */

static CK_RV get_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    enum native_mode mode;

    if (find(type, &mode) == NULL)
        return below->C_GetMechanismInfo(slot, type, info);
    *info = (CK_MECHANISM_INFO){ 32, 32, CKF_ENCRYPT | CKF_DECRYPT };
    return CKR_OK;
}

/* The real module's, and behind them what is offered here. */
static CK_RV get_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE *types, CK_ULONG *count)
{
    const CK_ULONG room = *count;
    const CK_RV rv = below->C_GetMechanismList(slot, types, count);
    enum native_mode mode;

    for (size_t i = 0; rv == CKR_OK && i < sizeof(offers) / sizeof(offers[0]); i++) {
        if (find(offers[i].type, &mode) == NULL)
            continue;
        if (types != NULL && *count == room)
            return CKR_BUFFER_TOO_SMALL;
        if (types != NULL)
            types[*count] = offers[i].type;
        ++*count;
    }
    return rv;
}

static CK_RV begin(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, bool encrypt)
{
    struct running *running = &sessions[s & 0xffff];

    running->offer = NULL;
    if (m == NULL)
        return encrypt ? below->C_EncryptInit(s, m, key) : below->C_DecryptInit(s, m, key);
    if (m->mechanism == CKM_AES_ECB && script_says("native-only", NULL, 0))
        return CKR_MECHANISM_INVALID;
    running->offer = find(m->mechanism, &running->run.mode);
    if (running->offer == NULL)
        return encrypt ? below->C_EncryptInit(s, m, key) : below->C_DecryptInit(s, m, key);
    running->run.bits = running->offer->bits;
    running->run.encrypt = encrypt;
    running->run.key = key;
    running->run.has_iv = m->ulParameterLen > 0;
    if (m->ulParameterLen > NATIVE_BLOCK)
        return CKR_MECHANISM_PARAM_INVALID;
    if (running->run.has_iv)
        memcpy(running->run.iv, m->pParameter, m->ulParameterLen);
    return CKR_OK;
}

static void spoil(unsigned char *out, size_t *size)
{
    if (native_lies("bytes"))
        out[*size - 1] ^= 0x40;
    if (native_lies("short"))
        *size -= 1;
    if (native_lies("long"))
        *size += 1;
}

static CK_RV whole(CK_SESSION_HANDLE s, const CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *room)
{
    const struct native_run run = sessions[s & 0xffff].run;
    unsigned char *result;
    size_t given;
    CK_RV rv;

    sessions[s & 0xffff].offer = NULL;
    if (told_answer() != 0)
        return told_answer();
    if (n == 0 || n > LONGEST || (run.mode <= NATIVE_OFB && n % NATIVE_BLOCK != 0))
        return CKR_DATA_LEN_RANGE;
    result = calloc(1, n + NATIVE_MORE);
    if (result == NULL)
        return CKR_HOST_MEMORY;
    rv = native_compute(below, s, &run, in, result, n, &given);
    if (rv == CKR_OK && (given == SIZE_MAX || given == 0))
        rv = run.encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_INVALID;
    if (rv == CKR_OK)
        spoil(result, &given);
    if (rv == CKR_OK && given > *room)
        rv = CKR_BUFFER_TOO_SMALL;
    if (rv == CKR_OK) {
        memcpy(out, result, given);
        *room = given;
    }
    free(result);
    return rv;
}

static CK_RV encrypt_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return begin(s, m, key, true);
}

static CK_RV decrypt_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    return begin(s, m, key, false);
}

static CK_RV encrypt(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size)
{
    return sessions[s & 0xffff].offer != NULL ? whole(s, in, n, out, size)
                                              : below->C_Encrypt(s, in, n, out, size);
}

static CK_RV decrypt(CK_SESSION_HANDLE s, CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *size)
{
    return sessions[s & 0xffff].offer != NULL ? whole(s, in, n, out, size)
                                              : below->C_Decrypt(s, in, n, out, size);
}

CK_FUNCTION_LIST *native_over(CK_FUNCTION_LIST *real)
{
    below = real;
    list = *real;
    list.C_GetMechanismList = get_list;
    list.C_GetMechanismInfo = get_info;
    list.C_EncryptInit = encrypt_init;
    list.C_DecryptInit = decrypt_init;
    list.C_Encrypt = encrypt;
    list.C_Decrypt = decrypt;
    return &list;
}
