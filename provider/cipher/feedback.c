/*
 * CFB and OFB: see feedback.h.  Each block of key stream needs the one before, or the ciphertext
 * that was made with it, so it is one call of the engine a block; only CFB's decryption, where all
 * ciphertext is there, takes many blocks in one call.  Where the HSM has a mechanism of its own for
 * the mode, whole blocks go to that, once it was seen to do what the blocks do.
 *
 * machine->iv is the shift register of the standard.  As in the default provider it also holds what
 * is left of a begun block's key stream: bytes `num` and up of it.
 */
#include "cipher/feedback.h"

#include <string.h>

#include "secret.h"

enum {
    PIECE = 4096,                    /* bytes that go through the engine in one call */
    PIECE_UNITS = PIECE / HSM_BLOCK, /* CFB8, CFB1: each byte or bit takes a block */
    TRIAL = 2 * HSM_BLOCK,           /* what a mechanism of the HSM's own is tried on */
};

struct feedback {
    const struct machine_engine *engine;
    enum machine_kind kind;
    bool encrypt;
    unsigned char shift[HSM_BLOCK];
    unsigned int num;
};

static bool blocks(const struct feedback *feedback, const struct hsm_data *data)
{
    unsigned char no_chain[HSM_BLOCK] = { 0 };

    return feedback->engine->blocks(feedback->engine->argument, true, no_chain, data);
}

/* The next block of key stream. */
static bool next_block(const struct feedback *feedback, unsigned char stream[HSM_BLOCK])
{
    const struct hsm_data data = { .in = feedback->shift, .size = HSM_BLOCK, .out = stream };

    return blocks(feedback, &data);
}

/* --- CFB128 and OFB: bytes */

static bool bytes_one_by_one(struct feedback *feedback, const unsigned char *in, unsigned char *out,
                             size_t size)
{
    unsigned char stream[HSM_BLOCK];

    for (size_t i = 0; i < size; i++) {
        unsigned char *at = &feedback->shift[feedback->num];
        const unsigned char byte = in[i];

        if (feedback->num == 0) {
            if (!next_block(feedback, stream))
                return false;
            memcpy(feedback->shift, stream, HSM_BLOCK);
            secret_wipe(stream, sizeof(stream));
        }
        out[i] = byte ^ *at;
        if (feedback->kind == MACHINE_CFB)
            *at = feedback->encrypt ? out[i] : byte;
        feedback->num = (feedback->num + 1) % HSM_BLOCK;
    }
    return true;
}

/* CFB128's decryption from a block boundary: the key stream is that of the ciphertext, shifted. */
static bool decrypt_many(struct feedback *feedback, const unsigned char *in, unsigned char *out,
                         size_t size)
{
    const size_t last = (size - 1) / HSM_BLOCK * HSM_BLOCK;
    unsigned char stream[PIECE];
    const struct hsm_data data = { .head = feedback->shift, .in = in, .size = last, .out = stream };

    if (!blocks(feedback, &data))
        return false;
    memcpy(feedback->shift, stream + last, HSM_BLOCK);
    memcpy(feedback->shift, in + last, size - last);
    feedback->num = (unsigned int)(size % HSM_BLOCK);
    for (size_t i = 0; i < size; i++)
        out[i] = in[i] ^ stream[i];
    secret_wipe(stream, sizeof(stream));
    return true;
}

static bool bytes_piece(struct feedback *feedback, const unsigned char *in, unsigned char *out,
                        size_t size)
{
    const size_t left = feedback->num > 0 ? HSM_BLOCK - feedback->num : 0;
    const size_t first = size < left ? size : left;

    if (feedback->kind != MACHINE_CFB || feedback->encrypt)
        return bytes_one_by_one(feedback, in, out, size);
    return bytes_one_by_one(feedback, in, out, first) &&
           (size == first || decrypt_many(feedback, in + first, out + first, size - first));
}

/* --- CFB8 and CFB1: units of a byte or a bit */

static unsigned int get_unit(const struct feedback *feedback, const unsigned char *from,
                             size_t unit)
{
    if (feedback->kind == MACHINE_CFB8)
        return from[unit];
    return (unsigned int)from[unit / 8] >> (7 - unit % 8) & 1U;
}

