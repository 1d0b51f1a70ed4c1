/*
 * CTR in the HSM: hsm_ctr() of hsm.h.
 *
 * The key stream is ECB over counter blocks, so that a running operation serves any position and
 * the counter wraps at 2^128 by itself; where ECB is refused, it is CKM_AES_CTR over zeros, begun
 * anew for each piece and split where the counter wraps (modules refuse to wrap).
 */
#include <endian.h>
#include <string.h>
#include <time.h>

#include "pkcs11/request.h"
#include "pkcs11/split.h"
#include "secret.h"

enum {
    QUICK_PIECE = 8 * 1024,     /* what stays in the nearest cache, with the module's own copies */
    QUICK_NANOSECONDS = 100000, /* no way out of the machine and back is as short for 64 KiB */
};

struct counter {
    struct request request;
    bool encrypt; /* the program's direction */
    bool native;  /* by CKM_AES_CTR */
    unsigned char block[HSM_BLOCK];
    unsigned char *stream; /* the caller's: key stream of a last, broken block */
    const unsigned char *in;
    unsigned char *out;
};

/* Writes `blocks` counter blocks from `*high`, `*low` on, and brings these forward. */
static void write_counters(unsigned char *to, size_t blocks, uint64_t *high, uint64_t *low)
{
    while (blocks > 0) {
        const uint64_t first = *low;                  /* `to` could alias what `low` points to */
        const uint64_t to_carry = UINT64_MAX - first; /* one less than the blocks up to it */
        const size_t run = to_carry < blocks ? (size_t)to_carry + 1 : blocks;
        const uint64_t upper = htobe64(*high);

        for (size_t i = 0; i < run; i++) {
            const uint64_t pair[2] = { upper, htobe64(first + i) };

            memcpy(to + i * HSM_BLOCK, pair, HSM_BLOCK);
        }
        *low = first + run;
        *high += *low == 0;
        to += run * HSM_BLOCK;
        blocks -= run;
    }
}

/* XORs, and wipes the key stream on the way: it is in the nearest cache only now. */
static void xor_and_wipe(unsigned char *out, const unsigned char *in, unsigned char *stream,
                         size_t size)
{
    typedef uint64_t lane __attribute__((vector_size(16)));
    const lane zero = { 0 };
    size_t i = 0;

    for (; i + sizeof(lane) <= size; i += sizeof(lane)) {
        lane a, b;

        memcpy(&a, in + i, sizeof(a));
        memcpy(&b, stream + i, sizeof(b));
        a ^= b;
        memcpy(out + i, &a, sizeof(a));
        memcpy(stream + i, &zero, sizeof(zero));
    }
    for (; i < size; i++) {
        out[i] = (unsigned char)(in[i] ^ stream[i]);
        stream[i] = 0;
    }
}

/* How many blocks there are before the counter wraps to 0; capped at `most`. */
static size_t blocks_to_wrap(uint64_t high, uint64_t low, size_t most)
{
    const uint64_t left = UINT64_MAX - low; /* blocks after this one */

    return high != UINT64_MAX || left >= most ? most : (size_t)left + 1;
}

/* How much the next piece takes; for CKM_AES_CTR it ends where the counter wraps. */
static size_t piece_size(const struct counter *counter, const struct session *session,
                         uint64_t high, uint64_t low)
{
    struct token *token = counter->request.member->token;
    size_t most, blocks;
    bool quick;

    life_lock();
    quick = token->quick;
    life_unlock();
    most = quick && session->half > QUICK_PIECE ? QUICK_PIECE : session->half;
    if (most > counter->request.left)
        most = counter->request.left;
    if (!counter->native)
        return most;
    blocks = blocks_to_wrap(high, low, (most + HSM_BLOCK - 1) / HSM_BLOCK);
    return most < blocks * HSM_BLOCK ? most : blocks * HSM_BLOCK;
}

/* Feeds the running operation; a large piece tells whether calls are cheap. */
static CK_RV update(struct session *session, struct token *token, const unsigned char *in,
                    unsigned char *stream, size_t size)
{
    struct timespec before, after;
    CK_RV rv;

    if (size <= QUICK_PIECE)
        return operation_update(session, token, in, stream, size);
    clock_gettime(CLOCK_MONOTONIC, &before);
    rv = operation_update(session, token, in, stream, size);
    clock_gettime(CLOCK_MONOTONIC, &after);
    life_lock();
    token->quick = rv == CKR_OK &&
                   (after.tv_sec - before.tv_sec) * 1000000000L + after.tv_nsec - before.tv_nsec <
                       QUICK_NANOSECONDS;
    life_unlock();
    return rv;
}

/* What went well is the caller's; the key stream is wiped on the way. */
static void advance(struct counter *counter, unsigned char *stream, size_t size, uint64_t high,
                    uint64_t low)
{
    const uint64_t pair[2] = { htobe64(high), htobe64(low) };

    if (size % HSM_BLOCK != 0)
        memcpy(counter->stream, stream + size / HSM_BLOCK * HSM_BLOCK, HSM_BLOCK);
    xor_and_wipe(counter->out, counter->in, stream, size);
    memcpy(counter->block, pair, sizeof(pair));
    counter->in += size;
    counter->out += size;
    counter->request.left -= size;
}

