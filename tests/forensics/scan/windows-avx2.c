/*
 * Windows with AVX2.
 */
#if defined(__x86_64__)

#ifndef __clang__
#pragma GCC target("avx2")
#endif

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "windows.h"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#endif

static inline __m256i load(const unsigned char *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

static inline __m256i same_words(__m256i e, const unsigned char *other)
{
    return _mm256_cmpeq_epi32(e, load(other));
}

static inline __m256i same_bytes(__m256i e, const unsigned char *other)
{
    return _mm256_cmpeq_epi8(e, load(other));
}

static inline __m256i either(__m256i one, __m256i other)
{
    return _mm256_or_si256(one, other);
}

/* All ones in the words that obey one of the relations. */
static inline __m256i obeying_words(const unsigned char *at, __m256i e)
{
    const __m256i forward =
        either(either(same_words(e, at - 32), same_words(e, at - 16)), same_words(e, at - 24));
    const __m256i reversed =
        either(either(same_words(e, at + 32), same_words(e, at + 16)), same_words(e, at + 8));
    const __m256i bytes_forward =
        either(either(same_words(e, at + 28), same_words(e, at + 12)), same_words(e, at + 20));
    const __m256i bytes_reversed =
        either(either(same_words(e, at - 36), same_words(e, at - 20)), same_words(e, at - 12));

    return either(either(forward, reversed), either(bytes_forward, bytes_reversed));
}

static inline bool vpaes_bytes(const unsigned char *at, __m256i e)
{
    const __m256i encrypt = _mm256_xor_si256(e, _mm256_set1_epi8(0x5b));
    const __m256i decrypt = _mm256_xor_si256(e, _mm256_set1_epi8((char)0xe8));
    const __m256i forward =
        either(either(same_bytes(encrypt, at - 32), same_bytes(encrypt, at - 16)),
               same_bytes(encrypt, at - 24));
    const __m256i reversed = either(same_bytes(decrypt, at + 32), same_bytes(decrypt, at + 16));
    const uint32_t bytes = (uint32_t)_mm256_movemask_epi8(either(forward, reversed));
    const uint32_t third = (uint32_t)_mm256_movemask_epi8(same_bytes(decrypt, at + 8));

    return vpaes_suspected(bytes, third) && vpaes_confirmed(at, bytes, third);
}

static inline bool may_be_schedule(const unsigned char *at, __m256i word)
{
    const __m256i before = load(at - 4), e = _mm256_xor_si256(word, before);
    const __m256i zero = _mm256_setzero_si256();
    __m256i silent, obeying;
    uint32_t words;

    silent = _mm256_cmpeq_epi32(_mm256_min_epu32(_mm256_min_epu32(word, before), e), zero);
    obeying = obeying_words(at, e);
    words = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_andnot_si256(silent, obeying)));
    return (words != 0 && words_confirmed(at, words)) || vpaes_bytes(at, e);
}

#include "windows-walk.h"

const unsigned char *windows_next_avx2(const unsigned char *window, const unsigned char *end,
                                       size_t step, unsigned int kinds, unsigned int *seen)
{
    return walk(window, end, step, kinds, seen);
}

#ifdef __clang__
#pragma clang attribute pop
#endif

#else
typedef int windows_avx2_is_for_x86_64;
#endif
