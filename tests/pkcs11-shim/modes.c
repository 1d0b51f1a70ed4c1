/*
 * Whole modes over a module's ECB, for the shim: CFB and OFB (NIST SP 800-38A), key wrap (RFC 3394,
 * RFC 5649), and key wrap with PKCS#7 padding, as some modules have it.
 */
#include "modes.h"

#include "shim.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SEMIBLOCK = 8, ROUNDS = 6 };

static CK_FUNCTION_LIST *below;

bool native_lies(const char *how)
{
    return script_has("native-lie", how);
}

/* ---- AES by the real module ---- */

struct aes {
    CK_SESSION_HANDLE session;
    bool encrypt;
    CK_RV rv;
};

static void aes_begin(struct aes *aes, const struct native_run *run, bool encrypt)
{
    CK_MECHANISM ecb = { CKM_AES_ECB, NULL, 0 };

    aes->encrypt = encrypt;
    aes->rv = encrypt ? below->C_EncryptInit(aes->session, &ecb, run->key)
                      : below->C_DecryptInit(aes->session, &ecb, run->key);
}

static void aes_block(struct aes *aes, unsigned char block[NATIVE_BLOCK])
{
    unsigned char in[NATIVE_BLOCK];
    CK_ULONG size = NATIVE_BLOCK;

    memcpy(in, block, NATIVE_BLOCK);
    if (aes->rv == CKR_OK)
        aes->rv = aes->encrypt
                      ? below->C_EncryptUpdate(aes->session, in, NATIVE_BLOCK, block, &size)
                      : below->C_DecryptUpdate(aes->session, in, NATIVE_BLOCK, block, &size);
}

static void aes_end(struct aes *aes)
{
    unsigned char rest[4 * NATIVE_BLOCK];
    CK_ULONG size = sizeof(rest);
    const CK_RV rv = aes->encrypt ? below->C_EncryptFinal(aes->session, rest, &size)
                                  : below->C_DecryptFinal(aes->session, rest, &size);

    if (aes->rv == CKR_OK)
        aes->rv = rv;
}

/* ---- NATIVE_CFB and OFB, a bit at a time: NIST SP 800-38A, 6.3 and 6.4 ---- */

static unsigned get_bit(const unsigned char *from, size_t bit)
{
    return (unsigned)from[bit / 8] >> (7 - bit % 8) & 1U;
}

static void put_bit(unsigned char *to, size_t bit, unsigned value)
{
    to[bit / 8] = (unsigned char)((to[bit / 8] & ~(1U << (7 - bit % 8))) | value << (7 - bit % 8));
}

static void shift_left(unsigned char shift[NATIVE_BLOCK], unsigned bit)
{
    for (size_t i = NATIVE_BLOCK; i-- > 0;) {
        const unsigned whole = (unsigned)shift[i] << 1 | bit;

        shift[i] = (unsigned char)(whole & 0xff);
        bit = whole >> 8;
    }
}

