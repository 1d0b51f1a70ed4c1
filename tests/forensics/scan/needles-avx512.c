/*
 * Eight windows at once are looked up in the bitmap of needles, with AVX-512.
 */
#if defined(__x86_64__)

#ifndef __clang__
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,popcnt")
#endif

#include <immintrin.h>

#include "needles-sift.h"

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,popcnt"))), \
                             apply_to = function)
#endif

/* 8 bytes from each of eight places, 4 bytes apart.  No byte beyond them is read. */
static inline __m512i load_windows(const unsigned char *from)
{
    const __m512i words = _mm512_maskz_loadu_epi32(0x1ff, from);

    return _mm512_permutexvar_epi32(
        _mm512_setr_epi32(0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8), words);
}

unsigned int sift_avx512(const struct sieve *sieve, const unsigned char *from, unsigned int windows,
                         uint16_t *likely)
{
    const __m512i multiplier = _mm512_set1_epi64((long long)sieve->multiplier);
    const __m128i shift = _mm_cvtsi32_si128((int)sieve->shift);
    __m512i index = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    unsigned int count = 0;

    for (unsigned int i = 0; i < windows; i += SIFT_TOGETHER) {
        const __m512i bit = _mm512_srl_epi64(
            _mm512_mullo_epi64(load_windows(from + 4 * (size_t)i), multiplier), shift);
        const __m512i words =
            _mm512_i64gather_epi64(_mm512_srli_epi64(bit, 6), (const void *)sieve->bitmap, 8);
        const __mmask8 is_set =
            _mm512_test_epi64_mask(_mm512_rorv_epi64(words, bit), _mm512_set1_epi64(1));

        _mm_storeu_si128((__m128i *)(void *)(likely + count),
                         _mm512_cvtepi64_epi16(_mm512_maskz_compress_epi64(is_set, index)));
        count += (unsigned int)__builtin_popcount(is_set);
        index = _mm512_add_epi64(index, _mm512_set1_epi64(SIFT_TOGETHER));
    }
    return count;
}

#ifdef __clang__
#pragma clang attribute pop
#endif

#else
typedef int needles_avx512_is_for_x86_64;
#endif
