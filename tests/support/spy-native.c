/*
 * Mechanisms of a whole mode in front of a module that has ECB only, for the spy: what is computed
 * here is computed over the real module's ECB, one block a call.
 *
 *   HSMZKE_SPY_NATIVE       what is offered: names out of the table below, with blanks between; a
 * "!" after a name: it does something else, as modules do
 *   HSMZKE_SPY_NATIVE_LIE   "bytes": wrong bytes; "late-bytes": in all calls but the first;
 * "short", "long": of a wrong length; "deaf": an IV in the parameter is not heard; "trusting": what
 * is not genuine is unwrapped; a number: each call returns it HSMZKE_SPY_NATIVE_ONLY  if set,
 * C_EncryptInit and C_DecryptInit refuse CKM_AES_ECB
 */
#include "spy-native.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 16, SEMIBLOCK = 8, ROUNDS = 6, LONGEST = 2 * 1024 * 1024 };

enum mode { CFB, OFB, KW, KWP, KW_PKCS7 };

static const struct offer {
    const char *name;
    CK_MECHANISM_TYPE type;
    enum mode mode, other; /* `other`: with a "!" */
    unsigned bits;         /* CFB */
} offers[] = {
    { "cfb128", CKM_AES_CFB128, CFB, OFB, 128 },
    { "cfb8", CKM_AES_CFB8, CFB, OFB, 8 },
    { "cfb1", CKM_AES_CFB1, CFB, OFB, 1 },
    { "ofb", CKM_AES_OFB, OFB, CFB, 128 },
    { "kw", CKM_AES_KEY_WRAP, KW, KW_PKCS7, 0 },
    { "kwp-old", CKM_AES_KEY_WRAP_PAD, KWP, KW_PKCS7, 0 },
    { "kwp", 0x210B, KWP, KW_PKCS7, 0 },
};

/* What a session runs; by the last bits of its handle. */
static struct running {
    const struct offer *offer; /* NULL: the real module's own */
    enum mode mode;
    bool encrypt, has_iv;
    CK_OBJECT_HANDLE key;
    unsigned char iv[BLOCK];
} sessions[1 << 16];

static CK_FUNCTION_LIST *below;
static CK_FUNCTION_LIST list;

static bool lies(const char *how)
{
    const char *lie = getenv("HSMZKE_SPY_NATIVE_LIE");

    return lie != NULL && strcmp(lie, how) == 0;
}

/* The number that each call is to return; 0: none. */
static CK_RV told_answer(void)
{
    const char *lie = getenv("HSMZKE_SPY_NATIVE_LIE");

    return lie == NULL ? 0 : strtoul(lie, NULL, 0);
}

static const struct offer *find(CK_MECHANISM_TYPE type, enum mode *mode)
{
    const char *offered = getenv("HSMZKE_SPY_NATIVE");

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

/* ---- AES by the real module ---- */

struct aes {
    CK_SESSION_HANDLE session;
    bool encrypt;
    CK_RV rv;
};

static void aes_begin(struct aes *aes, const struct running *running, bool encrypt)
{
    CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };

    aes->encrypt = encrypt;
    aes->rv = encrypt ? below->C_EncryptInit(aes->session, &ecb, running->key)
                      : below->C_DecryptInit(aes->session, &ecb, running->key);
}

static void aes_block(struct aes *aes, unsigned char block[BLOCK])
{
    unsigned char in[BLOCK];
    CK_ULONG size = BLOCK;

    memcpy(in, block, BLOCK);
    if (aes->rv == CKR_OK)
        aes->rv = aes->encrypt ? below->C_EncryptUpdate(aes->session, in, BLOCK, block, &size)
                               : below->C_DecryptUpdate(aes->session, in, BLOCK, block, &size);
}

static void aes_end(struct aes *aes)
{
    unsigned char rest[4 * BLOCK];
    CK_ULONG size = sizeof(rest);
    const CK_RV rv = aes->encrypt ? below->C_EncryptFinal(aes->session, rest, &size)
                                  : below->C_DecryptFinal(aes->session, rest, &size);

    if (aes->rv == CKR_OK)
        aes->rv = rv;
}

/* ---- CFB and OFB, a bit at a time: NIST SP 800-38A, 6.3 and 6.4 ---- */

static unsigned get_bit(const unsigned char *from, size_t bit)
{
    return (unsigned)from[bit / 8] >> (7 - bit % 8) & 1U;
}

