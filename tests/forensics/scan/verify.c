/*
 * Candidates verified.  Blocks are counted by round, from round key 0; a schedule in reversed
 * order lies with its last round key at the lowest address.
 */
#include "verify.h"

#include <string.h>

#include "../../../provider/secret.h"
#include "aes.h"

/* A key that explains three blocks, and where its round keys agree with memory. */
struct explanation {
    unsigned int key_words, round; /* which round key the newest block is */
    unsigned int matched;
    size_t first, last; /* lowest and highest block that agree */
    uint32_t words[AES_WORDS_MAX];
};

/* Where round key `round` lies if `newest` is the candidate's newest; false: not in the piece. */
static bool place_of(const struct candidate *candidate, unsigned int newest, unsigned int round,
                     size_t *at)
{
    const size_t size = form_block_size(candidate->form.transform);
    const bool later = round > newest;
    const size_t distance = size * (later ? round - newest : newest - round);

    if (later == (candidate->form.order == ORDER_FORWARD))
        *at = candidate->at + distance;
    else if (distance <= candidate->at)
        *at = candidate->at - distance;
    else
        return false;
    return *at + size <= candidate->piece->size;
}

static unsigned int shift_of(const struct candidate *candidate, unsigned int newest,
                             unsigned int round)
{
    const unsigned int rounds = 4 * AES_ROUND_KEYS_MAX + round - newest;

    return (candidate->shift + rounds * candidate->shift_step) % candidate->shift_modulus;
}

/* The candidate's three blocks, oldest first. */
static bool load_words(const struct candidate *candidate, uint32_t words[12])
{
    unsigned int zeros = 0;

    for (unsigned int i = 0; i < 3; i++) {
        size_t at;

        if (!place_of(candidate, 2, i, &at))
            return false;
        form_decode(&candidate->form, candidate->piece->bytes + at, FORM_MIDDLE,
                    shift_of(candidate, 2, i), words + 4 * (size_t)i);
    }
    for (int i = 0; i < 12; i++)
        zeros += words[i] == 0;
    return zeros < 2;
}

bool words_are_linear(unsigned int key_words, const uint32_t words[12])
{
    return words[11] == (words[11 - key_words] ^ words[10]) &&
           words[9] == (words[9 - key_words] ^ words[8]);
}

/* Whether the words are those of round keys `round` - 2 to `round`. */
static bool relations_hold(unsigned int key_words, unsigned int round, const uint32_t words[12])
{
    const unsigned int first = 4 * (round - 2);

    for (unsigned int i = key_words; i < 12; i++)
        if (words[i] !=
            (words[i - key_words] ^ aes_expansion_step(key_words, first + i, words[i - 1])))
            return false;
    return true;
}

static bool round_key_is_there(const struct candidate *candidate,
                               const struct explanation *explanation, unsigned int round,
                               size_t *at)
{
    const unsigned int last = aes_round_keys(explanation->key_words) - 1;
    const enum form_position position = round == 0      ? FORM_FIRST
                                        : round == last ? FORM_LAST
                                                        : FORM_MIDDLE;
    uint32_t words[4];

    if (!place_of(candidate, explanation->round, round, at))
        return false;
    form_decode(&candidate->form, candidate->piece->bytes + *at, position,
                shift_of(candidate, explanation->round, round), words);
    return memcmp(words, explanation->words + 4 * (size_t)round, sizeof(words)) == 0;
}

/* One more than the standard has: mbedTLS writes whole steps of the expansion. */
static unsigned int round_keys_kept(const struct candidate *candidate, unsigned int key_words)
{
    const bool extra = key_words == 8 && candidate->form.transform == TRANSFORM_PLAIN;

    return aes_round_keys(key_words) + (extra ? 1 : 0);
}

static void count_round_keys(const struct candidate *candidate, struct explanation *explanation)
{
    const unsigned int kept = round_keys_kept(candidate, explanation->key_words);

    explanation->matched = 0;
    explanation->first = (size_t)-1;
    explanation->last = 0;
    for (unsigned int round = 0; round < kept; round++) {
        size_t at;

        if (!round_key_is_there(candidate, explanation, round, &at))
            continue;
        explanation->matched++;
        explanation->first = at < explanation->first ? at : explanation->first;
        explanation->last = at > explanation->last ? at : explanation->last;
    }
}

/* The best of all rounds that the words might be of, for one key length. */
static void explain(const struct candidate *candidate, unsigned int key_words,
                    const uint32_t words[12], struct explanation *best)
{
    const unsigned int kept = round_keys_kept(candidate, key_words);
    struct explanation explanation = { .key_words = key_words };

    for (unsigned int round = 2; round < kept; round++) {
        const unsigned int first = 4 * (round - 2);

        if (!relations_hold(key_words, round, words))
            continue;
        explanation.round = round;
        memcpy(explanation.words + first, words, 12 * sizeof(*words));
        aes_expand_backwards(key_words, explanation.words, first);
        aes_expand(key_words, explanation.words, 4 * kept);
        count_round_keys(candidate, &explanation);
        if (explanation.matched > best->matched)
            *best = explanation;
    }
    secret_wipe(&explanation, sizeof(explanation));
}

static void fill_in(const struct candidate *candidate, const struct explanation *explanation,
                    struct finding *finding)
{
    const size_t end = explanation->last + form_block_size(candidate->form.transform);

    *finding = (struct finding){
        .kind = FINDING_SCHEDULE,
        .place = candidate->piece->place,
        .address = candidate->piece->address + explanation->first,
        .size = (uint32_t)(end - explanation->first),
        .key_bits = 32 * explanation->key_words,
        .matched = explanation->matched,
        .of = aes_round_keys(explanation->key_words),
        .order = candidate->form.order,
        .transform = candidate->form.transform,
        .bytes = candidate->form.bytes,
        .sought = -1,
    };
    if (finding->matched > finding->of)
        finding->of = finding->matched;
    for (unsigned int i = 0; i < explanation->key_words; i++)
        aes_store(finding->key + 4 * (size_t)i, explanation->words[i]);
}

bool candidate_verify(const struct candidate *candidate, unsigned int forms_off,
                      struct finding *finding)
{
    struct explanation best = { .matched = 0 };
    uint32_t words[12];
    bool found = false;

    if (!load_words(candidate, words))
        return false;
    for (unsigned int key_words = 4; key_words <= 8; key_words += 2)
        if (words_are_linear(key_words, words) &&
            !form_is_off(&candidate->form, key_words, forms_off))
            explain(candidate, key_words, words, &best);
    found = best.matched >= ROUND_KEYS_MIN;
    if (found)
        fill_in(candidate, &best, finding);
    secret_wipe(&best, sizeof(best));
    secret_wipe(words, sizeof(words));
    return found;
}
