/*
 * Windows with AVX-512's instructions on 256 bits: three-way logic saves a third of the work.
 */
#if defined(__x86_64__)

#ifndef __clang__
#pragma GCC target("avx512f,avx512bw,avx512vl")
#endif

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#include "windows.h"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl"))),                 \
                             apply_to = function)
#endif

static inline __m256i load(const unsigned char *bytes)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)bytes);
}

static inline __m256i any_of(__m256i one, __m256i two, __m256i three)
{
    return _mm256_ternarylogic_epi32(one, two, three, 0xfe);
}

/* All ones where `e` is as one of the others. */
static inline __m256i same_words(__m256i e, const unsigned char *one, const unsigned char *two,
                                 const unsigned char *three)
{
    return any_of(_mm256_cmpeq_epi32(e, load(one)), _mm256_cmpeq_epi32(e, load(two)),
                  _mm256_cmpeq_epi32(e, load(three)));
}

static inline uint32_t obeying_words(const unsigned char *at, __m256i word, __m256i before,
                                     __m256i e)
{
    const __m256i forward = same_words(e, at - 32, at - 16, at - 24);
    const __m256i reversed = same_words(e, at + 32, at + 16, at + 8);
    const __m256i bytes_forward = same_words(e, at + 28, at + 12, at + 20);
    const __m256i bytes_reversed = same_words(e, at - 36, at - 20, at - 12);
    const __m256i silent = _mm256_cmpeq_epi32(_mm256_min_epu32(_mm256_min_epu32(word, before), e),
                                              _mm256_setzero_si256());
    const __m256i all =
        any_of(any_of(forward, reversed, bytes_forward), bytes_reversed, bytes_reversed);

    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_andnot_si256(silent, all)));
}

static inline bool vpaes_bytes(const unsigned char *at, __m256i e)
{
    const __m256i encrypt = _mm256_xor_si256(e, _mm256_set1_epi8(0x5b));
    const __m256i decrypt = _mm256_xor_si256(e, _mm256_set1_epi8((char)0xe8));
    const __m256i forward =
        any_of(_mm256_cmpeq_epi8(encrypt, load(at - 32)), _mm256_cmpeq_epi8(encrypt, load(at - 16)),
               _mm256_cmpeq_epi8(encrypt, load(at - 24)));
    const __m256i all = any_of(forward, _mm256_cmpeq_epi8(decrypt, load(at + 32)),
                               _mm256_cmpeq_epi8(decrypt, load(at + 16)));
    const uint32_t bytes = (uint32_t)_mm256_movemask_epi8(all);
    const uint32_t third = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(decrypt, load(at + 8)));

    return vpaes_suspected(bytes, third) && vpaes_confirmed(at, bytes, third);
}

static inline bool may_be_schedule(const unsigned char *at, __m256i word)
{
    const __m256i before = load(at - 4), e = _mm256_xor_si256(word, before);

    const uint32_t words = obeying_words(at, word, before, e);

    return (words != 0 && words_confirmed(at, words)) || vpaes_bytes(at, e);
}

#include "windows-walk.h"

const unsigned char *windows_next_avx512(const unsigned char *window, const unsigned char *end,
                                         size_t step, unsigned int kinds, unsigned int *seen)
{
    return walk(window, end, step, kinds, seen);
}

#ifdef __clang__
#pragma clang attribute pop
#endif

#else
typedef int windows_avx512_is_for_x86_64;
#endif
