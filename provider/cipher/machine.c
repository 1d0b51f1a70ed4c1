/* The state machine under the ciphers: see machine.h. */
#include "cipher/machine.h"

#include <string.h>

#include "cipher/feedback.h"
#include "cipher/stealing.h"
#include "cipher/wrap.h"
#include "secret.h"

void machine_new(struct machine *machine, enum machine_kind kind)
{
    *machine = (struct machine){ .kind = kind, .encrypt = true, .padding = kind != MACHINE_WRAP };
}

static bool is_feedback(const struct machine *machine)
{
    return machine->kind == MACHINE_CFB || machine->kind == MACHINE_CFB8 ||
           machine->kind == MACHINE_CFB1 || machine->kind == MACHINE_OFB;
}

/* Modes that know no message: an update is all, and a final nothing. */
static bool is_wrap(const struct machine *machine)
{
    return machine->kind == MACHINE_WRAP || machine->kind == MACHINE_WRAP_PAD;
}

void machine_wipe(struct machine *machine)
{
    secret_wipe(machine, sizeof(*machine));
}

void machine_init(struct machine *machine, bool encrypt, const unsigned char *iv)
{
    machine->encrypt = encrypt;
    machine->ended = false;
    machine->num = 0;
    machine->waiting = 0;
    secret_wipe(machine->partial, sizeof(machine->partial));
    if (iv != NULL && machine_iv_size(machine->kind) > 0) {
        memcpy(machine->iv, iv, machine_iv_size(machine->kind));
        memcpy(machine->original_iv, iv, machine_iv_size(machine->kind));
        machine->iv_set = true;
    } else if (machine_begins_again(machine)) {
        memcpy(machine->iv, machine->original_iv, HSM_BLOCK);
    }
}

bool machine_begins_again(const struct machine *machine)
{
    return machine->kind != MACHINE_CTR;
}

enum machine_result machine_set_num(struct machine *machine, unsigned int num)
{
    if ((machine->kind == MACHINE_CTR && num != 0) || (is_feedback(machine) && num >= HSM_BLOCK))
        return MACHINE_NO_STREAM;
    machine->num = num;
    return MACHINE_DONE;
}

/* Nothing waits for more data or for an end. */
static bool is_immediate(const struct machine *machine)
{
    return machine->kind == MACHINE_CTR || is_feedback(machine) || is_wrap(machine);
}

static bool lacks_iv(const struct machine *machine)
{
    /* Key wrap has an IV of its own. */
    return machine->kind != MACHINE_ECB && !is_wrap(machine) && !machine->iv_set;
}

/* How many bytes leave when `total` are there: with padding, a decryption holds the last block. */
static size_t leaving(const struct machine *machine, size_t total)
{
    if (!machine->encrypt && machine->padding)
        return total == 0 ? 0 : (total - 1) / HSM_BLOCK * HSM_BLOCK;
    return total / HSM_BLOCK * HSM_BLOCK;
}

static enum machine_result update_blocks(struct machine *machine,
                                         const struct machine_engine *engine, unsigned char *out,
                                         size_t *written, size_t room, const unsigned char *in,
                                         size_t size)
{
    const size_t emit = leaving(machine, machine->waiting + size);
    const size_t fill = emit > 0 && machine->waiting > 0 ? HSM_BLOCK - machine->waiting : 0;
    unsigned char head[HSM_BLOCK];
    struct hsm_data data = { .in = in + fill, .size = emit, .out = out };
    size_t taken = emit, rest;
    bool done = true;

    if (room < emit)
        return MACHINE_NO_ROOM;
    if (machine->waiting > 0 && emit > 0) {
        memcpy(head, machine->partial, machine->waiting);
        if (fill > 0)
            memcpy(head + machine->waiting, in, fill);
        data.head = head;
        data.size -= HSM_BLOCK;
        taken = fill + data.size;
    }
    /* What stays behind is saved before `out`, which may be `in`, is written to. */
    rest = size - taken;
    if (emit > 0) {
        unsigned char tail[HSM_BLOCK];

        if (rest > 0)
            memcpy(tail, in + taken, rest);
        done = engine->blocks(engine->argument, machine->encrypt, machine->iv, &data);
        secret_wipe(head, sizeof(head));
        if (done && rest > 0)
            memcpy(machine->partial, tail, rest);
        if (done)
            machine->waiting = rest;
        secret_wipe(tail, sizeof(tail));
    } else if (size > 0) {
        memcpy(machine->partial + machine->waiting, in, size);
        machine->waiting += size;
    }
    *written = done ? emit : 0;
    return done ? MACHINE_DONE : MACHINE_ENGINE_FAILED;
}

static enum machine_result update_stream(struct machine *machine,
                                         const struct machine_engine *engine, unsigned char *out,
                                         size_t *written, size_t room, const unsigned char *in,
                                         size_t size)
{
    const size_t left = machine->num > 0 ? HSM_BLOCK - machine->num : 0;
    const size_t first = size < left ? size : left;
    const size_t rest = size - first;
    unsigned char head[HSM_BLOCK];

    if (room < size)
        return MACHINE_NO_ROOM;
    for (size_t i = 0; i < first; i++)
        head[i] = (unsigned char)(in[i] ^ machine->partial[machine->num + i]);
    if (rest > 0 && !engine->stream(engine->argument, machine->encrypt, machine->iv,
                                    machine->partial, in + first, out + first, rest)) {
        secret_wipe(head, sizeof(head));
        return MACHINE_ENGINE_FAILED;
    }
    if (first > 0)
        memcpy(out, head, first);
    secret_wipe(head, sizeof(head));
    machine->num = (unsigned int)((rest > 0 ? rest : machine->num + first) % HSM_BLOCK);
    *written = size;
    return MACHINE_DONE;
}