static CK_RV counter_piece(struct request *request, struct session *session,
                           const struct key_facts *facts, bool running, struct failure *why)
{
    struct counter *counter = (struct counter *)request;
    struct token *token = request->member->token;
    unsigned char *const in = session->scratch, *const stream = session->scratch + session->half;
    size_t size, whole, wiped = 0;
    uint64_t pair[2];
    CK_RV rv;

    memcpy(pair, counter->block, sizeof(pair));
    pair[0] = be64toh(pair[0]);
    pair[1] = be64toh(pair[1]);
    size = piece_size(counter, session, pair[0], pair[1]);
    whole = (size + HSM_BLOCK - 1) / HSM_BLOCK * HSM_BLOCK;
    write_counters(in, whole / HSM_BLOCK, &pair[0], &pair[1]);
    if (counter->native)
        memset(in, 0, whole);
    if (running)
        rv = update(session, token, in, stream, whole);
    else
        rv = operation_once(session, token, facts, &request->operation, counter->block, in, stream,
                            whole, why);
    if (rv == CKR_OK) {
        advance(counter, stream, size, pair[0], pair[1]);
        wiped = size;
    }
    /* The rest of a broken block, or whatever a failed call has left. */
    secret_wipe(stream + wiped, whole - wiped);
    return rv;
}

/* ECB, unless it was refused before or the key only decrypts; else CTR in the program's direction.
 */
static void choose(struct request *request)
{
    struct counter *counter = (struct counter *)request;
    struct hsm_key *key = request->member;

    life_lock();
    counter->native = key->without_ecb || !key->facts.may_encrypt;
    life_unlock();
    request->at_once = counter->native;
    request->operation =
        (struct operation){ key->number, counter->native ? MECHANISM_CTR : MECHANISM_ECB,
                            counter->native ? counter->encrypt : true };
}

static bool refuses_ecb(const struct counter *counter, CK_RV rv)
{
    return (rv == CKR_MECHANISM_INVALID || rv == CKR_KEY_FUNCTION_NOT_PERMITTED) &&
           !counter->native;
}

static void learn(const struct request *request, CK_RV rv)
{
    const struct counter *counter = (const struct counter *)request;

    life_lock();
    if (refuses_ecb(counter, rv))
        request->member->without_ecb = true;
    life_unlock();
}

/* What the parts of one request have in common; `broken`: for the last one's. */
struct whole {
    struct hsm_key *key;
    bool encrypt;
    unsigned char broken[HSM_BLOCK];
};

/* A part, or all there is; its state is the counter block. */
static void run_part(void *whole_, struct split_part *part)
{
    struct whole *whole = whole_;
    const size_t size = part->data.size;
    struct counter counter = {
        .request = { .key = whole->key,
                     .left = size,
                     .bytes = size,
                     .piece = counter_piece,
                     .prepare = choose,
                     .learn = learn },
        .encrypt = whole->encrypt,
        .stream = whole->broken,
        .in = part->data.in,
        .out = part->data.out,
    };
    CK_RV rv;

    memcpy(counter.block, part->state, HSM_BLOCK);
    rv = request_run(&counter.request, &part->why);
    if (refuses_ecb(&counter, rv))
        rv = request_run(&counter.request, &part->why);
    part->done = rv == CKR_OK;
    part->touched = rv != CKR_OK && counter.request.left != size;
    if (part->touched)
        secret_wipe(part->data.out, size - counter.request.left);
    memcpy(part->state, counter.block, HSM_BLOCK);
}

/* The counter block that is `bytes` further on; the counter wraps. */
static void set_counter(unsigned char to[HSM_BLOCK], const unsigned char from[HSM_BLOCK],
                        size_t bytes)
{
    uint64_t pair[2];

    memcpy(pair, from, sizeof(pair));
    pair[1] = be64toh(pair[1]) + bytes / HSM_BLOCK;
    pair[0] = be64toh(pair[0]) + (pair[1] < bytes / HSM_BLOCK);
    pair[0] = htobe64(pair[0]);
    pair[1] = htobe64(pair[1]);
    memcpy(to, pair, sizeof(pair));
}

bool hsm_ctr(struct hsm_key *key, bool encrypt, unsigned char counter_block[HSM_BLOCK],
             unsigned char stream[HSM_BLOCK], const unsigned char *in, unsigned char *out,
             size_t size, struct failure *why)
{
    const struct hsm_data data = { .in = in, .size = size, .out = out };
    struct whole whole = { .key = key, .encrypt = encrypt };
    struct split_part parts[SPLIT_MOST];
    const size_t count = split_cut(key, &data, parts);
    bool done;

    for (size_t i = 0; i < count; i++)
        set_counter(parts[i].state, counter_block, (size_t)(parts[i].data.in - in));
    done = split_run(parts, count, run_part, &whole, why);
    if (done)
        memcpy(counter_block, parts[count - 1].state, HSM_BLOCK);
    if (done && size % HSM_BLOCK != 0)
        memcpy(stream, whole.broken, HSM_BLOCK);
    secret_wipe(whole.broken, sizeof(whole.broken));
    return done;
}
