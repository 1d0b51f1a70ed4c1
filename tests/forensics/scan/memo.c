/*
 * A set of marks: see memo.h.  A mark is two polynomials over the bytes, modulo 2^61 - 1, at two
 * random points: two parts of 40 KiB that differ have one mark with a probability below 2^-96, and
 * whoever wrote them does not know the points.
 */
#include "memo.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
    SLOTS = 1 << 16, /* a mebibyte; two gibibytes of parts */
    FULL = SLOTS / 4 * 3,
};

static const uint64_t prime = (UINT64_C(1) << 61) - 1;

struct memo {
    uint64_t points[2];
    pthread_mutex_t lock; /* of what follows */
    size_t count;
    struct memo_mark slots[SLOTS]; /* {0, 0}: empty */
};

struct memo *memo_new(void)
{
    struct memo *memo = calloc(1, sizeof(*memo));

    if (memo == NULL)
        return NULL;
    if (getrandom(memo->points, sizeof(memo->points), 0) != (ssize_t)sizeof(memo->points)) {
        free(memo);
        return NULL;
    }
    memo->points[0] = memo->points[0] % (prime - 2) + 2;
    memo->points[1] = memo->points[1] % (prime - 2) + 2;
    pthread_mutex_init(&memo->lock, NULL);
    return memo;
}

void memo_free(struct memo *memo)
{
    if (memo == NULL)
        return;
    pthread_mutex_destroy(&memo->lock);
    free(memo);
}

/* a * b + c, for a and b below 2^62 and c below 2^61; reduced to below 2^61 + 4. */
static uint64_t step(uint64_t a, uint64_t b, uint64_t c)
{
    const unsigned __int128 product = (unsigned __int128)a * b + c;
    const uint64_t sum = (uint64_t)(product & prime) + (uint64_t)(product >> 61);

    return (sum & prime) + (sum >> 61);
}

/* Seven bytes at a time, so that each term is below the prime. */
static uint64_t term(const unsigned char *bytes, size_t size)
{
    uint64_t value = 0;

    memcpy(&value, bytes, size < 7 ? size : 7);
    return value;
}

struct memo_mark memo_mark(const struct memo *memo, const struct piece *part)
{
    const size_t before = part->from < PIECE_OVERLAP ? part->from : PIECE_OVERLAP;
    const size_t rest = part->size - part->to;
    const size_t after = rest < PIECE_OVERLAP ? rest : PIECE_OVERLAP;
    const unsigned char *bytes = part->bytes + part->from - before;
    const size_t size = part->to + after - (part->from - before);
    /* What else a detector sees: how much there is on each side, and how it is aligned. */
    const uint64_t shape[3] = { before << 32 | after, part->to - part->from,
                                (part->from & 63) << 32 | ((part->address + part->from) & 63) };
    struct memo_mark mark = { 1, 1 };

    for (size_t i = 0; i < 3; i++) {
        mark.a = step(mark.a, memo->points[0], shape[i]);
        mark.b = step(mark.b, memo->points[1], shape[i]);
    }
    for (size_t i = 0; i < size; i += 7) {
        const uint64_t value = term(bytes + i, size - i);

        mark.a = step(mark.a, memo->points[0], value);
        mark.b = step(mark.b, memo->points[1], value);
    }
    mark.a %= prime;
    mark.b %= prime;
    return mark;
}

/* With the lock. @return the slot that has it, or the empty one where it belongs */
static struct memo_mark *slot_of(struct memo *memo, struct memo_mark mark)
{
    size_t i = (size_t)(mark.a % SLOTS);

    while ((memo->slots[i].a != mark.a || memo->slots[i].b != mark.b) &&
           (memo->slots[i].a != 0 || memo->slots[i].b != 0))
        i = (i + 1) % SLOTS;
    return &memo->slots[i];
}

bool memo_knows(struct memo *memo, struct memo_mark mark)
{
    const struct memo_mark *slot;
    bool known;

    pthread_mutex_lock(&memo->lock);
    slot = slot_of(memo, mark);
    known = slot->a != 0 || slot->b != 0;
    pthread_mutex_unlock(&memo->lock);
    return known;
}

void memo_add(struct memo *memo, struct memo_mark mark)
{
    struct memo_mark *slot;

    pthread_mutex_lock(&memo->lock);
    if (memo->count >= FULL) {
        memset(memo->slots, 0, sizeof(memo->slots));
        memo->count = 0;
    }
    slot = slot_of(memo, mark);
    memo->count += slot->a == 0 && slot->b == 0;
    *slot = mark;
    pthread_mutex_unlock(&memo->lock);
}
