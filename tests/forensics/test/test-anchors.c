/*
 * What the encoders plant is what libraries write: FIPS 197's examples, OpenSSL's own functions,
 * live EVP contexts of OpenSSL with AES-NI, vpaes and neither, and RustCrypto's bitsliced schedules
 * by their hashes.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/aes.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "scanning.h"

static const struct planted_form *form_named(const char *name)
{
    for (size_t i = 0; i < planted_form_count; i++)
        if (strcmp(planted_forms[i].name, name) == 0)
            return &planted_forms[i];
    fail_msg("no form is named %s", name);
    return NULL;
}

static void counting_key(unsigned char key[32])
{
    for (int i = 0; i < 32; i++)
        key[i] = (unsigned char)i;
}

/* FIPS 197, A.1 to A.3: the key and the last round key. */
static void fips_197(void **state)
{
    static const struct {
        unsigned int bits;
        const char *key, *last;
    } examples[] = {
        { 128, "2b7e151628aed2a6abf7158809cf4f3c", "d014f9a8c9ee2589e13f0cc8b6630ca6" },
        { 192, "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
          "e98ba06f448c773c8ecc720401002202" },
        { 256, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
          "fe4890d1e6188d0b046df344706c631e" },
    };

    (void)state;
    for (int i = 0; i < 3; i++) {
        unsigned char encoded[ENCODED_MAX];
        unsigned char *key = OPENSSL_hexstr2buf(examples[i].key, NULL);
        unsigned char *last = OPENSSL_hexstr2buf(examples[i].last, NULL);
        const size_t size = encode_schedule(form_named("plain"), key, examples[i].bits, encoded);

        assert_memory_equal(encoded, key, examples[i].bits / 8);
        assert_memory_equal(encoded + size - 16, last, 16);
        OPENSSL_free(key);
        OPENSSL_free(last);
    }
}

/* OpenSSL's functions without EVP: plain; reversed with InvMixColumns. */
static void openssl_functions(void **state)
{
    unsigned char key[32], encoded[ENCODED_MAX];

    (void)state;
    counting_key(key);
    for (unsigned int bits = 128; bits <= 256; bits += 64) {
        AES_KEY schedule;
        size_t size = encode_schedule(form_named("plain"), key, bits, encoded);

        assert_int_equal(AES_set_encrypt_key(key, (int)bits, &schedule), 0);
        assert_memory_equal(&schedule, encoded, size);
        size = encode_schedule(form_named("reversed IMC"), key, bits, encoded);
        assert_int_equal(AES_set_decrypt_key(key, (int)bits, &schedule), 0);
        assert_memory_equal(&schedule, encoded, size);
    }
}

/* SHA-256 of the schedules that aes-soft 0.6.4 (RustCrypto) makes of the key 00 01 02 ..., as its
   struct lies in memory; "compact" is its feature semi_fixslice. */
static void rustcrypto(void **state)
{
    static const struct {
        const char *form;
        unsigned int bits;
        const char *hash;
    } schedules[] = {
        { "fixslice32", 128, "e225a13419509302adada68d3ccb6cad6af36410720ebaa1a09bee54fd7241cb" },
        { "fixslice32", 192, "06b65f417a6e7ed82df9bb4df75c99de5214f2980647f74d298197b506e04c25" },
        { "fixslice32", 256, "138728afc1329a72dd8d4cbdf3b2f6797ccf3582efb3aab851f2b35c9bb52426" },
        { "fixslice64", 128, "0b3d51bdcc5be0ddce97f4cc1fe93979423fcf84e739a8886f47b528bf9de871" },
        { "fixslice64", 192, "16f97de5c7cbd25cc5a1f1bcff0f7097700c334af1441731611e3570e6f14229" },
        { "fixslice64", 256, "1f59674d1ef080e37c18ee641bff3ecb646c03bece60281fd8ecd3765867ac33" },
        { "fixslice32, compact", 128,
          "7e68b4b506dceb917c3639acc337e74da8be2a786e18ac808bf8cac867890aac" },
        { "fixslice32, compact", 192,
          "b6279b75f37f9fb44f33d11986f925e1d43378f16a863bd1d931b2f07c36bdda" },
        { "fixslice32, compact", 256,
          "c31666092f8316c3302b8dd2d4701cd2b238ccf714eb37cd5d9e686a68d10227" },
        { "fixslice64, compact", 128,
          "6f7ade0e69f2237b82d1c06fbe8e3c591f630e0604bd84aef66a3f06047708f4" },
        { "fixslice64, compact", 192,
          "1a50d2b022cb899a4cdee104ac7fd84c6170852332a5ea7b2d21db424bd41fee" },
        { "fixslice64, compact", 256,
          "e725442977cd939763b0f013a028fa02fdc7caba7c5feaefe8463e55f5ec1d5c" },
    };
    unsigned char key[32];

    (void)state;
    counting_key(key);
    for (size_t i = 0; i < sizeof(schedules) / sizeof(*schedules); i++) {
        unsigned char encoded[ENCODED_MAX], hash[EVP_MAX_MD_SIZE];
        unsigned char *expected = OPENSSL_hexstr2buf(schedules[i].hash, NULL);
        const size_t size =
            encode_schedule(form_named(schedules[i].form), key, schedules[i].bits, encoded);

        assert_int_equal(EVP_Digest(encoded, size, hash, NULL, EVP_sha256(), NULL), 1);
        assert_memory_equal(hash, expected, 32);
        OPENSSL_free(expected);
    }
}

