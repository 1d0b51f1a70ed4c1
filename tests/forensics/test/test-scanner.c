/*
 * The scanner around its detectors: that each form and detector is what finds its schedules
 * (switched off, they are missed), that no border of pieces hides one, and what is said of keys.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "scanning.h"

#include "../scan/selftest-keys.h"

enum { SIZE = 4096, KEY_LENGTHS = 3 };

static const unsigned int schedule_detectors = DETECT_SCHEDULES | DETECT_BITSLICED;

/* One schedule in random bytes; @return its size, 0 if there is none of that length */
static size_t plant(const struct planted_form *form, unsigned int key_bits, unsigned char key[32],
                    unsigned char *memory, size_t at)
{
    unsigned char encoded[ENCODED_MAX];
    uint64_t seed = key_bits + (uint64_t)form->transform;
    size_t size;

    random_fill(memory, SIZE, &seed);
    random_fill(key, 32, &seed);
    size = encode_schedule(form, key, key_bits, encoded);
    memcpy(memory + at, encoded, size);
    return size;
}

static bool is_found(const struct scanner_settings *settings, const struct planted_form *form,
                     unsigned int key_bits)
{
    unsigned char *memory = memory_new(SIZE), key[32];
    struct findings *findings;
    bool found;

    assert_int_not_equal(plant(form, key_bits, key, memory, 1001), 0);
    findings = scan(settings, memory, SIZE, 0);
    found = find_schedule(findings, form, key, key_bits, 1001) != NULL;
    if (found)
        assert_int_equal(findings_count(findings), 1);
    findings_free(findings);
    memory_free(memory);
    return found;
}

/* Which of the switches concern a form. */
static unsigned int switches_of(const struct planted_form *form, unsigned int key_bits)
{
    return FORM_OFF_ORDER(form->order) | FORM_OFF_TRANSFORM(form->transform) |
           FORM_OFF_BYTES(form->bytes) | FORM_OFF_KEY_WORDS(key_bits / 32);
}

static void a_form_switched_off_is_missed(void **state)
{
    size_t missed = 0;

    (void)state;
    for (size_t i = 0; i < planted_form_count; i++) {
        for (unsigned int off = 0; off < 14; off++) {
            const struct planted_form *form = &planted_forms[i];
            const bool expected = (switches_of(form, 256) & 1u << off) == 0;
            struct scanner_settings settings = { .detectors = schedule_detectors,
                                                 .forms_off = 1u << off };

            if (is_found(&settings, form, 256) != expected)
                fail_msg("%s with switch %u: found is not %d", form->name, off, expected);
            missed += !expected;
        }
    }
    assert_int_equal(missed, 4 * planted_form_count);
}

static void a_detector_switched_off_misses_its_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < planted_form_count; i++) {
        const struct planted_form *form = &planted_forms[i];
        const bool bitsliced =
            form->transform == TRANSFORM_FIXSLICE32 || form->transform == TRANSFORM_FIXSLICE64;
        const struct scanner_settings others = { .detectors = DETECT_SCHEDULES };
        const struct scanner_settings only = { .detectors = DETECT_BITSLICED };
        const struct scanner_settings none = { .detectors = 0 };

        assert_int_equal(is_found(&others, form, 256), !bitsliced);
        assert_int_equal(is_found(&only, form, 256), bitsliced);
        assert_false(is_found(&none, form, 256));
    }
}

/* @return how often the schedule is found when memory is cut in two at `border` */
static size_t found_across(const struct scanner *scanner, unsigned char *memory, size_t border)
{
    struct findings *findings = findings_new();
    struct piece piece = { .bytes = memory, .size = SIZE, .to = border, .address = 0x7f0000000100 };
    size_t count;

    scanner_search(scanner, &piece, findings);
    piece.from = border;
    piece.to = SIZE;
    scanner_search(scanner, &piece, findings);
    scanner_conclude(scanner, findings);
    count = findings_count(findings);
    findings_free(findings);
    return count;
}

static void a_border_anywhere_hides_nothing(void **state)
{
    const struct scanner_settings settings = { .detectors = schedule_detectors };
    struct scanner *scanner = scanner_new(&settings);
    unsigned char *memory = memory_new(SIZE), key[32];

    (void)state;
    for (size_t i = 0; i < planted_form_count * KEY_LENGTHS; i++) {
        const unsigned int key_bits = 128 + 64 * (unsigned int)(i % KEY_LENGTHS);
        const size_t size = plant(&planted_forms[i / KEY_LENGTHS], key_bits, key, memory, 1001);

        for (size_t border = 900; size != 0 && border < 1101 + size; border++)
            assert_int_equal(found_across(scanner, memory, border), 1);
    }
    scanner_free(scanner);
    memory_free(memory);
}

/* At the very beginning and the very end of a place: nothing is read beyond the margins. */
static void the_edges_of_a_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < planted_form_count * 3; i++) {
        const struct planted_form *form = &planted_forms[i / 3];
        const struct scanner_settings settings = { .detectors = schedule_detectors,
                                                   .path = (enum code_path)(i % 3 + 1),
                                                   .thorough = true };
        unsigned char encoded[ENCODED_MAX], key[32];
        unsigned char *memory;
        uint64_t seed = i;
        struct findings *findings;
        size_t size;

        random_fill(key, sizeof(key), &seed);
        size = encode_schedule(form, key, 256, encoded);
        memory = memory_new(size);
        memcpy(memory, encoded, size);
        findings = scan(&settings, memory, size, 0);
        assert_int_equal(findings_count(findings), 1);
        assert_non_null(find_schedule(findings, form, key, 256, 0));
        findings_free(findings);
        memory_free(memory);
    }
}

