/*
 * Windows of a few bytes, at every byte of every string, are put in a table; of the memory that is
 * searched every n-th window is looked up, first in a bitmap.  A run of `least` bytes holds such a
 * window: with n = 4 and windows of 5 bytes any run of 8.
 */
#include "needles.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../../../provider/secret.h"
#include "needles-sift.h"

enum {
    STRINGS_MAX = 4096,
    BYTES_MAX = 1 << 20,
    MASK = 64,          /* bytes after which the mask repeats */
    BITS_A_WINDOW = 64, /* in the bitmap, at least */
    WINDOWS = 512,      /* looked up together */
};

struct stored {
    struct needle needle;
    size_t start; /* in `bytes` */
};

/* Where a window lies; string 0 is none.  The tag saves looking. */
struct slot {
    uint16_t string, offset;
    uint32_t tag;
};

struct needles {
    unsigned int window, stride;
    unsigned char *bytes; /* all strings, masked; BYTES_MAX */
    size_t used;
    struct stored *strings; /* from 1 on */
    size_t count;
    struct sieve sieve;
    bool is_avx512;
    struct slot *slots;
    unsigned int slots_shift;
    size_t slots_mask;
    size_t ahead; /* bytes of a run, at most, before a window of it is looked up */
    unsigned char mask[MASK];
};

struct needles *needles_new(unsigned int least)
{
    struct needles *needles = calloc(1, sizeof(*needles));
    struct failure why;

    if (needles == NULL)
        return NULL;
    needles->window = least >= 8 ? 5 : least < 5 ? least : 4;
    needles->stride = least - needles->window + 1;
    needles->strings = calloc(STRINGS_MAX + 1, sizeof(*needles->strings));
    needles->bytes = secret_alloc_large(BYTES_MAX, &why);
    if (needles->strings == NULL || needles->bytes == NULL ||
        getrandom(needles->mask, sizeof(needles->mask), 0) != sizeof(needles->mask)) {
        needles_free(needles);
        return NULL;
    }
    return needles;
}

void needles_free(struct needles *needles)
{
    if (needles == NULL)
        return;
    secret_free(needles->bytes, BYTES_MAX);
    free(needles->strings);
    free(needles->sieve.bitmap);
    free(needles->slots);
    secret_wipe(needles, sizeof(*needles));
    free(needles);
}

bool needles_add(struct needles *needles, const struct needle *needle, const unsigned char *bytes)
{
    struct stored *stored = &needles->strings[needles->count + 1];

    if (needles->count == STRINGS_MAX || needles->used + needle->size > BYTES_MAX)
        return false;
    stored->needle = *needle;
    stored->start = needles->used;
    for (size_t i = 0; i < needle->size; i++)
        needles->bytes[needles->used + i] = bytes[i] ^ needles->mask[(needles->used + i) % MASK];
    needles->used += needle->size;
    needles->count++;
    return true;
}

void needles_use(struct needles *needles, enum code_path path)
{
#if defined(__x86_64__)
    needles->is_avx512 = code_path_choose(path) == PATH_AVX512 && needles->stride == SIFT_STRIDE &&
                         __builtin_cpu_supports("avx512dq");
#else
    (void)needles, (void)path;
#endif
}