static void put_unit(const struct feedback *feedback, unsigned char *to, size_t unit,
                     unsigned int value)
{
    const unsigned int place = 7 - unit % 8;

    if (feedback->kind == MACHINE_CFB8)
        to[unit] = (unsigned char)value;
    else
        to[unit / 8] = (unsigned char)((to[unit / 8] & ~(1U << place)) | value << place);
}

/* A unit of ciphertext goes into the shift register at its end. */
static void shift_in(struct feedback *feedback, unsigned int unit)
{
    const unsigned int bits = feedback->kind == MACHINE_CFB8 ? 8 : 1;

    for (size_t i = HSM_BLOCK; i-- > 0;) {
        const unsigned int shifted = (unsigned int)feedback->shift[i] << bits | unit;

        feedback->shift[i] = (unsigned char)(shifted & 0xff);
        unit = shifted >> 8;
    }
}

static bool encrypt_units(struct feedback *feedback, const unsigned char *in, unsigned char *out,
                          size_t units)
{
    unsigned char stream[HSM_BLOCK];
    bool done = true;

    for (size_t i = 0; i < units; i++) {
        unsigned int unit;

        done = next_block(feedback, stream);
        if (!done)
            break;
        unit = get_unit(feedback, in, i) ^ get_unit(feedback, stream, 0);
        put_unit(feedback, out, i, unit);
        shift_in(feedback, unit);
    }
    secret_wipe(stream, sizeof(stream));
    return done;
}

static bool decrypt_units(struct feedback *feedback, const unsigned char *in, unsigned char *out,
                          size_t units)
{
    unsigned char shifts[PIECE], stream[PIECE];
    const struct hsm_data data = { .in = shifts, .size = units * HSM_BLOCK, .out = stream };

    for (size_t i = 0; i < units; i++) {
        memcpy(shifts + i * HSM_BLOCK, feedback->shift, HSM_BLOCK);
        shift_in(feedback, get_unit(feedback, in, i));
    }
    if (!blocks(feedback, &data))
        return false;
    for (size_t i = 0; i < units; i++)
        put_unit(feedback, out, i,
                 get_unit(feedback, in, i) ^ get_unit(feedback, stream + i * HSM_BLOCK, 0));
    secret_wipe(stream, sizeof(stream));
    return true;
}

/* --- All of them */

/* What a piece has at most, and how many bits each of its units. */
struct grain {
    size_t most, bits;
};

static struct grain grain_of(enum machine_kind kind)
{
    switch (kind) {
    case MACHINE_CFB1:
        return (struct grain){ PIECE_UNITS, 1 };
    case MACHINE_CFB8:
        return (struct grain){ PIECE_UNITS, 8 };
    default:
        return (struct grain){ PIECE, 8 };
    }
}

static bool piece(struct feedback *feedback, const unsigned char *in, unsigned char *out,
                  size_t units)
{
    if (feedback->kind == MACHINE_CFB || feedback->kind == MACHINE_OFB)
        return bytes_piece(feedback, in, out, units);
    return feedback->encrypt ? encrypt_units(feedback, in, out, units)
                             : decrypt_units(feedback, in, out, units);
}

/* A message on its way: what is to come of it. */
struct work {
    unsigned char *out; /* may be `in` */
    const unsigned char *in;
    size_t at, units;
};

/* The next `now` units, through memory of our own. */
static bool step(struct feedback *feedback, struct work *work, size_t now)
{
    const size_t bytes = (now * grain_of(feedback->kind).bits + 7) / 8;
    unsigned char bounce[PIECE], *const out = work->out + work->at;
    bool done;

    if (now * grain_of(feedback->kind).bits % 8 != 0) /* the last byte's other bits stay */
        bounce[bytes - 1] = out[bytes - 1];
    done = piece(feedback, work->in + work->at, bounce, now);
    if (done) {
        memcpy(out, bounce, bytes);
        work->at += bytes;
        work->units -= now;
    }
    secret_wipe(bounce, bytes);
    return done;
}

/* Two calls begin a mechanism of the HSM's own; over blocks it must be more. */
static bool saves_calls(const struct feedback *feedback, size_t units)
{
    const bool by_block = feedback->kind == MACHINE_CFB || feedback->kind == MACHINE_OFB;

    if (!feedback->encrypt && feedback->kind != MACHINE_OFB)
        return units > 2 * grain_of(feedback->kind).most;
    return units > (by_block ? 2 * HSM_BLOCK : 2);
}