static void encrypt(const unsigned char key[32], const unsigned char in[16], unsigned char out[16])
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int length;

    assert_int_equal(EVP_EncryptInit_ex(context, EVP_aes_256_ecb(), NULL, key, NULL), 1);
    assert_int_equal(EVP_CIPHER_CTX_set_padding(context, 0), 1);
    assert_int_equal(EVP_EncryptUpdate(context, out, &length, in, 16), 1);
    EVP_CIPHER_CTX_free(context);
}

/* Three schedules: of a key whose bytes are known, of one whose ciphertext is, of another. */
static void sought_keys_are_named(void **state)
{
    const struct planted_form *form = &planted_forms[0];
    unsigned char *memory = memory_new(SIZE), keys[3][32], encoded[ENCODED_MAX];
    struct sought sought[2] = { { .role = SOUGHT_CANARY, .name = "canary", .key = keys[0] },
                                { .name = "hsmzke:gold", .has_cipher = true } };
    struct scanner_settings settings = { .detectors = schedule_detectors,
                                         .sought = sought,
                                         .sought_count = 2 };
    struct findings *findings;
    uint64_t seed = 7;

    (void)state;
    random_fill(settings.plain, sizeof(settings.plain), &seed);
    for (size_t i = 0; i < 3; i++) {
        random_fill(keys[i], sizeof(keys[i]), &seed);
        memcpy(memory + 1000 * i + 3, encoded, encode_schedule(form, keys[i], 256, encoded));
    }
    encrypt(keys[1], settings.plain, sought[1].cipher);
    findings = scan(&settings, memory, SIZE, 0);
    assert_int_equal(findings_count(findings), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(findings_at(findings, i)->sought, i < 2 ? (int)i : -1);
        assert_null(findings_at(findings, i)->owner);
    }
    findings_free(findings);
    memory_free(memory);
}

static void self_test_keys_have_owners(void **state)
{
    static const unsigned int lengths[] = { 16, 24, 32 };
    const struct scanner_settings settings = { .detectors = schedule_detectors };
    unsigned char *memory = memory_new(SIZE), key[32], encoded[ENCODED_MAX];
    struct findings *findings;

    (void)state;
    for (int i = 0; i < 32; i++)
        key[i] = (unsigned char)i;
    for (size_t i = 0; i < 3; i++)
        memcpy(memory + 1000 * i, encoded,
               encode_schedule(&planted_forms[0], key, 8 * lengths[i], encoded));
    findings = scan(&settings, memory, SIZE, 0);
    assert_int_equal(findings_count(findings), 3);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(strstr(findings_at(findings, i)->owner, "FIPS 197, C."));
    findings_free(findings);
    memory_free(memory);
    key[31] ^= 1;
    assert_null(selftest_owner(key, 32));
    assert_null(selftest_owner(key, 31));
}

/* Zeros as a key: half of the first words are nothing, and it is found all the same. */
static void the_zero_key_is_found(void **state)
{
    const struct scanner_settings settings = { .detectors = schedule_detectors };
    unsigned char *memory = memory_new(SIZE), key[32] = { 0 }, encoded[ENCODED_MAX];
    struct findings *findings;

    (void)state;
    memcpy(memory + 777, encoded, encode_schedule(&planted_forms[0], key, 256, encoded));
    findings = scan(&settings, memory, SIZE, 0);
    assert_int_equal(findings_count(findings), 1);
    assert_int_equal(findings_at(findings, 0)->matched, 15);
    assert_memory_equal(findings_at(findings, 0)->key, key, sizeof(key));
    findings_free(findings);
    memory_free(memory);
}

static void names_and_paths(void **state)
{
    const struct scanner_settings settings = { .detectors = schedule_detectors,
                                               .path = PATH_PORTABLE };
    struct scanner *scanner = scanner_new(&settings);
    const char *const *names = scanner_detector_names(scanner);

    (void)state;
    assert_string_equal(names[0], "schedules");
    assert_string_equal(names[1], "bitsliced");
    assert_null(names[2]);
    assert_int_equal(scanner_path(scanner), PATH_PORTABLE);
    assert_string_equal(code_path_name(scanner_path(scanner)), "portable");
    assert_int_not_equal(code_path_choose(PATH_BEST), PATH_BEST);
    scanner_free(scanner);
    scanner_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_switched_off_is_missed),
        cmocka_unit_test(a_detector_switched_off_misses_its_forms),
        cmocka_unit_test(a_border_anywhere_hides_nothing),
        cmocka_unit_test(the_edges_of_a_place),
        cmocka_unit_test(sought_keys_are_named),
        cmocka_unit_test(self_test_keys_have_owners),
        cmocka_unit_test(the_zero_key_is_found),
        cmocka_unit_test(names_and_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
