/*
 * AES-256 for the oracle search on any processor, the key schedule made on the way: with one table
 * that is rotated (2 to 3 million keys a second).  Timing tells what is searched, not which key.
 */
#include "oracle.h"

#include <pthread.h>
#include <string.h>

#include "../../../provider/secret.h"
#include "aes.h"

static uint32_t table[256]; /* 02 01 01 03 times S-box, lowest byte first */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_table(void)
{
    for (int i = 0; i < 256; i++)
        table[i] = aes_mix_column(aes_sbox[i]);
}

static uint32_t left(uint32_t x, unsigned int by)
{
    return x << by | x >> (32 - by);
}

static uint32_t substituted(uint32_t x)
{
    return (uint32_t)aes_sbox[x & 0xff] | (uint32_t)aes_sbox[x >> 8 & 0xff] << 8 |
           (uint32_t)aes_sbox[x >> 16 & 0xff] << 16 | (uint32_t)aes_sbox[x >> 24] << 24;
}

/* The next four words of the schedule, in the place of the four that are two round keys old. */
static void next_round_key(uint32_t key[4], uint32_t last)
{
    key[0] ^= last;
    for (int i = 1; i < 4; i++)
        key[i] ^= key[i - 1];
}

static void one_round(uint32_t state[4], const uint32_t key[4])
{
    const uint32_t s[4] = { state[0], state[1], state[2], state[3] };

    for (int i = 0; i < 4; i++)
        state[i] = table[s[i] & 0xff] ^ left(table[s[(i + 1) & 3] >> 8 & 0xff], 8) ^
                   left(table[s[(i + 2) & 3] >> 16 & 0xff], 16) ^
                   left(table[s[(i + 3) & 3] >> 24], 24) ^ key[i];
}

static void last_round(uint32_t state[4], const uint32_t key[4])
{
    const uint32_t s[4] = { state[0], state[1], state[2], state[3] };

    for (int i = 0; i < 4; i++)
        state[i] = substituted((s[i] & 0xff) | (s[(i + 1) & 3] & 0xff00) |
                               (s[(i + 2) & 3] & 0xff0000) | (s[(i + 3) & 3] & 0xff000000)) ^
                   key[i];
}

static void encrypt(const unsigned char key[32], const unsigned char in[16], unsigned char out[16])
{
    uint32_t even[4], odd[4], state[4], constant = 1;

    pthread_once(&once, make_table);
    for (int i = 0; i < 4; i++) {
        even[i] = aes_load(key + 4 * i);
        odd[i] = aes_load(key + 16 + 4 * i);
        state[i] = aes_load(in + 4 * i) ^ even[i];
    }
    one_round(state, odd);
    for (int i = 0; i < 6; i++, constant <<= 1) {
        next_round_key(even, left(substituted(odd[3]), 24) ^ constant);
        one_round(state, even);
        next_round_key(odd, substituted(even[3]));
        one_round(state, odd);
    }
    next_round_key(even, left(substituted(odd[3]), 24) ^ constant);
    last_round(state, even);
    for (int i = 0; i < 4; i++)
        aes_store(out + 4 * i, state[i]);
}

void oracle_candidate(const struct oracle_batch *batch, unsigned int index, unsigned char key[32])
{
    static const unsigned char turn[ORACLE_SHAPES] = { 0, 3, 15 };

    for (unsigned int i = 0; i < 16; i++) {
        key[i] = batch->first[index][i ^ turn[batch->shape]];
        key[16 + i] = batch->second[index][i ^ turn[batch->shape]];
    }
}

static uint64_t match(const struct oracle_goal *goal, const struct oracle_batch *batch)
{
    uint64_t matches = 0;
    unsigned char key[32], cipher[16];

    for (unsigned int i = 0; i < batch->count; i++) {
        oracle_candidate(batch, i, key);
        encrypt(key, goal->plain, cipher);
        for (unsigned int j = 0; j < goal->count; j++)
            if (memcmp(cipher, goal->cipher[j], sizeof(cipher)) == 0)
                matches |= UINT64_C(1) << i;
    }
    secret_wipe(key, sizeof(key));
    return matches;
}

const struct oracle_engine oracle_portable = { plausible_block, match };
