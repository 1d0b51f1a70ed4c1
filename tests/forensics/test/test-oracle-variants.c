/*
 * The oracle search finds keys that are turned, in halves, or text: each variant at the borders of
 * pieces too, and none without the code that is for it.
 */
#include "scanning.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../scan/aes.h"
#include "../scan/oracle.h"

enum { CHUNK = 4096, SIZE = 18 * CHUNK };

static unsigned char key[32];
static struct sought sought = { .has_cipher = true };
static struct scanner_settings settings = { .sought = &sought, .sought_count = 1 };

static int make_key(void **state)
{
    uint64_t seed = 21;

    (void)state;
    random_fill(settings.plain, sizeof(settings.plain), &seed);
    random_fill(key, sizeof(key), &seed);
    aes_encrypt(8, key, settings.plain, sought.cipher);
    return 0;
}

/* ---- what is planted ---- */

static size_t plant_raw(unsigned char *to)
{
    memcpy(to, key, 32);
    return 32;
}

static size_t plant_swapped(unsigned char *to)
{
    for (size_t i = 0; i < 32; i++)
        to[i] = key[i ^ 3];
    return 32;
}

static size_t plant_reversed(unsigned char *to)
{
    for (size_t i = 0; i < 32; i++)
        to[i] = key[31 - i];
    return 32;
}

static size_t plant_halves(unsigned char *to, size_t apart, bool second_first)
{
    memcpy(to, key + (second_first ? 16 : 0), 16);
    memcpy(to + apart, key + (second_first ? 0 : 16), 16);
    return apart + 16;
}

static size_t plant_halves_apart(unsigned char *to)
{
    return plant_halves(to, 512, false);
}

static size_t plant_halves_near(unsigned char *to)
{
    return plant_halves(to, 24, true);
}

static size_t plant_halves_crossed(unsigned char *to)
{
    return plant_halves(to, 16, true);
}

static size_t plant_printed(unsigned char *to, const char *format, size_t between, size_t width)
{
    char text[512];
    size_t size = 0;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    for (size_t i = 0; i < 32; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, format, key[i]);
#pragma GCC diagnostic pop
    size -= between;
    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < width; j++)
            to[width * i + j] = j == 0 ? (unsigned char)text[i] : 0;
    return width * size;
}

static size_t plant_hex(unsigned char *to)
{
    return plant_printed(to, "%02x", 0, 1);
}

static size_t plant_hex_upper_utf16(unsigned char *to)
{
    return plant_printed(to, "%02X", 0, 2);
}

static size_t plant_hex_utf32(unsigned char *to)
{
    return plant_printed(to, "%02x", 0, 4);
}

static size_t plant_hex_colons(unsigned char *to)
{
    return plant_printed(to, "%02X:", 1, 1);
}

static size_t plant_hex_numbers(unsigned char *to)
{
    return plant_printed(to, "0x%02x, ", 2, 1);
}

static size_t plant_hex_escapes(unsigned char *to)
{
    return plant_printed(to, "\\x%02x", 0, 1);
}

static size_t plant_hex_percent_utf16(unsigned char *to)
{
    return plant_printed(to, "%%%02X", 0, 2);
}

/* The key within other bytes: `phase` before it, two behind; a line break after 30 characters. */
static size_t plant_base64(unsigned char *to, size_t phase, bool url, bool broken, size_t width)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    unsigned char bytes[36] = { 0x5a, 0xa5 };
    size_t size = 0;

    memcpy(bytes + phase, key, 32);
    for (size_t bit = 0; bit + 6 <= 8 * (phase + 32) + 5; bit += 6) {
        const unsigned int pair = (unsigned int)bytes[bit / 8] << 8 | bytes[bit / 8 + 1];
        const unsigned int value = pair >> (10 - bit % 8) & 63;

        if (broken && size == 30)
            to[width * size++] = '\n';
        to[width * size++] = (unsigned char)(value < 62    ? digits[value]
                                             : value == 62 ? (url ? '-' : '+')
                                                           : (url ? '_' : '/'));
    }
    return width * size;
}