enum machine_result machine_update(struct machine *machine, const struct machine_engine *engine,
                                   unsigned char *out, size_t *written, size_t room,
                                   const unsigned char *in, size_t size)
{
    *written = 0;
    if (lacks_iv(machine))
        return MACHINE_NO_IV;
    if (is_wrap(machine))
        return wrap_update(machine, engine, out, written, room, in, size);
    if (machine->kind == MACHINE_CTS)
        return stealing_update(machine, engine, out, written, room, in, size);
    if (is_feedback(machine))
        return feedback_update(machine, engine, out, written, room, in, size);
    if (machine->kind == MACHINE_CTR)
        return update_stream(machine, engine, out, written, room, in, size);
    return update_blocks(machine, engine, out, written, room, in, size);
}

size_t machine_output(const struct machine *machine, bool update, size_t size)
{
    if (is_wrap(machine))
        return 0;
    if (machine->kind == MACHINE_CFB1 && machine->bits)
        return (size + 7) / 8;
    return !update || is_immediate(machine) || machine->kind == MACHINE_CTS
               ? size
               : leaving(machine, machine->waiting + size);
}

/*
 * The number of padding bytes that end the decrypted block (PKCS#7, RFC 5652, 6.3), or 0 if they
 * are wrong; without a branch or an address that depends on the data.
 */
static unsigned int padding_length(const unsigned char block[HSM_BLOCK])
{
    const unsigned int length = block[HSM_BLOCK - 1];
    unsigned int bad = (length - 1U) >> 8 | (HSM_BLOCK - length) >> 8; /* not in 1 to 16 */
    unsigned int mask;

    for (unsigned int i = 0; i < HSM_BLOCK; i++) {
        const unsigned int inside = (i - length) >> 31; /* 1 for the last `length` bytes */

        bad |= (0U - inside) & (block[HSM_BLOCK - 1 - i] ^ length);
    }
    mask = 0U - ((bad | (0U - bad)) >> 31); /* all ones if anything is bad */
    return length & ~mask;
}

static enum machine_result decrypt_last(struct machine *machine,
                                        const struct machine_engine *engine, unsigned char *out,
                                        size_t *written, size_t room)
{
    unsigned char block[HSM_BLOCK];
    const struct hsm_data data = { .in = machine->partial, .size = HSM_BLOCK, .out = block };
    unsigned int padding = 0;
    size_t size;

    if (!engine->blocks(engine->argument, false, machine->iv, &data))
        return MACHINE_ENGINE_FAILED;
    machine->waiting = 0;
    if (machine->padding) {
        padding = padding_length(block);
        if (padding == 0) {
            secret_wipe(block, sizeof(block));
            return MACHINE_BAD_DECRYPT;
        }
    }
    size = HSM_BLOCK - padding;
    if (room >= size) {
        if (size > 0)
            memcpy(out, block, size);
        *written = size;
    }
    secret_wipe(block, sizeof(block));
    return room >= size ? MACHINE_DONE : MACHINE_NO_ROOM;
}

static enum machine_result encrypt_last(struct machine *machine,
                                        const struct machine_engine *engine, unsigned char *out,
                                        size_t *written, size_t room)
{
    unsigned char block[HSM_BLOCK];
    const struct hsm_data data = { .in = block, .size = HSM_BLOCK, .out = out };
    bool done;

    if (room < HSM_BLOCK)
        return MACHINE_NO_ROOM;
    memcpy(block, machine->partial, machine->waiting);
    memset(block + machine->waiting, (int)(HSM_BLOCK - machine->waiting),
           HSM_BLOCK - machine->waiting);
    done = engine->blocks(engine->argument, true, machine->iv, &data);
    secret_wipe(block, sizeof(block));
    if (!done)
        return MACHINE_ENGINE_FAILED;
    machine->waiting = 0;
    *written = HSM_BLOCK;
    return MACHINE_DONE;
}

enum machine_result machine_final(struct machine *machine, const struct machine_engine *engine,
                                  unsigned char *out, size_t *written, size_t room)
{
    *written = 0;
    if (is_immediate(machine) || machine->kind == MACHINE_CTS)
        return MACHINE_DONE;
    if (lacks_iv(machine))
        return MACHINE_NO_IV;
    if (machine->encrypt && machine->padding)
        return encrypt_last(machine, engine, out, written, room);
    if (machine->waiting == 0 && !machine->padding)
        return MACHINE_DONE;
    /* Unpadded, a whole block waits only if padding was switched off on the way. */
    if (machine->waiting != HSM_BLOCK || machine->encrypt)
        return MACHINE_WRONG_LENGTH;
    return decrypt_last(machine, engine, out, written, room);
}

enum machine_result machine_at_once(struct machine *machine, const struct machine_engine *engine,
                                    unsigned char *out, size_t *written, size_t room,
                                    const unsigned char *in, size_t size)
{
    const struct hsm_data data = { .in = in, .size = size, .out = out };

    *written = 0;
    if (is_immediate(machine))
        return machine_update(machine, engine, out, written, room, in, size);
    if (lacks_iv(machine))
        return MACHINE_NO_IV;
    if (room < size)
        return MACHINE_NO_ROOM;
    /* The default provider writes past the end, or leaves a rest out, in silence. */
    if (size % HSM_BLOCK != 0)
        return MACHINE_WRONG_LENGTH;
    if (size > 0 && !engine->blocks(engine->argument, machine->encrypt, machine->iv, &data))
        return MACHINE_ENGINE_FAILED;
    *written = size;
    return MACHINE_DONE;
}
