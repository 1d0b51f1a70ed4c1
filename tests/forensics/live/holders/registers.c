/*
 * Holds the schedule in nothing but vector registers while it waits: the variant is "xmm", "ymm" or
 * "zmm".  No function is called between loading and storing them, so nothing can spill them either.
 */
#include <immintrin.h>
#include <string.h>

#include "holder.h"

enum { ROUND_KEYS = 15 };

#define WITH_AES __attribute__((target("aes,sse2")))

static union {
    __m128i round_key[ROUND_KEYS + 1];
    unsigned char bytes[256];
} schedule;
static struct holder_wish wished;

WITH_AES static __m128i chain(__m128i key, __m128i mixed)
{
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
    return _mm_xor_si128(key, mixed);
}

#define EVEN(i, constant)                                                                          \
    schedule.round_key[i] = chain(                                                                 \
        schedule.round_key[(i)-2],                                                                 \
        _mm_shuffle_epi32(_mm_aeskeygenassist_si128(schedule.round_key[(i)-1], constant), 0xff))
#define ODD(i)                                                                                     \
    schedule.round_key[i] =                                                                        \
        chain(schedule.round_key[(i)-2],                                                           \
              _mm_shuffle_epi32(_mm_aeskeygenassist_si128(schedule.round_key[(i)-1], 0), 0xaa))

WITH_AES static void expand(const unsigned char *key)
{
    memcpy(schedule.bytes, key, 32);
    EVEN(2, 1), ODD(3), EVEN(4, 2), ODD(5), EVEN(6, 4), ODD(7), EVEN(8, 8), ODD(9);
    EVEN(10, 16), ODD(11), EVEN(12, 32), ODD(13), EVEN(14, 64);
}

/* To the equivalent inverse cipher's (FIPS 197, 5.3.5), in the order in which that takes them. */
WITH_AES static void turn_round(void)
{
    for (int i = 0; i < ROUND_KEYS / 2; i++) {
        __m128i first = schedule.round_key[i];

        schedule.round_key[i] = schedule.round_key[ROUND_KEYS - 1 - i];
        schedule.round_key[ROUND_KEYS - 1 - i] = first;
    }
    for (int i = 1; i < ROUND_KEYS - 1; i++)
        schedule.round_key[i] = _mm_aesimc_si128(schedule.round_key[i]);
}

void holder_setup(const unsigned char *key, const struct holder_wish *wish)
{
    wished = *wish;
    if (key == NULL)
        return;
    expand(key);
    if (wish->decrypt)
        turn_round();
}

WITH_AES void holder_block(const unsigned char in[16], unsigned char out[16])
{
    __m128i block =
        _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)in), schedule.round_key[0]);

    for (int i = 1; i < ROUND_KEYS - 1; i++)
        block = wished.decrypt ? _mm_aesdec_si128(block, schedule.round_key[i])
                               : _mm_aesenc_si128(block, schedule.round_key[i]);
    block = wished.decrypt ? _mm_aesdeclast_si128(block, schedule.round_key[ROUND_KEYS - 1])
                           : _mm_aesenclast_si128(block, schedule.round_key[ROUND_KEYS - 1]);
    _mm_storeu_si128((__m128i *)(void *)out, block);
}

/* Loads, wipes the memory, says "ready", waits for a byte, and stores again. */
#define WAIT_IN(load, store)                                                                       \
    __asm__ volatile(load "mov %[buffer], %%rdi\n\t"                                               \
                          "xor %%eax, %%eax\n\t"                                                   \
                          "mov $256, %%ecx\n\t"                                                    \
                          "rep stosb\n\t"                                                          \
                          "mov $1, %%eax\n\t" /* write(1, "ready\n", 6) */                         \
                          "mov $1, %%edi\n\t"                                                      \
                          "mov %[ready], %%rsi\n\t"                                                \
                          "mov $6, %%edx\n\t"                                                      \
                          "syscall\n\t"                                                            \
                          "xor %%eax, %%eax\n\t" /* read(0, byte, 1) */                            \
                          "xor %%edi, %%edi\n\t"                                                   \
                          "mov %[byte], %%rsi\n\t"                                                 \
                          "mov $1, %%edx\n\t"                                                      \
                          "syscall\n\t" store                                                      \
                     :                                                                             \
                     : [buffer] "r"(schedule.bytes), [ready] "r"("ready\n"), [byte] "r"(&byte)     \
                     : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r11", "xmm0", "xmm1",   \
                       "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",    \
                       "xmm11", "xmm12", "xmm13", "xmm14")

#define LOAD(move, size, kind, i) move " " #i "*" #size "(%[buffer]), %%" #kind #i "\n\t"
#define STORE(move, size, kind, i) move " %%" #kind #i ", " #i "*" #size "(%[buffer])\n\t"
#define FOUR(do, move, size, kind)                                                                 \
    do                                                                                             \
    (move, size, kind, 0) do(move, size, kind, 1) do(move, size, kind, 2) do(move, size, kind, 3)
#define EIGHT(do, move, size, kind)                                                                \
    FOUR(do, move, size, kind)                                                                     \
    do                                                                                             \
    (move, size, kind, 4) do(move, size, kind, 5) do(move, size, kind, 6) do(move, size, kind, 7)
#define FIFTEEN(do, move, size, kind)                                                              \
    EIGHT(do, move, size, kind)                                                                    \
    do                                                                                             \
    (move, size, kind, 8) do(move, size, kind, 9) do(move, size, kind, 10) do(                     \
        move, size, kind, 11) do(move, size, kind, 12) do(move, size, kind, 13) do(move, size,     \
                                                                                   kind, 14)

int holder_waits_itself(void)
{
    unsigned char byte;

    if (strcmp(wished.variant, "zmm") == 0)
        WAIT_IN(FOUR(LOAD, "vmovdqu64", 64, zmm),
                FOUR(STORE, "vmovdqu64", 64, zmm) "vzeroupper\n\t");
    else if (strcmp(wished.variant, "ymm") == 0)
        WAIT_IN(EIGHT(LOAD, "vmovdqu", 32, ymm), EIGHT(STORE, "vmovdqu", 32, ymm) "vzeroupper\n\t");
    else
        WAIT_IN(FIFTEEN(LOAD, "movdqu", 16, xmm), FIFTEEN(STORE, "movdqu", 16, xmm));
    return 1;
}