static size_t plant_base64_plain(unsigned char *to)
{
    return plant_base64(to, 0, false, false, 1);
}

static size_t plant_base64_second(unsigned char *to)
{
    return plant_base64(to, 1, true, false, 1);
}

static size_t plant_base64_third(unsigned char *to)
{
    return plant_base64(to, 2, false, true, 1);
}

static size_t plant_base64_utf16(unsigned char *to)
{
    return plant_base64(to, 0, true, false, 2);
}

static const struct variant {
    const char *encoding;
    size_t (*plant)(unsigned char *to);
    unsigned int set;
    size_t step; /* at multiples of this */
    enum schedule_bytes bytes;
} variants[] = {
    { "raw", plant_raw, ORACLE_WINDOWS, 1, BYTES_NATURAL },
    { "bswap32", plant_swapped, ORACLE_SWAPPED, 4, BYTES_SWAPPED_32 },
    { "reversed", plant_reversed, ORACLE_BACKWARDS, 4, BYTES_REVERSED },
    { "two halves", plant_halves_apart, ORACLE_HALVES, 8, BYTES_NATURAL },
    { "two halves", plant_halves_near, ORACLE_HALVES, 8, BYTES_NATURAL },
    { "two halves", plant_halves_crossed, ORACLE_HALVES, 8, BYTES_NATURAL },
    { "hex", plant_hex, ORACLE_HEX, 1, BYTES_NATURAL },
    { "hex, UTF-16", plant_hex_upper_utf16, ORACLE_HEX, 1, BYTES_NATURAL },
    { "hex, UTF-32", plant_hex_utf32, ORACLE_HEX, 1, BYTES_NATURAL },
    { "hex, separated", plant_hex_colons, ORACLE_HEX_SEPARATED, 1, BYTES_NATURAL },
    { "hex, separated", plant_hex_numbers, ORACLE_HEX_SEPARATED, 1, BYTES_NATURAL },
    { "hex, separated", plant_hex_escapes, ORACLE_HEX_SEPARATED, 1, BYTES_NATURAL },
    { "hex, separated, UTF-16", plant_hex_percent_utf16, ORACLE_HEX_SEPARATED, 1, BYTES_NATURAL },
    { "base64", plant_base64_plain, ORACLE_BASE64, 1, BYTES_NATURAL },
    { "base64", plant_base64_second, ORACLE_BASE64, 1, BYTES_NATURAL },
    { "base64", plant_base64_third, ORACLE_BASE64, 1, BYTES_NATURAL },
    { "base64, UTF-16", plant_base64_utf16, ORACLE_BASE64, 1, BYTES_NATURAL },
};

enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

/* ---- searches ---- */

/* One search of pieces that meet at `border`, with these parts of the oracle search. */
static struct findings *search(const unsigned char *memory, size_t border, unsigned int set)
{
    return search_by(oracle_detector_with(&settings, set), memory, SIZE, border);
}

/* Found once, where it is, as what it is. */
static void is_found(const struct findings *findings, const struct variant *variant,
                     uint64_t address, size_t size)
{
    const struct finding *finding;

    if (findings_count(findings) != 1)
        fail_msg("%s: found %zu times", variant->encoding, findings_count(findings));
    finding = findings_at(findings, 0);
    assert_string_equal(finding->encoding, variant->encoding);
    assert_int_equal(finding->kind, FINDING_ORACLE_KEY);
    assert_int_equal(finding->bytes, variant->bytes);
    assert_int_equal(finding->sought, 0);
    assert_memory_equal(finding->key, key, 32);
    /* What stands before the first digit is not counted. */
    if (finding->address < address || finding->address > address + 4 ||
        finding->address + finding->size > address + size ||
        finding->address + finding->size < address + size - 8)
        fail_msg("%s: %u bytes at %lu, not %zu at %lu", variant->encoding, finding->size,
                 (unsigned long)finding->address, size, (unsigned long)address);
}

