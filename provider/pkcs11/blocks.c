/*
 * ECB and CBC in the HSM, and CFB and OFB by the module's own mechanisms: hsm_ecb(), hsm_cbc() and
 * hsm_feedback() of hsm.h.
 *
 * CBC is spliced onto a running operation: with c the last ciphertext block of what runs, the first
 * block of a message goes in as P1 ^ IV ^ c, so that what comes out is E(P1 ^ IV); on decryption
 * the first block that comes out is XORed with c ^ IV.  All else follows from CBC itself.
 *
 * CFB and OFB are a message of their own for each piece, of whole blocks, from the shift register
 * on.  In CFB that is the last block of ciphertext, whatever the size of its units.
 */
#include <string.h>
#include <sys/random.h>

#include "pkcs11/native.h"
#include "pkcs11/split.h"
#include "secret.h"

enum {
    DIRECT_MOST = 1024 * 1024, /* what one call takes from the caller's memory to the caller's */
};

struct blocks {
    struct request request;
    unsigned char chain[HSM_BLOCK];
    const unsigned char *head; /* NULL once it has gone */
    const unsigned char *in;
    unsigned char *out;
    bool overlap; /* what is written could be what is still to be read */
};

static void xor_block(unsigned char *to, const unsigned char *a, const unsigned char *b)
{
    for (size_t i = 0; i < HSM_BLOCK; i++)
        to[i] = (unsigned char)(to[i] ^ a[i] ^ b[i]);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Brings head and body together in scratch memory. */
static void gather(const struct blocks *blocks, unsigned char *to, size_t size)
{
    const size_t head = blocks->head != NULL ? HSM_BLOCK : 0;

    if (head > 0)
        memcpy(to, blocks->head, HSM_BLOCK);
    memcpy(to + head, blocks->in, size - head);
}

static void advance(struct blocks *blocks, size_t size)
{
    blocks->in += blocks->head != NULL ? size - HSM_BLOCK : size;
    blocks->head = NULL;
    blocks->out += size;
    blocks->request.left -= size;
}

/*
 * What the message goes on from, after a piece whose last blocks were `in` and `out`: ciphertext,
 * or in OFB key stream.
 */
static void next_chain(struct blocks *blocks, const unsigned char *in, const unsigned char *out)
{
    const struct operation *operation = &blocks->request.operation;

    memcpy(blocks->chain, operation->encrypt ? out : in, HSM_BLOCK);
    for (size_t i = 0; operation->mechanism == MECHANISM_OFB && i < HSM_BLOCK; i++)
        blocks->chain[i] = in[i] ^ out[i];
}

static CK_RV blocks_piece(struct request *request, struct session *session,
                          const struct key_facts *facts, bool running, struct failure *why)
{
    struct blocks *blocks = (struct blocks *)request;
    struct token *token = request->member->token;
    const bool encrypt = request->operation.encrypt;
    const bool splice = running && request->operation.mechanism == MECHANISM_CBC &&
                        memcmp(session->chain, blocks->chain, HSM_BLOCK) != 0;
    const bool copied = blocks->head != NULL || (splice && encrypt);
    const size_t size =
        least(request->left, copied || blocks->overlap ? session->half : DIRECT_MOST);
    unsigned char *const in = session->scratch, *const bounce = session->scratch + session->half;
    const unsigned char *from = copied ? in : blocks->in;
    unsigned char *to = blocks->overlap ? bounce : blocks->out;
    unsigned char last[HSM_BLOCK]; /* block of the input */
    CK_RV rv;

    if (copied)
        gather(blocks, in, size);
    memcpy(last, from + size - HSM_BLOCK, HSM_BLOCK);
    if (splice && encrypt)
        xor_block(in, blocks->chain, session->chain);
    if (running)
        rv = operation_update(session, token, from, to, size);
    else
        rv = operation_once(session, token, facts, &request->operation, blocks->chain, from, to,
                            size, why);
    if (copied)
        secret_wipe(in, size);
    if (rv != CKR_OK) {
        secret_wipe(to, size); /* what a failed call has left there is nobody's */
        return rv;
    }
    if (splice && !encrypt)
        xor_block(to, session->chain, blocks->chain);
    next_chain(blocks, last, to + size - HSM_BLOCK);
    secret_wipe(last, sizeof(last));
    if (running)
        memcpy(session->chain, blocks->chain, HSM_BLOCK);
    if (blocks->overlap) {
        memcpy(blocks->out, bounce, size);
        secret_wipe(bounce, size);
    }
    advance(blocks, size);
    return CKR_OK;
}

/*
 * CBC decryption once more, after a result that was as it had gone in: that is what a module gives
 * that computes nothing (computed.h), and also what ciphertext gives that was made for it, by who
 * knows or guesses what a block decrypts to; an error would tell.  So it is done under a random IV,
 * and with a random block behind: what is then as it went in, is so by the module.
 */
static CK_RV masked_piece(struct request *request, struct session *session,
                          const struct key_facts *facts, bool running, struct failure *why)
{
    struct blocks *blocks = (struct blocks *)request;
    const size_t size = least(request->left, session->half - HSM_BLOCK);
    unsigned char *const in = session->scratch, *const out = session->scratch + session->half;
    unsigned char mask[HSM_BLOCK];
    CK_RV rv;

    (void)running; /* a message of its own; it ends what runs */
    if (getrandom(mask, sizeof(mask), 0) != (ssize_t)sizeof(mask))
        return CKR_HSMZKE_NOT_COMPUTED;
    gather(blocks, in, size);
    memcpy(in + size, mask, HSM_BLOCK);
    rv = operation_once(session, request->member->token, facts, &request->operation, mask, in, out,
                        size + HSM_BLOCK, why);
    if (rv == CKR_OK) {
        xor_block(out, mask, blocks->chain);
        next_chain(blocks, in + size - HSM_BLOCK, out);
        memcpy(blocks->out, out, size);
        advance(blocks, size);
    }
    secret_wipe(in, size);
    secret_wipe(out, size + HSM_BLOCK);
    return rv;
}

static bool overlaps(const struct hsm_data *data, size_t size)
{
    const uintptr_t in = (uintptr_t)data->in, out = (uintptr_t)data->out;

    return data->size > 0 && in < out + size && out < in + data->size;
}

/* A key that lists its mechanisms may have key wrap without ECB. */
static void learn_refusal(const struct request *request, CK_RV rv)
{
    struct hsm_key *key = request->member;
    const bool encrypt = request->operation.encrypt;

    if (request->operation.mechanism != MECHANISM_ECB)
        return;
    life_lock();
    if (rv == CKR_MECHANISM_INVALID ||
        (rv == CKR_KEY_FUNCTION_NOT_PERMITTED &&
         (encrypt ? key->facts.may_encrypt : key->facts.may_decrypt)))
        key->without_ecb = true;
    life_unlock();
}

/* What the parts of one request have in common. */
struct whole {
    struct hsm_key *key;
    enum mechanism mechanism;
    bool encrypt;
};

/* A part, or all there is; its state is the chain value. */
static void run_part(void *whole_, struct split_part *part)
{
    const struct whole *whole = whole_;
    const struct hsm_data *data = &part->data;
    const size_t size = data->size + (data->head != NULL ? HSM_BLOCK : 0);
    struct blocks blocks = {
        .request = { .key = whole->key,
                     .operation = { whole->key->number, whole->mechanism, whole->encrypt },
                     .left = size,
                     .bytes = size,
                     .piece = blocks_piece,
                     .learn = learn_refusal },
        .head = data->head,
        .in = data->in,
        .out = data->out,
        .overlap = overlaps(data, size),
    };
    CK_RV rv;

    if (whole->mechanism == MECHANISM_CBC) {
        memcpy(blocks.chain, part->state, HSM_BLOCK);
        blocks.request.chain = blocks.chain;
    }
    rv = request_run(&blocks.request, &part->why);
    if (rv == CKR_HSMZKE_NOT_COMPUTED && whole->mechanism == MECHANISM_CBC && !whole->encrypt) {
        blocks.request.piece = masked_piece;
        blocks.request.at_once = true;
        rv = request_run(&blocks.request, &part->why);
    }
    part->done = rv == CKR_OK;
    part->touched = rv != CKR_OK && blocks.request.left != size;
    if (part->touched)
        secret_wipe(data->out, size - blocks.request.left);
    memcpy(part->state, blocks.chain, HSM_BLOCK);
}

/* `chain`: NULL for ECB.  When CBC encrypts, each block needs the one before. */
static bool run(struct hsm_key *key, enum mechanism mechanism, bool encrypt, unsigned char *chain,
                const struct hsm_data *data, struct failure *why)
{
    struct whole whole = { key, mechanism, encrypt };
    struct split_part parts[SPLIT_MOST];
    size_t count = 1;

    if (chain != NULL && encrypt)
        parts[0] = (struct split_part){ .data = *data };
    else
        count = split_cut(key, data, parts);
    for (size_t i = 0; chain != NULL && i < count; i++)
        memcpy(parts[i].state, i == 0 ? chain : split_before(&parts[i]), HSM_BLOCK);
    if (!split_run(parts, count, run_part, &whole, why))
        return false;
    if (chain != NULL)
        memcpy(chain, parts[count - 1].state, HSM_BLOCK);
    return true;
}

bool hsm_ecb(struct hsm_key *key, bool encrypt, const struct hsm_data *data, struct failure *why)
{
    return run(key, MECHANISM_ECB, encrypt, NULL, data, why);
}

bool hsm_cbc(struct hsm_key *key, bool encrypt, unsigned char chain[HSM_BLOCK],
             const struct hsm_data *data, struct failure *why)
{
    return run(key, MECHANISM_CBC, encrypt, chain, data, why);
}

enum hsm_native_answer hsm_feedback(const struct hsm_native *native, unsigned char shift[HSM_BLOCK],
                                    const struct hsm_data *data, size_t *done, struct failure *why)
{
    struct blocks blocks = {
        .request = { .key = native->member,
                     .operation = { native->member->number, (enum mechanism)native->way,
                                    native->encrypt },
                     .at_once = true,
                     .left = data->size,
                     .bytes = data->size,
                     .piece = blocks_piece },
        .in = data->in,
        .out = data->out,
        .overlap = overlaps(data, data->size),
    };
    CK_RV rv;

    memcpy(blocks.chain, shift, HSM_BLOCK);
    rv = request_run(&blocks.request, why);
    memcpy(shift, blocks.chain, HSM_BLOCK);
    secret_wipe(blocks.chain, sizeof(blocks.chain));
    *done = data->size - blocks.request.left;
    if (rv == CKR_HSMZKE_TOLD && blocks.request.left == 0) { /* not written down: not given out */
        secret_wipe(data->out, data->size);
        *done = 0;
    }
    return native_answer(native, rv);
}
