/*
 * Ciphertext stealing: see stealing.h.  The last block of the plaintext, which may be short, is
 * filled up with the end of the ciphertext block before it, C(n-1), so that the end need not be
 * sent.  What remains of C(n-1) stands before the last block, C(n), in CS1, and behind it in CS2
 * and CS3.  Where nothing is short, CS1 and CS2 are plain CBC, and CS3 still swaps.
 */
#include "cipher/stealing.h"

#include <string.h>

#include "secret.h"

/* One message; its last two blocks are dealt with apart. */
struct message {
    const struct machine_engine *engine;
    unsigned char *out;
    const unsigned char *in;
    size_t size;
    size_t rest;    /* bytes of the last block of plaintext, and of C(n-1) that are sent: 1 to 16 */
    bool last_last; /* C(n) stands last */
    unsigned char chain[HSM_BLOCK]; /* before the message, and after it */
};

static bool cbc(const struct message *message, bool encrypt, unsigned char chain[HSM_BLOCK],
                const unsigned char *in, unsigned char *out, size_t size)
{
    const struct hsm_data data = { .in = in, .size = size, .out = out };

    return size == 0 || message->engine->blocks(message->engine->argument, encrypt, chain, &data);
}

static bool encrypt_message(struct message *message)
{
    const size_t body = message->size - message->rest; /* up to C(n-1), and with it */
    unsigned char *const tail = message->out + body - HSM_BLOCK;
    unsigned char plain[HSM_BLOCK] = { 0 }, before[HSM_BLOCK], last[HSM_BLOCK];
    bool done;

    memcpy(plain, message->in + body, message->rest); /* `out` may be `in` */
    done = cbc(message, true, message->chain, message->in, message->out, body);
    if (done && !cbc(message, true, message->chain, plain, last, HSM_BLOCK)) {
        secret_wipe(message->out, body);
        done = false;
    }
    secret_wipe(plain, sizeof(plain));
    if (!done)
        return false;
    memcpy(before, tail, HSM_BLOCK);
    if (message->last_last) {
        memcpy(tail + message->rest, last, HSM_BLOCK);
    } else {
        memcpy(tail, last, HSM_BLOCK);
        memcpy(tail + HSM_BLOCK, before, message->rest);
    }
    return true;
}

/*
 * The last two blocks of plaintext: C(n) alone gives the last one, XORed with C(n-1), and what was
 * stolen from C(n-1).
 */
static bool decrypt_tail(const struct message *message, const unsigned char *tail,
                         const unsigned char last[HSM_BLOCK], const unsigned char chain[HSM_BLOCK],
                         unsigned char plain[2 * HSM_BLOCK])
{
    const size_t rest = message->rest;
    unsigned char before[HSM_BLOCK], none[HSM_BLOCK] = { 0 }, copy[HSM_BLOCK];

    memcpy(before, tail + (message->last_last ? 0 : HSM_BLOCK), rest);
    memcpy(copy, chain, HSM_BLOCK);
    if (!cbc(message, false, none, last, plain + HSM_BLOCK, HSM_BLOCK))
        return false;
    memcpy(before + rest, plain + HSM_BLOCK + rest, HSM_BLOCK - rest);
    for (size_t i = 0; i < HSM_BLOCK; i++)
        plain[HSM_BLOCK + i] ^= before[i];
    return cbc(message, false, copy, before, plain, HSM_BLOCK);
}

/* The end is decrypted before the rest, so that nothing is written until only that can fail. */
static bool decrypt_message(struct message *message)
{
    const size_t body = message->size - HSM_BLOCK - message->rest;
    const unsigned char *const tail = message->in + body;
    unsigned char plain[2 * HSM_BLOCK], last[HSM_BLOCK];
    bool done;

    memcpy(last, tail + (message->last_last ? message->rest : 0), HSM_BLOCK);
    done = decrypt_tail(message, tail, last, body > 0 ? tail - HSM_BLOCK : message->chain, plain) &&
           cbc(message, false, message->chain, message->in, message->out, body);
    if (done) {
        memcpy(message->out + body, plain, HSM_BLOCK + message->rest);
        memcpy(message->chain, last, HSM_BLOCK);
    }
    secret_wipe(plain, sizeof(plain));
    return done;
}

static bool run(struct message *message, const struct machine *machine)
{
    const size_t broken = message->size % HSM_BLOCK;

    message->rest = broken != 0 ? broken : HSM_BLOCK;
    message->last_last = machine->stealing == MACHINE_CS1;
    if (message->size == HSM_BLOCK || (broken == 0 && machine->stealing != MACHINE_CS3))
        return cbc(message, machine->encrypt, message->chain, message->in, message->out,
                   message->size);
    return machine->encrypt ? encrypt_message(message) : decrypt_message(message);
}

enum machine_result stealing_update(struct machine *machine, const struct machine_engine *engine,
                                    unsigned char *out, size_t *written, size_t room,
                                    const unsigned char *in, size_t size)
{
    struct message message = { .engine = engine, .out = out, .in = in, .size = size };

    if (size < HSM_BLOCK)
        return MACHINE_BAD_SIZE;
    if (room < size)
        return MACHINE_NO_ROOM;
    if (out == NULL) {
        *written = size;
        return MACHINE_DONE;
    }
    if (machine->ended)
        return MACHINE_ENDED;
    memcpy(message.chain, machine->iv, HSM_BLOCK);
    if (!run(&message, machine))
        return MACHINE_ENGINE_FAILED;
    memcpy(machine->iv, message.chain, HSM_BLOCK);
    machine->ended = true;
    *written = size;
    return MACHINE_DONE;
}