static void check_variant(const struct variant *variant, uint64_t *seed)
{
    unsigned char *memory = memory_new(SIZE);

    for (int i = 0; i < 40; i++) {
        const size_t at = (1000 + random_next(seed) % 30000) / variant->step * variant->step;
        struct findings *findings;
        size_t size;

        memset(memory, 0, SIZE);
        size = variant->plant(memory + at);
        findings = search(memory, at - 10 + random_next(seed) % (size + 20), ORACLE_ALL);
        is_found(findings, variant, at, size);
        findings_free(findings);
        findings = search(memory, at, ORACLE_ALL & ~variant->set);
        assert_int_equal(findings_count(findings), 0);
        findings_free(findings);
    }
    memory_free(memory);
}

static void each_variant_has_its_code(void **state)
{
    uint64_t seed = 3;

    (void)state;
    for (size_t i = 0; i < VARIANTS; i++)
        check_variant(&variants[i], &seed);
}

/* Turned keys lie at any offset when `thorough` is asked for. */
static void thorough_looks_everywhere(void **state)
{
    unsigned char *memory = memory_new(SIZE);

    (void)state;
    for (size_t at = 1001; at < 1004; at++)
        for (size_t i = 1; i < 3; i++) {
            struct findings *findings;

            memset(memory, 0, SIZE);
            variants[i].plant(memory + at);
            settings.thorough = false;
            findings = search(memory, SIZE / 2, ORACLE_ALL);
            assert_int_equal(findings_count(findings), 0);
            findings_free(findings);
            settings.thorough = true;
            findings = search(memory, SIZE / 2, ORACLE_ALL);
            is_found(findings, &variants[i], at, 32);
            findings_free(findings);
        }
    settings.thorough = false;
    memory_free(memory);
}

/* All variants among random bytes, code paths against each other.  Halves are among zeros: in dense
   data not all pairs are tried. */
static void all_paths_find_the_same(void **state)
{
    static const enum code_path paths[] = { PATH_PORTABLE, PATH_AVX2, PATH_AVX512 };
    struct findings *first = NULL;
    unsigned char *memory = memory_new(SIZE);
    uint64_t seed = 8;
    int tried = 0;

    (void)state;
    random_fill(memory, SIZE, &seed);
    for (size_t i = 0; i < VARIANTS; i++) {
        const size_t around = variants[i].set == ORACLE_HALVES ? 1000 : 8;

        memset(memory + CHUNK * i + 1000 - around, 0,
               variants[i].set == ORACLE_HALVES ? CHUNK : 512);
        variants[i].plant(memory + CHUNK * i + 1000);
    }
    for (size_t i = 0; i < 3; i++) {
        struct findings *findings;

        if (code_path_choose(paths[i]) != paths[i]) {
            print_message("left out: this processor has no %s\n", code_path_name(paths[i]));
            continue;
        }
        settings.path = paths[i];
        findings = search(memory, SIZE / 2, ORACLE_ALL);
        findings_settle(findings);
        assert_int_equal(findings_count(findings), VARIANTS);
        if (first == NULL)
            first = findings;
        else
            assert_same_findings(first, findings);
        if (first != findings)
            findings_free(findings);
        tried++;
    }
    findings_free(first);
    memory_free(memory);
    settings.path = PATH_BEST;
    if (tried < 2)
        skip();
}

/* A window that ends behind the piece is nobody's, and one that begins behind `to` the next's. */
static void a_piece_ends_where_it_ends(void **state)
{
    unsigned char *memory = memory_new(SIZE);
    struct detector *detector = oracle_detector_with(&settings, ORACLE_ALL);

    (void)state;
    memcpy(memory + 500, key, 32);
    for (size_t size = 530; size < 535; size++)
        for (size_t to = 499; to < 503; to++) {
            struct findings *findings = findings_new();

            detector->search(detector, &(struct piece){ .bytes = memory, .size = size, .to = to },
                             findings);
            assert_int_equal(findings_count(findings), size >= 532 && to > 500);
            findings_free(findings);
        }
    detector->free(detector);
    memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_variant_has_its_code),
        cmocka_unit_test(thorough_looks_everywhere),
        cmocka_unit_test(all_paths_find_the_same),
        cmocka_unit_test(a_piece_ends_where_it_ends),
    };

    return cmocka_run_group_tests(tests, make_key, NULL);
}
