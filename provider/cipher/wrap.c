/*
 * AES key wrap: see wrap.h.  The data are worked on in `out`, so that no other memory holds them;
 * after a failure they are wiped there.  Which calls the engine gets depends on nothing but the
 * size of the data.  What the HSM has a mechanism for goes through native.c first.
 */
#include "cipher/wrap.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "cipher/native.h"
#include "secret.h"

enum { SEMIBLOCK = 8, ROUNDS = 6 };

/* One block of AES: A and R[i] of RFC 3394, 2.2, one behind the other. */
static bool one_block(const struct machine_engine *engine, bool encrypt,
                      unsigned char pair[HSM_BLOCK])
{
    unsigned char in[HSM_BLOCK], no_chain[HSM_BLOCK] = { 0 };
    const struct hsm_data data = { .in = in, .size = HSM_BLOCK, .out = pair };
    bool done;

    memcpy(in, pair, HSM_BLOCK);
    done = engine->blocks(engine->argument, encrypt, no_chain, &data);
    secret_wipe(in, sizeof(in));
    return done;
}

static void xor_step(unsigned char a[SEMIBLOCK], uint64_t step)
{
    for (size_t i = SEMIBLOCK; i-- > 0; step >>= 8)
        a[i] = (unsigned char)(a[i] ^ (step & 0xff));
}

/* RFC 3394, 2.2.1, with index variables; `pair` begins with A, `r` holds `size` bytes. */
static bool wrap_rounds(const struct machine_engine *engine, unsigned char pair[HSM_BLOCK],
                        unsigned char *r, size_t size)
{
    uint64_t step = 0;

    for (unsigned int round = 0; round < ROUNDS; round++) {
        for (size_t at = 0; at < size; at += SEMIBLOCK) {
            memcpy(pair + SEMIBLOCK, r + at, SEMIBLOCK);
            if (!one_block(engine, true, pair))
                return false;
            xor_step(pair, ++step);
            memcpy(r + at, pair + SEMIBLOCK, SEMIBLOCK);
        }
    }
    return true;
}

/* RFC 3394, 2.2.2, without its last step. */
static bool unwrap_rounds(const struct machine_engine *engine, unsigned char pair[HSM_BLOCK],
                          unsigned char *r, size_t size)
{
    uint64_t step = (uint64_t)ROUNDS * (size / SEMIBLOCK);

    for (unsigned int round = 0; round < ROUNDS; round++) {
        for (size_t at = size; at > 0; at -= SEMIBLOCK) {
            xor_step(pair, step--);
            memcpy(pair + SEMIBLOCK, r + at - SEMIBLOCK, SEMIBLOCK);
            if (!one_block(engine, false, pair))
                return false;
            memcpy(r + at - SEMIBLOCK, pair + SEMIBLOCK, SEMIBLOCK);
        }
    }
    return true;
}

/* A single semiblock, which only padding allows, is one block of AES (RFC 5649, 4). */
static bool single(const struct machine_engine *engine, bool encrypt, unsigned char pair[HSM_BLOCK],
                   unsigned char *r)
{
    memcpy(pair + SEMIBLOCK, r, SEMIBLOCK);
    if (!one_block(engine, encrypt, pair))
        return false;
    memcpy(r, pair + SEMIBLOCK, SEMIBLOCK);
    return true;
}

static bool is_padded(const struct machine *machine)
{
    return machine->kind == MACHINE_WRAP_PAD;
}

static const unsigned char *standard_iv(const struct machine *machine)
{
    static const unsigned char plain_iv[WRAP_IV_SIZE] = { 0xa6, 0xa6, 0xa6, 0xa6,
                                                          0xa6, 0xa6, 0xa6, 0xa6 };
    static const unsigned char padded_iv[WRAP_PAD_IV_SIZE] = { 0xa6, 0x59, 0x59, 0xa6 };

    return is_padded(machine) ? padded_iv : plain_iv;
}

static bool has_own_iv(const struct machine *machine)
{
    return machine->iv_set &&
           memcmp(machine->iv, standard_iv(machine), machine_iv_size(machine->kind)) != 0;
}

/* What stands in front of `size` bytes before they are wrapped. */
static void write_front(const struct machine *machine, unsigned char front[SEMIBLOCK], size_t size)
{
    const unsigned char *iv = machine->iv_set ? machine->iv : standard_iv(machine);

    if (is_padded(machine)) {
        memset(front, 0, SEMIBLOCK);
        xor_step(front, size);
        memcpy(front, iv, WRAP_PAD_IV_SIZE);
    } else {
        memcpy(front, iv, SEMIBLOCK);
    }
}

