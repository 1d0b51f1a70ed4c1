/*
 * The oracle search finds every key of which only E_K(plain) is known: among code, text, a heap and
 * random bytes, at any offset, with every code path.
 */
#include "scanning.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

enum {
    KEYS = 16,   /* looked for at once */
    SPACE = 512, /* one is planted somewhere in each */
    SIZE = KEYS * SPACE,
    ROUNDS = 157, /* with other keys, in each of four kinds of memory: 10,048 keys */
};

static unsigned char keys[KEYS][32];
static struct sought sought[KEYS];
static struct scanner_settings settings = { .detectors = DETECT_ORACLE,
                                            .sought = sought,
                                            .sought_count = KEYS };

static void encrypt(const unsigned char *key, const unsigned char *in, unsigned char *out)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int size;

    assert_int_equal(EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, key, NULL), 1);
    EVP_CIPHER_CTX_set_padding(ctx, 0);
    assert_int_equal(EVP_EncryptUpdate(ctx, out, &size, in, 16), 1);
    EVP_CIPHER_CTX_free(ctx);
}

static void make_keys(uint64_t *seed)
{
    random_fill(settings.plain, sizeof(settings.plain), seed);
    for (int i = 0; i < KEYS; i++) {
        random_fill(keys[i], sizeof(keys[i]), seed);
        sought[i].has_cipher = true;
        encrypt(keys[i], settings.plain, sought[i].cipher);
    }
}

/* ---- kinds of memory ---- */

static void fill_code(uint64_t *seed, unsigned char *memory, size_t size)
{
    static unsigned char program[1 << 18];
    static size_t got;

    if (got == 0) {
        FILE *file = fopen("/proc/self/exe", "rb");

        assert_non_null(file);
        got = fread(program, 1, sizeof(program), file);
        fclose(file);
        assert_true(got > size);
    }
    memcpy(memory, program + random_next(seed) % (got - size), size);
}

/* Pointers, small numbers, zeros. */
static void fill_heap(uint64_t *seed, unsigned char *memory, size_t size)
{
    for (size_t i = 0; i + 8 <= size; i += 8) {
        const uint64_t random = random_next(seed);
        const uint64_t word = random % 3 == 0   ? 0
                              : random % 3 == 1 ? 0x00007f0000000000 | (random >> 24 & ~15ULL)
                                                : random >> 56;

        memcpy(memory + i, &word, sizeof(word));
    }
}

static void fill_text(uint64_t *seed, unsigned char *memory, size_t size)
{
    static const char words[] = "the quick brown fox jumps over the lazy dog, 1234567890 times.\n";

    for (size_t i = 0; i < size; i++)
        memory[i] = (unsigned char)words[random_next(seed) % (sizeof(words) - 1)];
}

static void fill_random(uint64_t *seed, unsigned char *memory, size_t size)
{
    random_fill(memory, size, seed);
}

static const struct finding *find(const struct findings *findings, uint64_t address, int which)
{
    for (size_t i = 0; i < findings_count(findings); i++) {
        const struct finding *finding = findings_at(findings, i);

        if (finding->kind == FINDING_ORACLE_KEY && finding->address == address &&
            finding->sought == which)
            return finding;
    }
    return NULL;
}

static void check_round(const unsigned char *memory, const size_t where[KEYS])
{
    struct findings *findings = scan(&settings, memory, SIZE, 3001);

    assert_int_equal(findings_count(findings), KEYS);
    for (int i = 0; i < KEYS; i++) {
        const struct finding *finding = find(findings, where[i], i);

        assert_non_null(finding);
        assert_memory_equal(finding->key, keys[i], 32);
        assert_string_equal(finding->encoding, "raw");
        assert_int_equal(finding->size, 32);
        assert_int_equal(finding->matched, 32);
    }
    findings_free(findings);
}

static void check_recall(void (*fill)(uint64_t *, unsigned char *, size_t), enum code_path path)
{
    unsigned char *memory = memory_new(SIZE);
    uint64_t seed = 5;

    settings.path = path;
    for (int round = 0; round < ROUNDS; round++) {
        size_t where[KEYS];

        make_keys(&seed);
        fill(&seed, memory, SIZE);
        for (size_t i = 0; i < KEYS; i++) {
            where[i] = i * SPACE + random_next(&seed) % (SPACE - 32);
            memcpy(memory + where[i], keys[i], 32);
        }
        check_round(memory, where);
    }
    memory_free(memory);
}

static void finds_keys_among_code(void **state)
{
    (void)state;
    check_recall(fill_code, PATH_BEST);
}

static void finds_keys_on_a_heap(void **state)
{
    (void)state;
    check_recall(fill_heap, PATH_BEST);
}

static void finds_keys_in_text(void **state)
{
    (void)state;
    check_recall(fill_text, PATH_BEST);
}

static void finds_keys_among_random_bytes(void **state)
{
    (void)state;
    check_recall(fill_random, PATH_BEST);
}

static void finds_keys_with_avx2(void **state)
{
    (void)state;
    if (code_path_choose(PATH_AVX2) != PATH_AVX2) {
        print_message("skipped: this processor has no AVX2 with AES-NI\n");
        skip();
    }
    check_recall(fill_code, PATH_AVX2);
}

static void finds_keys_on_any_processor(void **state)
{
    (void)state;
    check_recall(fill_code, PATH_PORTABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_keys_among_code), cmocka_unit_test(finds_keys_on_a_heap),
        cmocka_unit_test(finds_keys_in_text),    cmocka_unit_test(finds_keys_among_random_bytes),
        cmocka_unit_test(finds_keys_with_avx2),  cmocka_unit_test(finds_keys_on_any_processor),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