static void put_bit(unsigned char *to, size_t bit, unsigned value)
{
    to[bit / 8] = (unsigned char)((to[bit / 8] & ~(1U << (7 - bit % 8))) | value << (7 - bit % 8));
}

static void shift_left(unsigned char shift[BLOCK], unsigned bit)
{
    for (size_t i = BLOCK; i-- > 0;) {
        const unsigned whole = (unsigned)shift[i] << 1 | bit;

        shift[i] = (unsigned char)(whole & 0xff);
        bit = whole >> 8;
    }
}

static void feed_back(const struct running *running, struct aes *aes, const unsigned char *in,
                      unsigned char *out, size_t size)
{
    const bool ofb = running->mode == OFB;
    const unsigned unit = ofb ? 128 : running->offer->bits == 0 ? 128 : running->offer->bits;
    unsigned char shift[BLOCK], stream[BLOCK];

    memcpy(shift, running->iv, BLOCK);
    aes_begin(aes, running, true);
    for (size_t at = 0; at < size * 8 && aes->rv == CKR_OK; at += unit) {
        memcpy(stream, shift, BLOCK);
        aes_block(aes, stream);
        for (unsigned i = 0; i < unit; i++) {
            const unsigned from = get_bit(in, at + i), to = from ^ get_bit(stream, i);

            put_bit(out, at + i, to);
            shift_left(shift, ofb ? get_bit(stream, i) : running->encrypt ? to : from);
        }
    }
    aes_end(aes);
}

/* ---- key wrap: RFC 3394, 2.2.1 and 2.2.2; RFC 5649, 4 ---- */

static void xor_step(unsigned char a[SEMIBLOCK], size_t step)
{
    for (size_t i = SEMIBLOCK; i-- > 0; step >>= 8)
        a[i] = (unsigned char)(a[i] ^ (step & 0xff));
}

/* `data`: A and all of R, `n` semiblocks of it. */
static void wrap_rounds(struct aes *aes, unsigned char *data, size_t n)
{
    unsigned char block[BLOCK];

    for (size_t step = 1; step <= ROUNDS * n && n > 1; step++) {
        unsigned char *const r = data + ((step - 1) % n + 1) * SEMIBLOCK;

        memcpy(block, data, SEMIBLOCK);
        memcpy(block + SEMIBLOCK, r, SEMIBLOCK);
        aes_block(aes, block);
        xor_step(block, step);
        memcpy(data, block, SEMIBLOCK);
        memcpy(r, block + SEMIBLOCK, SEMIBLOCK);
    }
    if (n == 1)
        aes_block(aes, data);
}

static void unwrap_rounds(struct aes *aes, unsigned char *data, size_t n)
{
    unsigned char block[BLOCK];

    for (size_t step = ROUNDS * n; step > 0 && n > 1; step--) {
        unsigned char *const r = data + ((step - 1) % n + 1) * SEMIBLOCK;

        memcpy(block, data, SEMIBLOCK);
        xor_step(block, step);
        memcpy(block + SEMIBLOCK, r, SEMIBLOCK);
        aes_block(aes, block);
        memcpy(data, block, SEMIBLOCK);
        memcpy(r, block + SEMIBLOCK, SEMIBLOCK);
    }
    if (n == 1)
        aes_block(aes, data);
}

static void write_front(const struct running *running, unsigned char *front, size_t size)
{
    static const unsigned char padded[4] = { 0xa6, 0x59, 0x59, 0xa6 };
    const bool heard = running->has_iv && !lies("deaf");

    memset(front, 0xa6, SEMIBLOCK);
    if (running->mode != KWP) {
        if (heard)
            memcpy(front, running->iv, SEMIBLOCK);
        return;
    }
    memset(front, 0, SEMIBLOCK);
    xor_step(front, size);
    memcpy(front, heard ? running->iv : padded, sizeof(padded));
}

/* `out` has room for what comes.  @return its size, 0 for a size that is not taken */
static size_t wrap(const struct running *running, struct aes *aes, const unsigned char *in,
                   unsigned char *out, size_t size)
{
    size_t whole = (size + SEMIBLOCK - 1) / SEMIBLOCK * SEMIBLOCK;
    size_t fill = 0;

    if (running->mode == KW && (size % SEMIBLOCK != 0 || size < BLOCK))
        return 0;
    if (running->mode == KW_PKCS7) {
        whole = size / SEMIBLOCK * SEMIBLOCK + SEMIBLOCK;
        fill = whole - size;
    }
    memcpy(out + SEMIBLOCK, in, size);
    memset(out + SEMIBLOCK + size, (int)fill, whole - size);
    write_front(running, out, size);
    aes_begin(aes, running, true);
    wrap_rounds(aes, out, whole / SEMIBLOCK);
    aes_end(aes);
    return SEMIBLOCK + whole;
}