static enum machine_result wrap(const struct machine *machine, const struct machine_engine *engine,
                                unsigned char *out, size_t *written, const unsigned char *in,
                                size_t size)
{
    const size_t padded = (size + SEMIBLOCK - 1) / SEMIBLOCK * SEMIBLOCK;
    unsigned char pair[HSM_BLOCK];
    bool done;

    memmove(out + SEMIBLOCK, in, size);
    memset(out + SEMIBLOCK + size, 0, padded - size);
    write_front(machine, pair, size);
    done = padded == SEMIBLOCK ? single(engine, true, pair, out + SEMIBLOCK)
                               : wrap_rounds(engine, pair, out + SEMIBLOCK, padded);
    memcpy(out, pair, SEMIBLOCK);
    secret_wipe(pair, sizeof(pair));
    if (!done) {
        secret_wipe(out, SEMIBLOCK + padded);
        return MACHINE_ENGINE_FAILED;
    }
    *written = SEMIBLOCK + padded;
    return MACHINE_DONE;
}

/*
 * Not 0 unless `front` and the padding are as wrap() makes them (RFC 5649, 3); `*padding` gets the
 * number of bytes of padding.  Without a branch or an address that depends on the data.
 */
static unsigned int check(const struct machine *machine, const unsigned char front[SEMIBLOCK],
                          const unsigned char *plain, size_t size, size_t *padding)
{
    unsigned char expected[SEMIBLOCK];
    unsigned int bad = 0;
    uint32_t length = 0, pad;

    write_front(machine, expected, 0);
    for (size_t i = 0; i < machine_iv_size(machine->kind); i++)
        bad |= front[i] ^ expected[i];
    *padding = 0;
    if (!is_padded(machine))
        return bad;
    for (size_t i = WRAP_PAD_IV_SIZE; i < SEMIBLOCK; i++)
        length = length << 8 | front[i];
    pad = (uint32_t)size - length; /* a length that is too large makes it huge */
    bad |= pad >> 3;
    pad &= SEMIBLOCK - 1;
    for (uint32_t i = 0; i < SEMIBLOCK; i++) {
        const uint32_t inside = (i - pad) >> 31; /* 1 for the last `pad` bytes */

        bad |= (0U - inside) & plain[size - 1 - i];
    }
    *padding = pad;
    return bad;
}

static enum machine_result unwrap(const struct machine *machine,
                                  const struct machine_engine *engine, unsigned char *out,
                                  size_t *written, const unsigned char *in, size_t size)
{
    const size_t rest = size - SEMIBLOCK;
    unsigned char pair[HSM_BLOCK];
    enum machine_result result = MACHINE_DONE;
    size_t padding = 0;

    memcpy(pair, in, SEMIBLOCK);
    memmove(out, in + SEMIBLOCK, rest);
    if (!(rest == SEMIBLOCK ? single(engine, false, pair, out)
                            : unwrap_rounds(engine, pair, out, rest)))
        result = MACHINE_ENGINE_FAILED;
    else if (check(machine, pair, out, rest, &padding) != 0)
        result = MACHINE_NOT_GENUINE;
    secret_wipe(pair, sizeof(pair));
    if (result != MACHINE_DONE) {
        secret_wipe(out, rest);
        return result;
    }
    *written = rest - padding;
    return MACHINE_DONE;
}

/* As the default provider has it, whether or not there is an output buffer. */
static bool is_good_size(const struct machine *machine, size_t size)
{
    if (size > INT_MAX)
        return false;
    if (!machine->encrypt)
        return size >= 2 * SEMIBLOCK && size % SEMIBLOCK == 0;
    return is_padded(machine) || size % SEMIBLOCK == 0;
}

enum machine_result wrap_update(const struct machine *machine, const struct machine_engine *engine,
                                unsigned char *out, size_t *written, size_t room,
                                const unsigned char *in, size_t size)
{
    if (size == 0)
        return MACHINE_DONE;
    if (room < size)
        return MACHINE_NO_ROOM;
    if (in == NULL || !is_good_size(machine, size))
        return MACHINE_BAD_SIZE;
    if (out == NULL) {
        *written = machine->encrypt ? (size + SEMIBLOCK - 1) / SEMIBLOCK * SEMIBLOCK + SEMIBLOCK
                                    : size - SEMIBLOCK;
        return MACHINE_DONE;
    }
    if (!is_padded(machine) && size < (machine->encrypt ? 2U : 3U) * SEMIBLOCK)
        return MACHINE_BAD_SIZE;
    return native_wrap(machine, engine, has_own_iv(machine), machine->encrypt ? wrap : unwrap, out,
                       written, in, size);
}