static uint64_t load(const unsigned char *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/* A byte of a string in the clear. */
static unsigned char plain(const struct needles *needles, const struct stored *stored, size_t at)
{
    return needles->bytes[stored->start + at] ^ needles->mask[(stored->start + at) % MASK];
}

static uint32_t tag_of(uint64_t product)
{
    return (uint32_t)(product >> 24);
}

static size_t slot_of(const struct needles *needles, uint64_t product)
{
    return (size_t)(product >> needles->slots_shift);
}

/* The window of a string at `at`.  @return false: it is of one byte value, which is everywhere and
   says nothing */
static bool get_window(const struct needles *needles, const struct stored *stored, size_t at,
                       unsigned char window[8])
{
    bool differ = false;

    for (unsigned int i = 0; i < needles->window; i++) {
        window[i] = plain(needles, stored, at + i);
        differ = differ || window[i] != window[0];
    }
    return differ;
}

/* @return false if the window would stand where zeros do: another multiplier is to be tried */
static bool insert(struct needles *needles, uint64_t product, size_t string, size_t at)
{
    const uint64_t bit = product >> needles->sieve.shift;
    size_t slot = slot_of(needles, product);

    needles->sieve.bitmap[bit >> 6] |= UINT64_C(1) << (bit & 63);
    while (needles->slots[slot].string != 0)
        slot = (slot + 1) & needles->slots_mask;
    needles->slots[slot] = (struct slot){ (uint16_t)string, (uint16_t)at, tag_of(product) };
    return bit != 0;
}

/*
 * Which windows of a string are needed: all; or, if it counts as a whole only, as many as are
 * passed over from one look-up to the next.
 */
static void choose_windows(const struct needles *needles, const struct stored *stored, size_t *from,
                           size_t *to)
{
    unsigned char window[8] = { 0 };
    size_t good = 0;

    *from = 0;
    *to = stored->needle.size < needles->window ? 0 : stored->needle.size - needles->window + 1;
    if (stored->needle.least < stored->needle.size)
        return;
    for (size_t at = 0; at < *to && good < needles->stride; at++) {
        good = get_window(needles, stored, at, window) ? good + 1 : 0;
        if (good == needles->stride) {
            *to = at + 1;
            *from = *to - needles->stride;
        }
    }
    secret_wipe(window, sizeof(window));
}

static bool fill(struct needles *needles)
{
    unsigned char window[8] = { 0 };
    bool good = true;

    for (size_t i = 1; i <= needles->count && good; i++) {
        const struct stored *stored = &needles->strings[i];
        size_t from, to, last;

        choose_windows(needles, stored, &from, &to);
        last = 0;
        for (size_t at = from; at < to && good; at++) {
            if (!get_window(needles, stored, at, window))
                continue;
            good = insert(needles, load(window) * needles->sieve.multiplier, i, at);
            if (at - last + needles->stride > needles->ahead)
                needles->ahead = at - last + needles->stride;
            last = at;
        }
    }
    secret_wipe(window, sizeof(window));
    return good;
}

bool needles_seal(struct needles *needles)
{
    unsigned int bits = 16, slot_bits = 12;

    while (UINT64_C(1) << bits < (uint64_t)needles->used * BITS_A_WINDOW)
        bits++;
    while (UINT64_C(1) << slot_bits < 2 * (uint64_t)needles->used)
        slot_bits++;
    needles->sieve.shift = 64 - bits;
    needles->slots_shift = 64 - slot_bits;
    needles->slots_mask = ((size_t)1 << slot_bits) - 1;
    needles->sieve.bitmap = calloc((size_t)1 << (bits - 6), sizeof(*needles->sieve.bitmap));
    needles->slots = calloc((size_t)1 << slot_bits, sizeof(*needles->slots));
    if (needles->sieve.bitmap == NULL || needles->slots == NULL)
        return false;
    for (int tries = 0; tries < 100; tries++) {
        if (getrandom(&needles->sieve.multiplier, sizeof(needles->sieve.multiplier), 0) !=
            sizeof(needles->sieve.multiplier))
            return false;
        needles->sieve.multiplier = (needles->sieve.multiplier | 1) << (64 - 8 * needles->window);
        memset(needles->sieve.bitmap, 0, (size_t)1 << (bits - 3));
        memset(needles->slots, 0, sizeof(*needles->slots) << slot_bits);
        if (fill(needles))
            return true;
    }
    return true;
}

/* The longest run around a window at `at` that is the string's at `offset`; size 0: none. */
static struct needle_run extend(const struct needles *needles, const struct piece *piece, size_t at,
                                const struct slot *slot)
{
    const struct stored *stored = &needles->strings[slot->string];
    size_t before = 0, after = 0;

    while (at + after < piece->size && slot->offset + after < stored->needle.size &&
           piece->bytes[at + after] == plain(needles, stored, slot->offset + after))
        after++;
    if (after < needles->window)
        return (struct needle_run){ 0 };
    while (at > before && slot->offset > before &&
           piece->bytes[at - before - 1] == plain(needles, stored, slot->offset - before - 1))
        before++;
    return (struct needle_run){ at - before, slot->offset - before, before + after,
                                &stored->needle };
}

/* The best of all strings that have this window. */
static struct needle_run look_up(const struct needles *needles, const struct piece *piece,
                                 size_t at, uint64_t product)
{
    struct needle_run best = { 0 };

    for (size_t slot = slot_of(needles, product); needles->slots[slot].string != 0;
         slot = (slot + 1) & needles->slots_mask) {
        if (needles->slots[slot].tag != tag_of(product))
            continue;

        const struct needle_run run = extend(needles, piece, at, &needles->slots[slot]);

        if (run.size > best.size && run.size >= run.needle->least)
            best = run;
    }
    return best;
}

/* Where the bitmap has a window, of windows `first` to `windows`; without a branch, which the
   processor would guess wrong. */
static unsigned int sift_plainly(const struct needles *needles, const unsigned char *from,
                                 unsigned int first, unsigned int windows, uint16_t *likely)
{
    const struct sieve sieve = needles->sieve;
    const unsigned int stride = needles->stride;
    unsigned int count = 0;

#pragma GCC unroll 4
    for (unsigned int i = first; i < windows; i++) {
        const uint64_t bit = load(from + (size_t)i * stride) * sieve.multiplier >> sieve.shift;

        likely[count] = (uint16_t)i;
        count += (unsigned int)(sieve.bitmap[bit >> 6] >> (bit & 63) & 1);
    }
    return count;
}

static unsigned int sift(const struct needles *needles, const unsigned char *from,
                         unsigned int windows, uint16_t likely[WINDOWS + SIFT_TOGETHER])
{
    unsigned int count = 0, done = 0;

#if defined(__x86_64__)
    if (needles->is_avx512) {
        done = windows - windows % SIFT_TOGETHER;
        count = sift_avx512(&needles->sieve, from, done, likely);
    }
#endif
    return count + sift_plainly(needles, from, done, windows, likely + count);
}

void needles_search(const struct needles *needles, const struct piece *piece,
                    void (*found)(void *argument, const struct needle_run *run), void *argument)
{
    struct needle_run last = { 0 };
    /* Of a run that begins just before `to`, some windows may not be in the table. */
    const size_t limit = piece->to + needles->ahead,
                 end = limit < piece->size ? limit : piece->size;
    uint16_t likely[WINDOWS + SIFT_TOGETHER];

    for (size_t from = piece->from; from < end; from += (size_t)WINDOWS * needles->stride) {
        const size_t left = (end - from + needles->stride - 1) / needles->stride;
        const unsigned int count = sift(needles, piece->bytes + from,
                                        left < WINDOWS ? (unsigned int)left : WINDOWS, likely);

        for (unsigned int i = 0; i < count; i++) {
            const size_t at = from + (size_t)likely[i] * needles->stride;
            struct needle_run run;

            if (last.needle != NULL && at < last.at + last.size)
                continue;
            run = look_up(needles, piece, at, load(piece->bytes + at) * needles->sieve.multiplier);
            if (run.needle == NULL || run.at < piece->from || run.at >= piece->to)
                continue;
            last = run;
            found(argument, &run);
        }
    }
}