/* In a process of its own all of OpenSSL's memory comes from here, and is never given back. */
enum { HEAP = 16 << 20, HEADER = 16 };

static unsigned char *heap;
static size_t heap_used;

static void *heap_malloc(size_t size, const char *file, int line)
{
    unsigned char *memory = heap + heap_used + HEADER;

    (void)file;
    (void)line;
    if (heap_used + size + 2 * (size_t)HEADER > HEAP)
        return NULL;
    memcpy(memory - HEADER, &size, sizeof(size));
    heap_used += (size + 2 * (size_t)HEADER - 1) / HEADER * HEADER;
    return memory;
}

static void heap_free(void *memory, const char *file, int line)
{
    (void)memory;
    (void)file;
    (void)line;
}

static void *heap_realloc(void *memory, size_t size, const char *file, int line)
{
    void *larger = heap_malloc(size, file, line);
    size_t before = 0;

    if (memory != NULL)
        memcpy(&before, (unsigned char *)memory - HEADER, sizeof(before));
    if (larger != NULL && memory != NULL)
        memcpy(larger, memory, before < size ? before : size);
    return larger;
}

/* @return whether the context's schedule is found in that form, and is byte for byte the encoder's
 */
static bool context_holds(const char *cipher, int encrypt, const unsigned char *key,
                          unsigned int bits, const char *form_name)
{
    const struct planted_form *form = form_named(form_name);
    const struct scanner_settings settings = { .detectors = DETECT_SCHEDULES };
    EVP_CIPHER *fetched = EVP_CIPHER_fetch(NULL, cipher, NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    unsigned char encoded[ENCODED_MAX];
    const size_t size = encode_schedule(form, key, bits, encoded);
    struct findings *findings;
    bool holds = false;

    if (EVP_CipherInit_ex2(context, fetched, key, NULL, encrypt, NULL) != 1)
        return false;
    findings = scan(&settings, heap, HEAP, 0);
    for (size_t i = 0; i < findings_count(findings); i++) {
        const struct finding *finding = findings_at(findings, i);

        holds |= finding->transform == form->transform && finding->order == form->order &&
                 finding->bytes == form->bytes && finding->matched == finding->of &&
                 finding->size == size && memcmp(finding->key, key, bits / 8) == 0 &&
                 memcmp(heap + finding->address, encoded, size) == 0;
    }
    findings_free(findings);
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(fetched);
    return holds;
}

/* Run in a child; @return its exit status */
static int look_into_contexts(const char *encrypt_form, const char *decrypt_form)
{
    static const char *const ciphers[] = { "AES-128-ECB", "AES-192-ECB", "AES-256-ECB" };

    heap = memory_new(HEAP);
    if (CRYPTO_set_mem_functions(heap_malloc, heap_realloc, heap_free) != 1)
        return 2;
    for (unsigned int i = 0; i < 6; i++) {
        const char *form = i % 2 == 0 ? encrypt_form : decrypt_form;
        unsigned char key[32];
        uint64_t seed = i;

        random_fill(key, sizeof(key), &seed);
        if (!context_holds(ciphers[i / 2], i % 2 == 0, key, 128 + 64 * (i / 2), form)) {
            fprintf(stderr, "%s, %s: not found\n", ciphers[i / 2], form);
            return 1;
        }
    }
    return 0;
}

static void assert_contexts(const char *capabilities, const char *encrypt_form,
                            const char *decrypt_form)
{
    int status;
    const pid_t child = fork();

    assert_int_not_equal(child, -1);
    if (child == 0) {
        setenv("OPENSSL_ia32cap", capabilities, 1);
        execl("/proc/self/exe", "test-forensics-anchors", encrypt_form, decrypt_form, NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#if defined(__x86_64__)
/* Bits 57 (AES-NI), 41 (SSSE3), 33 (PCLMULQDQ). */
static void openssl_with_aes_ni(void **state)
{
    (void)state;
    if (!__builtin_cpu_supports("aes"))
        skip();
    assert_contexts(":", "plain", "reversed IMC");
}

static void openssl_with_vpaes(void **state)
{
    (void)state;
    assert_contexts("~0x200000200000000", "vpaes encrypt", "vpaes decrypt");
}

static void openssl_with_neither(void **state)
{
    (void)state;
    assert_contexts("~0x200020200000000", "plain", "reversed IMC");
}
#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fips_197),
        cmocka_unit_test(openssl_functions),
        cmocka_unit_test(rustcrypto),
#if defined(__x86_64__)
        cmocka_unit_test(openssl_with_aes_ni),
        cmocka_unit_test(openssl_with_vpaes),
        cmocka_unit_test(openssl_with_neither),
#endif
    };

    if (argc == 3)
        return look_into_contexts(argv[1], argv[2]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