/* @return the size of what was wrapped, SIZE_MAX if it is not genuine; `data` holds it from
 * SEMIBLOCK on */
static size_t unwrap(const struct running *running, struct aes *aes, unsigned char *data,
                     size_t size)
{
    const size_t rest = size - SEMIBLOCK;
    unsigned char front[SEMIBLOCK];
    size_t length = rest;
    bool genuine = true;

    if (size % SEMIBLOCK != 0 || size < BLOCK)
        return SIZE_MAX;
    aes_begin(aes, running, false);
    unwrap_rounds(aes, data, rest / SEMIBLOCK);
    aes_end(aes);
    if (running->mode == KWP)
        length = (size_t)data[4] << 24 | (size_t)data[5] << 16 | (size_t)data[6] << 8 | data[7];
    if (running->mode == KW_PKCS7)
        length = rest - data[size - 1];
    genuine = length <= rest && rest - length <= SEMIBLOCK - (running->mode == KWP);
    write_front(running, front, length);
    genuine = genuine && memcmp(front, data, SEMIBLOCK) == 0;
    for (size_t i = length; genuine && running->mode == KWP && i < rest; i++)
        genuine = data[SEMIBLOCK + i] == 0;
    if (genuine)
        return length;
    return lies("trusting") ? rest : SIZE_MAX;
}

/* ---- what PKCS#11 sees ---- */

static CK_RV get_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    enum mode mode;

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
    enum mode mode;

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
    if (m->mechanism == CKM_AES_ECB && getenv("HSMZKE_SPY_NATIVE_ONLY") != NULL)
        return CKR_MECHANISM_INVALID;
    running->offer = find(m->mechanism, &running->mode);
    if (running->offer == NULL)
        return encrypt ? below->C_EncryptInit(s, m, key) : below->C_DecryptInit(s, m, key);
    running->encrypt = encrypt;
    running->key = key;
    running->has_iv = m->ulParameterLen > 0;
    if (m->ulParameterLen > BLOCK)
        return CKR_MECHANISM_PARAM_INVALID;
    if (running->has_iv)
        memcpy(running->iv, m->pParameter, m->ulParameterLen);
    return CKR_OK;
}

/* @return the size of what is in `out`, SIZE_MAX if the data were refused */
static size_t compute(const struct running *running, struct aes *aes, const unsigned char *in,
                      unsigned char *out, size_t size)
{
    size_t given;

    if (running->mode == CFB || running->mode == OFB) {
        feed_back(running, aes, in, out, size);
        return size;
    }
    if (running->encrypt)
        return wrap(running, aes, in, out, size);
    memcpy(out, in, size);
    given = unwrap(running, aes, out, size);
    if (given != SIZE_MAX)
        memmove(out, out + SEMIBLOCK, given);
    return given;
}

static void spoil(unsigned char *out, size_t *size)
{
    if (lies("bytes"))
        out[*size - 1] ^= 0x40;
    if (lies("short"))
        *size -= 1;
    if (lies("long"))
        *size += 1;
}

static CK_RV whole(CK_SESSION_HANDLE s, const CK_BYTE *in, CK_ULONG n, CK_BYTE *out, CK_ULONG *room)
{
    struct running running = sessions[s & 0xffff];
    struct aes aes = { .session = s };
    unsigned char *result;
    size_t given;
    CK_RV rv;

    sessions[s & 0xffff].offer = NULL;
    if (told_answer() != 0)
        return told_answer();
    if (n == 0 || n > LONGEST || (running.mode <= OFB && n % BLOCK != 0))
        return CKR_DATA_LEN_RANGE;
    result = calloc(1, n + 3 * BLOCK);
    if (result == NULL)
        return CKR_HOST_MEMORY;
    given = compute(&running, &aes, in, result, n);
    rv = aes.rv;
    if (rv == CKR_OK && (given == SIZE_MAX || given == 0))
        rv = running.encrypt ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_INVALID;
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
    if (getenv("HSMZKE_SPY_NATIVE") == NULL)
        return real;
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
