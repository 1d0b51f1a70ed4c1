/*
 * The oracle search with VAES and AVX-512: as oracle-aesni.c, with four keys in each register.
 */
#include "oracle.h"

#ifdef __x86_64__

#include <immintrin.h>

#include "plausible-block.h"

/* GCC makes short vectors of loops unless told; clang knows no such word. */
#ifdef __clang__
#define FEATURES "avx512f,avx512bw,avx512vl,vaes,aes,bmi,bmi2,popcnt"
#else
#define FEATURES "avx512f,avx512bw,avx512vl,vaes,aes,bmi,bmi2,popcnt,prefer-vector-width=512"
#endif
#define TARGET __attribute__((target(FEATURES)))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum {
    WIDTH = 8, /* registers */
    KEYS = 4,  /* in each */
};

INLINE __m512i fold(__m512i key)
{
    key = _mm512_xor_si512(key, _mm512_bslli_epi128(key, 4));
    return _mm512_xor_si512(key, _mm512_bslli_epi128(key, 8));
}

INLINE __m512i rotate_and_substitute(__m512i key, __m512i constant)
{
    return _mm512_aesenclast_epi128(_mm512_shuffle_epi8(key, _mm512_set1_epi32(0x0c0f0e0d)),
                                    constant);
}

INLINE __m512i substitute(__m512i key)
{
    return _mm512_aesenclast_epi128(_mm512_shuffle_epi32(key, 0xff), _mm512_setzero_si512());
}

INLINE __m512i four(const unsigned char *const *from, __m512i shape)
{
    __m512i keys = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)(const void *)from[0]));

    keys = _mm512_inserti32x4(keys, _mm_loadu_si128((const __m128i *)(const void *)from[1]), 1);
    keys = _mm512_inserti32x4(keys, _mm_loadu_si128((const __m128i *)(const void *)from[2]), 2);
    keys = _mm512_inserti32x4(keys, _mm_loadu_si128((const __m128i *)(const void *)from[3]), 3);
    return _mm512_shuffle_epi8(keys, shape);
}

INLINE void two_rounds(__m512i *even, __m512i *odd, __m512i *state, __m512i constant)
{
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        even[i] = _mm512_xor_si512(fold(even[i]), rotate_and_substitute(odd[i], constant));
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        state[i] = _mm512_aesenc_epi128(state[i], even[i]);
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        odd[i] = _mm512_xor_si512(fold(odd[i]), substitute(even[i]));
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        state[i] = _mm512_aesenc_epi128(state[i], odd[i]);
}

INLINE void encrypt(const unsigned char *const *first, const unsigned char *const *second,
                    __m512i plain, __m512i shape, __m512i *state)
{
    __m512i even[WIDTH], odd[WIDTH], constant = _mm512_set1_epi32(1);

#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++) {
        even[i] = four(first + KEYS * i, shape);
        odd[i] = four(second + KEYS * i, shape);
        state[i] = _mm512_aesenc_epi128(_mm512_xor_si512(plain, even[i]), odd[i]);
    }
    for (int round = 0; round < 6; round++) {
        two_rounds(even, odd, state, constant);
        constant = _mm512_slli_epi32(constant, 1);
    }
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++) {
        even[i] = _mm512_xor_si512(fold(even[i]), rotate_and_substitute(odd[i], constant));
        state[i] = _mm512_aesenclast_epi128(state[i], even[i]);
    }
}

/* Bit i: state i is `cipher`.  That half of one is the same is seen first, of all at once. */
INLINE uint64_t compare(const __m512i *state, const unsigned char *cipher)
{
    const __m512i wanted =
        _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)cipher));
    unsigned int any = 0;
    uint64_t matches = 0;

#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        any |= _mm512_cmpeq_epi64_mask(state[i], wanted);
    if (any == 0)
        return 0;
    for (int i = 0; i < WIDTH; i++) {
        const unsigned int halves = _mm512_cmpeq_epi64_mask(state[i], wanted);

        matches |= (uint64_t)_pext_u32(halves & halves >> 1, 0x55) << (KEYS * i);
    }
    return matches;
}

TARGET static uint64_t match(const struct oracle_goal *goal, const struct oracle_batch *batch)
{
    static const unsigned char turn[ORACLE_SHAPES] = { 0, 3, 15 };
    const __m512i count = _mm512_broadcast_i32x4(
                      _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)),
                  shape = _mm512_xor_si512(count, _mm512_set1_epi8((char)turn[batch->shape])),
                  plain = _mm512_broadcast_i32x4(
                      _mm_loadu_si128((const __m128i *)(const void *)goal->plain));
    uint64_t matches = 0;

    for (unsigned int from = 0; from < batch->count; from += WIDTH * KEYS) {
        __m512i state[WIDTH];

        encrypt(batch->first + from, batch->second + from, plain, shape, state);
        for (unsigned int j = 0; j < goal->count; j++)
            matches |= compare(state, goal->cipher[j]) << from;
    }
    return matches;
}

/* plausible.c says how the look-ups are made; an index with its top bit set gives 0. */
TARGET static void mark_common(const unsigned char *bytes, unsigned char *marks)
{
    const __m512i low = _mm512_broadcast_i32x4(
                      _mm_loadu_si128((const __m128i *)(const void *)plausible_common[0])),
                  high = _mm512_broadcast_i32x4(
                      _mm_loadu_si128((const __m128i *)(const void *)plausible_common[1])),
                  bits = _mm512_set1_epi64((long long)0x8040201008040201),
                  index = _mm512_set1_epi8((char)0x8f), top = _mm512_set1_epi8((char)0x80),
                  nibble = _mm512_set1_epi8(0x0f), one = _mm512_set1_epi8(1);

    for (int i = 0; i < PLAUSIBLE_SUMS; i += 64) {
        const __m512i byte = _mm512_loadu_si512(bytes + i);
        const __m512i rows = _mm512_or_si512(
            _mm512_shuffle_epi8(low, _mm512_and_si512(byte, index)),
            _mm512_shuffle_epi8(high, _mm512_and_si512(_mm512_xor_si512(byte, top), index)));
        const __m512i bit =
            _mm512_shuffle_epi8(bits, _mm512_and_si512(_mm512_srli_epi16(byte, 4), nibble));

        _mm512_storeu_si512(marks + i, _mm512_min_epu8(_mm512_and_si512(rows, bit), one));
    }
}

TARGET static void plausible(const unsigned char *bytes, uint64_t masks[PLAUSIBLE_BLOCK / 64])
{
    plausible_block_inline(bytes, masks, mark_common);
}

const struct oracle_engine oracle_vaes = { plausible, match };

#endif
