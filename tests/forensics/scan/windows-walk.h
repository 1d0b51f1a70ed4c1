/*
 * What the vector paths share: the walk over the windows.  Included by each of them behind its
 * choice of instructions, its load() and its may_be_schedule(), for these are compiled for it.
 */
#ifndef MEMSCAN_WINDOWS_WALK_H
#define MEMSCAN_WINDOWS_WALK_H

static inline bool may_be_bitsliced(const unsigned char *at, __m256i word)
{
    const __m256i differs = _mm256_xor_si256(word, _mm256_srli_epi64(word, 1));

    return _mm256_testz_si256(differs, _mm256_set1_epi8(0x55)) && bits_confirmed(at);
}

static inline unsigned int kinds_of(const unsigned char *at, unsigned int kinds)
{
    const __m256i word = load(at);
    unsigned int seen = 0;

    if (_mm256_testz_si256(word, word))
        return 0;
    if ((kinds & WINDOW_SCHEDULE) != 0 && may_be_schedule(at, word))
        seen |= WINDOW_SCHEDULE;
    if ((kinds & WINDOW_BITSLICED) != 0 && may_be_bitsliced(at, word))
        seen |= WINDOW_BITSLICED;
    return seen;
}

/* The next window from `window` on that may be one of `kinds`; NULL: there is none */
static inline const unsigned char *walk(const unsigned char *window, const unsigned char *end,
                                        size_t step, unsigned int kinds, unsigned int *seen)
{
    for (; window < end; window += step) {
        unsigned int of;

        _mm_prefetch((const char *)window + WINDOW_AHEAD, _MM_HINT_T0);
        of = kinds_of(window, kinds);
        if (of == 0)
            continue;
        *seen = of;
        return window;
    }
    return NULL;
}

#endif
