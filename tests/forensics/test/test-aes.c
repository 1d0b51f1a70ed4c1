/*
 * AES as the scanner has it (scan/aes.[ch]), held against FIPS 197's definitions and OpenSSL.
 */
#include <string.h>

#include <openssl/evp.h>

#include "scanning.h"

#include "../scan/aes.h"

static unsigned int times(unsigned int a, unsigned int b)
{
    unsigned int product = 0;

    for (int bit = 0; bit < 8; bit++) {
        product ^= (b >> bit & 1) != 0 ? a : 0;
        a = a << 1 ^ ((a & 0x80) != 0 ? 0x11b : 0);
    }
    return product;
}

static void the_sbox_is_the_inverse_and_an_affine_map(void **state)
{
    (void)state;
    for (unsigned int byte = 0; byte < 256; byte++) {
        unsigned int inverse = 0, expected;

        for (unsigned int other = 0; other < 256; other++)
            inverse = times(byte, other) == 1 ? other : inverse;
        expected = inverse * 0x101; /* twice, so that shifts are rotations */
        expected = expected ^ expected << 1 ^ expected << 2 ^ expected << 3 ^ expected << 4;
        assert_int_equal(aes_sbox[byte], (expected >> 8 & 0xff) ^ 0x63);
    }
}

static void mix_columns_and_its_inverse(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        const uint32_t column = (uint32_t)random_next(&seed);
        uint32_t expected = 0;

        for (int row = 0; row < 4; row++) {
            const unsigned int factors[] = { 2, 3, 1, 1 };
            unsigned int sum = 0;

            for (int j = 0; j < 4; j++)
                sum ^= times(column >> (8 * ((row + j) % 4)) & 0xff, factors[j]);
            expected |= (uint32_t)sum << (8 * row);
        }
        assert_int_equal(aes_mix_column(column), expected);
        assert_int_equal(aes_inv_mix_column(expected), column);
    }
}

static void expansion_runs_both_ways(void **state)
{
    uint64_t seed = 2;

    (void)state;
    for (unsigned int key_words = 4; key_words <= 8; key_words += 2) {
        const unsigned int count = 4 * aes_round_keys(key_words);
        uint32_t words[AES_WORDS_MAX], back[AES_WORDS_MAX];

        random_fill((unsigned char *)words, sizeof(words), &seed);
        aes_expand(key_words, words, count);
        for (unsigned int from = 0; from + key_words <= count; from++) {
            memset(back, 0, sizeof(back));
            memcpy(back + from, words + from, key_words * sizeof(*words));
            aes_expand_backwards(key_words, back, from);
            assert_memory_equal(back, words, (from + key_words) * sizeof(*words));
        }
    }
}

static void blocks_are_encrypted_as_openssl_does(void **state)
{
    const EVP_CIPHER *const ciphers[] = { EVP_aes_128_ecb(), EVP_aes_192_ecb(), EVP_aes_256_ecb() };
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint64_t seed = 3;

    (void)state;
    for (unsigned int i = 0; i < 300; i++) {
        unsigned char key[32], in[16], out[16], expected[16];
        int length;

        random_fill(key, sizeof(key), &seed);
        random_fill(in, sizeof(in), &seed);
        assert_int_equal(EVP_EncryptInit_ex(context, ciphers[i % 3], NULL, key, NULL), 1);
        assert_int_equal(EVP_CIPHER_CTX_set_padding(context, 0), 1);
        assert_int_equal(EVP_EncryptUpdate(context, expected, &length, in, 16), 1);
        aes_encrypt(4 + 2 * (i % 3), key, in, out);
        assert_memory_equal(out, expected, sizeof(out));
    }
    EVP_CIPHER_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sbox_is_the_inverse_and_an_affine_map),
        cmocka_unit_test(mix_columns_and_its_inverse),
        cmocka_unit_test(expansion_runs_both_ways),
        cmocka_unit_test(blocks_are_encrypted_as_openssl_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