/* Both ways, and which is right; what is given out comes from the blocks. */
static bool try_out(struct feedback *feedback, struct work *work, struct hsm_native *native)
{
    const struct machine_native *its = feedback->engine->native;
    unsigned char got[TRIAL], shift[HSM_BLOCK];
    const unsigned char *const out = work->out + work->at;
    const struct hsm_data data = { .in = work->in + work->at, .size = TRIAL, .out = got };
    enum hsm_native_answer answer;
    size_t done = 0;
    bool went = false;

    memcpy(shift, feedback->shift, HSM_BLOCK);
    answer = its->feedback(feedback->engine->argument, native, shift, &data, &done);
    if (answer != HSM_NATIVE_FAILED)
        went = step(feedback, work, TRIAL * 8 / grain_of(feedback->kind).bits);
    if (went) {
        const bool right = answer == HSM_NATIVE_DONE && done == TRIAL &&
                           memcmp(got, out, TRIAL) == 0 &&
                           memcmp(shift, feedback->shift, HSM_BLOCK) == 0;

        its->judge(feedback->engine->argument, native, right);
        native->trust = right ? HSM_TRUST_PROVEN : HSM_TRUST_NOT;
    }
    secret_wipe(got, sizeof(got));
    secret_wipe(shift, sizeof(shift));
    return went;
}

/* Whole blocks by a mechanism of the HSM's own; those that it did not do are left. */
static bool natively(struct feedback *feedback, struct work *work)
{
    const struct machine_native *its = feedback->engine->native;
    const size_t bits = grain_of(feedback->kind).bits, in_block = 8 * HSM_BLOCK / bits;
    struct hsm_native native = { .trust = HSM_TRUST_NOT };
    enum hsm_native_answer answer;
    struct hsm_data data;
    size_t done = 0;

    if (its == NULL || feedback->num != 0 || work->units < in_block ||
        !saves_calls(feedback, work->units))
        return true;
    its->find(feedback->engine->argument, feedback->encrypt, false, &native);
    if (native.trust == HSM_TRUST_UNPROVEN && work->units < 2 * in_block)
        return true; /* too little to be told by */
    if (native.trust == HSM_TRUST_UNPROVEN && !try_out(feedback, work, &native))
        return false;
    if (native.trust != HSM_TRUST_PROVEN || work->units < in_block)
        return true;
    data = (struct hsm_data){ .in = work->in + work->at,
                              .size = work->units / in_block * HSM_BLOCK,
                              .out = work->out + work->at };
    answer = its->feedback(feedback->engine->argument, &native, feedback->shift, &data, &done);
    work->at += done;
    work->units -= done * 8 / bits;
    if (answer == HSM_NATIVE_DONE || answer == HSM_NATIVE_FAILED)
        return answer == HSM_NATIVE_DONE;
    if (!step(feedback, work, in_block))
        return false;
    its->judge(feedback->engine->argument, &native, false); /* it failed where ECB went well */
    return true;
}

static bool run(struct feedback *feedback, struct work *work)
{
    const size_t left = feedback->num > 0 ? HSM_BLOCK - feedback->num : 0;
    const size_t most = grain_of(feedback->kind).most;
    bool done = true;

    if (left > 0 && left < work->units) /* `num` is of modes whose units are bytes */
        done = step(feedback, work, left);
    done = done && natively(feedback, work);
    while (done && work->units > 0)
        done = step(feedback, work, work->units < most ? work->units : most);
    if (!done)
        secret_wipe(work->out, work->at);
    return done;
}

enum machine_result feedback_update(struct machine *machine, const struct machine_engine *engine,
                                    unsigned char *out, size_t *written, size_t room,
                                    const unsigned char *in, size_t size)
{
    struct feedback feedback = {
        .engine = engine, .kind = machine->kind, .encrypt = machine->encrypt, .num = machine->num
    };
    const bool bytes_of_bits = machine->kind == MACHINE_CFB1 && !machine->bits;
    struct work work = { .out = out, .in = in, .units = bytes_of_bits ? 8 * size : size };
    bool done;

    if (room < size)
        return MACHINE_NO_ROOM;
    memcpy(feedback.shift, machine->iv, HSM_BLOCK);
    done = run(&feedback, &work);
    if (done) {
        memcpy(machine->iv, feedback.shift, HSM_BLOCK);
        machine->num = feedback.num;
        *written = size;
    }
    secret_wipe(feedback.shift, sizeof(feedback.shift));
    return done ? MACHINE_DONE : MACHINE_ENGINE_FAILED;
}