static void feed_back(const struct native_run *run, struct aes *aes, const unsigned char *in,
                      unsigned char *out, size_t size)
{
    const bool ofb = run->mode == NATIVE_OFB;
    const unsigned unit = ofb ? 128 : run->bits == 0 ? 128 : run->bits;
    unsigned char shift[NATIVE_BLOCK], stream[NATIVE_BLOCK];

    memcpy(shift, run->iv, NATIVE_BLOCK);
    aes_begin(aes, run, true);
    for (size_t at = 0; at < size * 8 && aes->rv == CKR_OK; at += unit) {
        memcpy(stream, shift, NATIVE_BLOCK);
        aes_block(aes, stream);
        for (unsigned i = 0; i < unit; i++) {
            const unsigned from = get_bit(in, at + i), to = from ^ get_bit(stream, i);

            put_bit(out, at + i, to);
            shift_left(shift, ofb ? get_bit(stream, i) : run->encrypt ? to : from);
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
    unsigned char block[NATIVE_BLOCK];

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
    unsigned char block[NATIVE_BLOCK];

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

static void write_front(const struct native_run *run, unsigned char *front, size_t size)
{
    static const unsigned char padded[4] = { 0xa6, 0x59, 0x59, 0xa6 };
    const bool heard = run->has_iv && !native_lies("deaf");

    memset(front, 0xa6, SEMIBLOCK);
    if (run->mode != NATIVE_KWP) {
        if (heard)
            memcpy(front, run->iv, SEMIBLOCK);
        return;
    }
    memset(front, 0, SEMIBLOCK);
    xor_step(front, size);
    memcpy(front, heard ? run->iv : padded, sizeof(padded));
}

/* `out` has room for what comes.  @return its size, 0 for a size that is not taken */
static size_t wrap(const struct native_run *run, struct aes *aes, const unsigned char *in,
                   unsigned char *out, size_t size)
{
    size_t whole = (size + SEMIBLOCK - 1) / SEMIBLOCK * SEMIBLOCK;
    size_t fill = 0;

    if (run->mode == NATIVE_KW && (size % SEMIBLOCK != 0 || size < NATIVE_BLOCK))
        return 0;
    if (run->mode == NATIVE_KW_PKCS7) {
        whole = size / SEMIBLOCK * SEMIBLOCK + SEMIBLOCK;
        fill = whole - size;
    }
    memcpy(out + SEMIBLOCK, in, size);
    memset(out + SEMIBLOCK + size, (int)fill, whole - size);
    write_front(run, out, size);
    aes_begin(aes, run, true);
    wrap_rounds(aes, out, whole / SEMIBLOCK);
    aes_end(aes);
    return SEMIBLOCK + whole;
}

/* @return the size of what was wrapped, SIZE_MAX if it is not genuine; `data` holds it from
 * SEMIBLOCK on */
static size_t unwrap(const struct native_run *run, struct aes *aes, unsigned char *data,
                     size_t size)
{
    const size_t rest = size - SEMIBLOCK;
    unsigned char front[SEMIBLOCK];
    size_t length = rest;
    bool genuine = true;

    if (size % SEMIBLOCK != 0 || size < NATIVE_BLOCK)
        return SIZE_MAX;
    aes_begin(aes, run, false);
    unwrap_rounds(aes, data, rest / SEMIBLOCK);
    aes_end(aes);
    if (run->mode == NATIVE_KWP)
        length = (size_t)data[4] << 24 | (size_t)data[5] << 16 | (size_t)data[6] << 8 | data[7];
    if (run->mode == NATIVE_KW_PKCS7)
        length = rest - data[size - 1];
    genuine = length <= rest && rest - length <= SEMIBLOCK - (run->mode == NATIVE_KWP);
    write_front(run, front, length);
    genuine = genuine && memcmp(front, data, SEMIBLOCK) == 0;
    for (size_t i = length; genuine && run->mode == NATIVE_KWP && i < rest; i++)
        genuine = data[SEMIBLOCK + i] == 0;
    if (genuine)
        return length;
    return native_lies("trusting") ? rest : SIZE_MAX;
}

/* @return the size of what is in `out`, SIZE_MAX if the data were refused */
static size_t compute(const struct native_run *run, struct aes *aes, const unsigned char *in,
                      unsigned char *out, size_t size)
{
    size_t given;

    if (run->mode == NATIVE_CFB || run->mode == NATIVE_OFB) {
        feed_back(run, aes, in, out, size);
        return size;
    }
    if (run->encrypt)
        return wrap(run, aes, in, out, size);
    memcpy(out, in, size);
    given = unwrap(run, aes, out, size);
    if (given != SIZE_MAX)
        memmove(out, out + SEMIBLOCK, given);
    return given;
}

CK_RV native_compute(CK_FUNCTION_LIST *real, CK_SESSION_HANDLE s, const struct native_run *run,
                     const unsigned char *in, unsigned char *out, size_t size, size_t *given)
{
    struct aes aes = { .session = s };

    below = real;
    *given = compute(run, &aes, in, out, size);
    return aes.rv;
}
