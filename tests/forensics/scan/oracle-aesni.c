/*
 * The oracle search with AES-NI: eight keys at a time, so that the latency of AESENC does not
 * count; the key schedule is made on the way, SubWord by AESENCLAST on a word in all four columns.
 */
#include "oracle.h"

#ifdef __x86_64__

#include <immintrin.h>

#include "plausible-block.h"

#define TARGET __attribute__((target("avx2,aes,bmi,bmi2,popcnt")))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { WIDTH = 8 };

/* What is left of a round key two rounds ago: each word plus those before it. */
INLINE __m128i fold(__m128i key)
{
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    return _mm_xor_si128(key, _mm_slli_si128(key, 8));
}

/* SubWord(RotWord(w)) ^ constant and SubWord(w) of the last word, in all words. */
INLINE __m128i rotate_and_substitute(__m128i key, __m128i constant)
{
    return _mm_aesenclast_si128(_mm_shuffle_epi8(key, _mm_set1_epi32(0x0c0f0e0d)), constant);
}

INLINE __m128i substitute(__m128i key)
{
    return _mm_aesenclast_si128(_mm_shuffle_epi32(key, 0xff), _mm_setzero_si128());
}

INLINE void two_rounds(__m128i *even, __m128i *odd, __m128i *state, __m128i constant)
{
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        even[i] = _mm_xor_si128(fold(even[i]), rotate_and_substitute(odd[i], constant));
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        state[i] = _mm_aesenc_si128(state[i], even[i]);
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        odd[i] = _mm_xor_si128(fold(odd[i]), substitute(even[i]));
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        state[i] = _mm_aesenc_si128(state[i], odd[i]);
}

INLINE void encrypt(const unsigned char *const *first, const unsigned char *const *second,
                    __m128i plain, __m128i shape, __m128i *state)
{
    __m128i even[WIDTH], odd[WIDTH], constant = _mm_set1_epi32(1);

#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++) {
        even[i] = _mm_loadu_si128((const __m128i *)(const void *)first[i]);
        even[i] = _mm_shuffle_epi8(even[i], shape);
        odd[i] = _mm_loadu_si128((const __m128i *)(const void *)second[i]);
        odd[i] = _mm_shuffle_epi8(odd[i], shape);
        state[i] = _mm_aesenc_si128(_mm_xor_si128(plain, even[i]), odd[i]);
    }
    for (int round = 0; round < 6; round++) {
        two_rounds(even, odd, state, constant);
        constant = _mm_slli_epi32(constant, 1);
    }
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++) {
        even[i] = _mm_xor_si128(fold(even[i]), rotate_and_substitute(odd[i], constant));
        state[i] = _mm_aesenclast_si128(state[i], even[i]);
    }
}

/* Bit i: state i is `cipher`.  That half of one is the same is seen first, of all at once. */
INLINE uint64_t compare(const __m128i *state, const unsigned char *cipher)
{
    const __m128i wanted = _mm_loadu_si128((const __m128i *)(const void *)cipher);
    __m128i any = _mm_setzero_si128();
    uint64_t matches = 0;

#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        any = _mm_or_si128(any, _mm_cmpeq_epi64(state[i], wanted));
    if (_mm_testz_si128(any, any))
        return 0;
    for (int i = 0; i < WIDTH; i++) {
        const __m128i other = _mm_xor_si128(state[i], wanted);

        matches |= (uint64_t)(unsigned int)_mm_testz_si128(other, other) << i;
    }
    return matches;
}

TARGET static uint64_t match(const struct oracle_goal *goal, const struct oracle_batch *batch)
{
    static const unsigned char turn[ORACLE_SHAPES] = { 0, 3, 15 };
    const __m128i count = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                  shape = _mm_xor_si128(count, _mm_set1_epi8((char)turn[batch->shape])),
                  plain = _mm_loadu_si128((const __m128i *)(const void *)goal->plain);
    uint64_t matches = 0;

    for (unsigned int from = 0; from < batch->count; from += WIDTH) {
        __m128i state[WIDTH];

        encrypt(batch->first + from, batch->second + from, plain, shape, state);
        for (unsigned int j = 0; j < goal->count; j++)
            matches |= compare(state, goal->cipher[j]) << from;
    }
    return matches;
}

/* plausible.c says how the look-ups are made; an index with its top bit set gives 0. */
TARGET static void mark_common(const unsigned char *bytes, unsigned char *marks)
{
    const __m256i low = _mm256_broadcastsi128_si256(
                      _mm_loadu_si128((const __m128i *)(const void *)plausible_common[0])),
                  high = _mm256_broadcastsi128_si256(
                      _mm_loadu_si128((const __m128i *)(const void *)plausible_common[1])),
                  bits = _mm256_set1_epi64x((long long)0x8040201008040201),
                  index = _mm256_set1_epi8((char)0x8f), top = _mm256_set1_epi8((char)0x80),
                  nibble = _mm256_set1_epi8(0x0f), one = _mm256_set1_epi8(1);

    for (int i = 0; i < PLAUSIBLE_SUMS; i += 32) {
        const __m256i byte = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + i));
        const __m256i rows = _mm256_or_si256(
            _mm256_shuffle_epi8(low, _mm256_and_si256(byte, index)),
            _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_xor_si256(byte, top), index)));
        const __m256i bit =
            _mm256_shuffle_epi8(bits, _mm256_and_si256(_mm256_srli_epi16(byte, 4), nibble));

        _mm256_storeu_si256((__m256i *)(void *)(marks + i),
                            _mm256_min_epu8(_mm256_and_si256(rows, bit), one));
    }
}

TARGET static void plausible(const unsigned char *bytes, uint64_t masks[PLAUSIBLE_BLOCK / 64])
{
    plausible_block_inline(bytes, masks, mark_common);
}

const struct oracle_engine oracle_aesni = { plausible, match };

#endif
