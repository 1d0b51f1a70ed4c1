/*
 * Keys in two halves of 16 bytes, for the oracle search: registers are spilled so, and wiped one by
 * one.  Halves at multiples of 8 that could be random are tried in pairs, in both orders, the
 * nearest first, up to REACH bytes apart and BUDGET pairs for each 4 KiB; fewer in dense data
 * (code, compressed data), where no half stands out.
 */
#include "oracle.h"

#include <string.h>

enum {
    HALF = 16,
    STEP = 8,
    REACH = 512,
    CHUNK = 4096,
    BUDGET = 1024,
    DENSE = 256, /* plausible halves of a chunk's 512; then the budget is */
    BUDGET_DENSE = 256,
    SLOTS = CHUNK / STEP,
    WORDS = SLOTS / 64,
};

/* 1 in each byte that is zero, exactly. */
static uint64_t zero_bytes(uint64_t word)
{
    const uint64_t low = 0x7f7f7f7f7f7f7f7f;

    return ~(((word & low) + low) | word | low) >> 7;
}

/* Random, as far as 16 bytes can tell: not two addresses, not many bytes 00 and ff, not letters. */
static bool is_plausible(const unsigned char *half)
{
    const uint64_t top = 0x8080808080808080;
    uint64_t words[2], rare;

    memcpy(words, half, sizeof(words));
    if (words[0] >> 47 == 0 && words[1] >> 47 == 0)
        return false;
    rare =
        zero_bytes(words[0]) + zero_bytes(words[1]) + zero_bytes(~words[0]) + zero_bytes(~words[1]);
    if (rare * 0x0101010101010101 >> 56 > ORACLE_HALF_RARE_MOST)
        return false;
    if (((words[0] | words[1]) & top) != 0)
        return words[0] != words[1];
    for (int i = 0; i < HALF; i++)
        if (half[i] < ' ' || half[i] > '~')
            return true;
    return false;
}

static void locate(const struct oracle_kind *kind, const unsigned char *first,
                   const unsigned char *second, struct finding *finding)
{
    const struct piece *piece = kind->search->piece;
    const unsigned char *low = first < second ? first : second;
    const unsigned char *high = first < second ? second : first;

    finding->address = piece->address + (uint64_t)(low - piece->bytes);
    finding->size = (uint32_t)(high - low) + HALF;
}

/* Bit i: the half at bytes + i * STEP is plausible; as far as the piece goes.  @return how many */
static unsigned int mark(const struct piece *piece, size_t from, uint64_t marks[WORDS + 2])
{
    unsigned int count = 0;

    memset(marks, 0, (WORDS + 2) * sizeof(*marks));
    for (size_t i = 0; i < SLOTS + REACH / STEP; i++) {
        const size_t at = from + i * STEP;

        if (at + HALF > piece->size)
            break;
        if (is_plausible(piece->bytes + at)) {
            marks[i / 64] |= UINT64_C(1) << (i % 64);
            count++;
        }
    }
    return count;
}

/* The slots from which another plausible half is `distance` slots away. */
static uint64_t pairs(const uint64_t marks[WORDS + 2], size_t word, unsigned int distance)
{
    const unsigned int whole = distance / 64, rest = distance % 64;
    uint64_t shifted = marks[word + whole] >> rest;

    if (rest != 0)
        shifted |= marks[word + whole + 1] << (64 - rest);
    return marks[word] & shifted;
}

/* One chunk; the lower half of a pair is in it.  Halves side by side are a window, in order. */
static void search_chunk(struct oracle_kind *kind, size_t from, size_t slots)
{
    const unsigned char *bytes = kind->search->piece->bytes + from;
    uint64_t marks[WORDS + 2];
    const unsigned int count = mark(kind->search->piece, from, marks);
    const unsigned int budget = count < DENSE ? BUDGET : BUDGET_DENSE;
    unsigned int tried = 0;

    if (count < 2)
        return;
    for (unsigned int distance = HALF / STEP; distance <= REACH / STEP; distance++)
        for (size_t word = 0; 64 * word < slots; word++) {
            uint64_t found = pairs(marks, word, distance);

            if (slots - 64 * word < 64)
                found &= (UINT64_C(1) << (slots - 64 * word)) - 1;
            for (; found != 0 && tried < budget; found &= found - 1, tried += 2) {
                const unsigned char *low =
                    bytes + (64 * word + (size_t)__builtin_ctzll(found)) * STEP;

                oracle_try(kind, low + (size_t)distance * STEP, low);
                if (distance != HALF / STEP)
                    oracle_try(kind, low, low + (size_t)distance * STEP);
            }
        }
}

void oracle_search_halves(const struct oracle_search *search)
{
    const struct piece *piece = search->piece;
    struct oracle_kind kind;
    size_t from = piece->from + (size_t)(-(piece->address + piece->from) & (STEP - 1)), end;

    kind.search = search;
    kind.encoding = "two halves";
    kind.locate = locate;
    kind.batch.shape = ORACLE_NATURAL;
    kind.batch.count = 0;
    /* Chunks end at the same addresses however memory is cut in pieces. */
    for (; from < piece->to; from = end) {
        end = from + (size_t)(CHUNK - (piece->address + from) % CHUNK);
        search_chunk(&kind, from, ((end < piece->to ? end : piece->to) - from + STEP - 1) / STEP);
    }
    oracle_flush(&kind);
}
