/*
 * AES as a scanner needs it: key expansion from anywhere, forwards and backwards, and one block
 * encrypted.  Words are four bytes of memory, the first in the lowest bits.  Table look-ups: not
 * for use where timing tells.
 */
#ifndef MEMSCAN_AES_H
#define MEMSCAN_AES_H

#include <stddef.h>
#include <stdint.h>

enum {
    AES_ROUND_KEYS_MAX = 16, /**< AES-256 has 15; some libraries write one more */
    AES_WORDS_MAX = 4 * AES_ROUND_KEYS_MAX,
};

/** The S-box (FIPS 197, 5.1.1). */
extern const unsigned char aes_sbox[256];

/** The word at `bytes`. */
static inline uint32_t aes_load(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static inline void aes_store(unsigned char *bytes, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(word >> (8 * i));
}

/** MixColumns of one column; its inverse is itself three times. */
uint32_t aes_mix_column(uint32_t column);
uint32_t aes_inv_mix_column(uint32_t column);

/** Round keys of a key of `key_words` (4, 6 or 8) words: 11, 13 or 15. */
static inline unsigned int aes_round_keys(unsigned int key_words)
{
    return key_words + 7;
}

/** What word `index` of a schedule is w[index - key_words] XORed with, made of w[index - 1]. */
uint32_t aes_expansion_step(unsigned int key_words, unsigned int index, uint32_t previous);

/** Fills in words[key_words] to words[count - 1] after words[0] to words[key_words - 1]. */
void aes_expand(unsigned int key_words, uint32_t *words, unsigned int count);

/** Fills in words[0] to words[known - 1] before words[known] to words[known + key_words - 1]. */
void aes_expand_backwards(unsigned int key_words, uint32_t *words, unsigned int known);

/** Encrypts one block. */
void aes_encrypt(unsigned int key_words, const unsigned char *key, const unsigned char in[16],
                 unsigned char out[16]);

#endif
