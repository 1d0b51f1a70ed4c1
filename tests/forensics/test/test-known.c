/*
 * The known-key search: every piece of eight bytes and every encoding is found at any offset; each
 * encoding by the code that is for it.
 */
#include "scanning.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../scan/encodings.h"
#include "../scan/known.h"

enum { SIZE = 4096 };

static unsigned char key[32];
static struct sought sought = { .key = key };
static struct scanner_settings settings = { .sought = &sought, .sought_count = 1 };

/* ---- what is planted: a whole text, or a part ---- */

static size_t turned(unsigned char *to, size_t mask, unsigned char flip, size_t width)
{
    for (size_t i = 0; i < 32; i++)
        for (size_t j = 0; j < width; j++)
            to[width * i + j] = j == 0 ? key[i ^ mask] ^ flip : 0;
    return width * 31 + 1;
}

static size_t widened(unsigned char *to, const char *text, size_t width)
{
    const size_t size = strlen(text);

    for (size_t i = 0; i < size; i++)
        for (size_t j = 0; j < width; j++)
            to[width * i + j] = j == 0 ? (unsigned char)text[i] : 0;
    return width * (size - 1) + 1;
}

/* `format` for each byte; `between` characters of the last are left out. */
static size_t printed(unsigned char *to, const char *format, size_t between, size_t width,
                      bool negative)
{
    char text[512];
    size_t size = 0;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    for (size_t i = 0; i < 32; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, format,
                                 negative && key[i] > 127 ? key[i] - 256 : key[i]);
#pragma GCC diagnostic pop
    text[size - between] = '\0';
    return widened(to, text, width);
}

/* The whole groups of base64 or base32 that lie in the key when `phase` bytes stand before it. */
static size_t based(unsigned char *to, unsigned int bits, unsigned int group, unsigned int phase,
                    const char *digits, size_t width)
{
    char text[64];
    size_t size = 0;

    for (size_t from = (group - phase) % group; from + group <= 32; from += group) {
        uint64_t value = 0;

        for (size_t i = 0; i < group; i++)
            value = value << 8 | key[from + i];
        for (unsigned int left = 8 * group; left > 0; left -= bits)
            text[size++] = digits[value >> (left - bits) & ((1u << bits) - 1)];
    }
    text[size] = '\0';
    return widened(to, text, width);
}

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define SMALL "abcdefghijklmnopqrstuvwxyz"
#define BASE64 LETTERS SMALL "0123456789+/"
#define BASE64URL LETTERS SMALL "0123456789-_"

/* Random, and at each phase with a digit in which base64 and base64url differ. */
static int make_key(void **state)
{
    uint64_t seed = 31;
    unsigned int phase = 0;

    (void)state;
    while (phase < 3) {
        unsigned char text[64] = "";

        random_fill(key, sizeof(key), &seed);
        for (phase = 0; phase < 3; phase++) {
            based(text, 6, 3, phase, BASE64, 1);
            if (strpbrk((const char *)text, "+/") == NULL)
                break;
        }
    }
    return 0;
}

/* Python's repr() and URLs, for a key with letters and special characters in it. */
static size_t python(unsigned char *to)
{
    char text[160] = "";

    for (size_t i = 0; i < 32; i++) {
        const unsigned char c = key[i];
        char one[8];

        if (c == '\\' || c == '\'')
            snprintf(one, sizeof(one), "\\%c", c);
        else if (c == '\n' || c == '\r' || c == '\t')
            snprintf(one, sizeof(one), "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
        else
            snprintf(one, sizeof(one), c >= 32 && c < 127 ? "%c" : "\\x%02x", c);
        strcat(text, one);
    }
    return widened(to, text, 1);
}

static size_t url(unsigned char *to)
{
    char text[160] = "";

    for (size_t i = 0; i < 32; i++) {
        char one[8];

        snprintf(one, sizeof(one),
                 key[i] != 0 && strchr(LETTERS SMALL "0123456789-._~", key[i]) ? "%c" : "%%%02X",
                 key[i]);
        strcat(text, one);
    }
    return widened(to, text, 1);
}

static const struct form {
    unsigned int set;
    const char *encoding;
    enum { TURNED, PRINTED, BASED, PYTHON, URL } how;
    size_t width;
    size_t mask;        /* TURNED */
    unsigned char flip; /* TURNED */
    const char *text;   /* format or digits */
    size_t between;     /* PRINTED */
    bool negative;      /* PRINTED */
    unsigned int phase; /* BASED */
} forms[] = {
    { ENCODING_RAW, "raw", TURNED, 1, 0, 0, NULL, 0, 0, 0 },
    { ENCODING_REVERSED, "reversed", TURNED, 1, 31, 0, NULL, 0, 0, 0 },
    { ENCODING_BSWAP32, "bswap32", TURNED, 1, 3, 0, NULL, 0, 0, 0 },
    { ENCODING_BSWAP64, "bswap64", TURNED, 1, 7, 0, NULL, 0, 0, 0 },
    { ENCODING_COMPLEMENT, "complement", TURNED, 1, 0, 0xff, NULL, 0, 0, 0 },
    { ENCODING_WIDE16, "in 16 bits each", TURNED, 2, 0, 0, NULL, 0, 0, 0 },
    { ENCODING_WIDE32, "in 32 bits each", TURNED, 4, 0, 0, NULL, 0, 0, 0 },
    { ENCODING_HEX, "hex", PRINTED, 1, 0, 0, "%02x", 0, 0, 0 },
    { ENCODING_HEX, "hex, upper case", PRINTED, 1, 0, 0, "%02X", 0, 0, 0 },
    { ENCODING_HEX, "hex, colons", PRINTED, 1, 0, 0, "%02x:", 1, 0, 0 },
    { ENCODING_HEX, "hex, upper case, spaces", PRINTED, 1, 0, 0, "%02X ", 1, 0, 0 },
    { ENCODING_HEX, "hex, upper case, hyphens", PRINTED, 1, 0, 0, "%02X-", 1, 0, 0 },
    { ENCODING_HEX, "hex, commas", PRINTED, 1, 0, 0, "%02x,", 1, 0, 0 },
    { ENCODING_HEX, "hex, commas and spaces", PRINTED, 1, 0, 0, "%02x, ", 2, 0, 0 },
    { ENCODING_HEX, "hex numbers, commas", PRINTED, 1, 0, 0, "0x%02x,", 1, 0, 0 },
    { ENCODING_HEX, "hex numbers, commas and spaces", PRINTED, 1, 0, 0, "0x%02x, ", 2, 0, 0 },
    { ENCODING_HEX, "hex, upper case numbers, spaces", PRINTED, 1, 0, 0, "0x%02X ", 1, 0, 0 },
    { ENCODING_HEX_UTF16, "hex, UTF-16", PRINTED, 2, 0, 0, "%02x", 0, 0, 0 },
    { ENCODING_HEX_UTF16, "hex, upper case, colons, UTF-16", PRINTED, 2, 0, 0, "%02X:", 1, 0, 0 },
    { ENCODING_BASE64, "base64", BASED, 1, 0, 0, BASE64, 0, 0, 0 },
    { ENCODING_BASE64, "base64", BASED, 1, 0, 0, BASE64, 0, 0, 1 },
    { ENCODING_BASE64, "base64", BASED, 1, 0, 0, BASE64, 0, 0, 2 },
    { ENCODING_BASE64, "base64url", BASED, 1, 0, 0, BASE64URL, 0, 0, 1 },
    { ENCODING_BASE64_UTF16, "base64, UTF-16", BASED, 2, 0, 0, BASE64, 0, 0, 2 },
    { ENCODING_BASE64_UTF16, "base64url, UTF-16", BASED, 2, 0, 0, BASE64URL, 0, 0, 0 },
    { ENCODING_BASE32, "base32", BASED, 1, 0, 0, LETTERS "234567", 0, 0, 0 },
    { ENCODING_BASE32, "base32", BASED, 1, 0, 0, LETTERS "234567", 0, 0, 3 },
    { ENCODING_BASE32, "base32, lower case", BASED, 1, 0, 0, SMALL "234567", 0, 0, 4 },
    { ENCODING_DECIMAL, "decimal, commas", PRINTED, 1, 0, 0, "%d,", 1, 0, 0 },
    { ENCODING_DECIMAL, "decimal, commas and spaces", PRINTED, 1, 0, 0, "%d, ", 2, 0, 0 },
    { ENCODING_DECIMAL, "decimal, spaces", PRINTED, 1, 0, 0, "%d ", 1, 0, 0 },
    { ENCODING_DECIMAL, "signed decimal, commas", PRINTED, 1, 0, 0, "%d,", 1, true, 0 },
    { ENCODING_DECIMAL, "signed decimal, commas and spaces", PRINTED, 1, 0, 0, "%d, ", 2, true, 0 },
    { ENCODING_ESCAPES, "\\x escapes", PRINTED, 1, 0, 0, "\\x%02x", 0, 0, 0 },
    { ENCODING_ESCAPES, "\\x escapes, upper case", PRINTED, 1, 0, 0, "\\x%02X", 0, 0, 0 },
    { ENCODING_ESCAPES, "octal escapes", PRINTED, 1, 0, 0, "\\%03o", 0, 0, 0 },
    { ENCODING_ESCAPES, "\\u escapes", PRINTED, 1, 0, 0, "\\u00%02x", 0, 0, 0 },
    { ENCODING_ESCAPES, "percent escapes", PRINTED, 1, 0, 0, "%%%02X", 0, 0, 0 },
    { ENCODING_ESCAPES, "percent escapes, lower case", PRINTED, 1, 0, 0, "%%%02x", 0, 0, 0 },
    { ENCODING_ESCAPES, "Python bytes", PYTHON, 1, 0, 0, NULL, 0, 0, 0 },
    { ENCODING_ESCAPES, "percent escapes, mixed", URL, 1, 0, 0, NULL, 0, 0, 0 },
};

static size_t plant(const struct form *form, unsigned char *to)
{
    const bool base64 = form->text != NULL && strlen(form->text) == 64;

    switch (form->how) {
    case TURNED:
        return turned(to, form->mask, form->flip, form->width);
    case PRINTED:
        return printed(to, form->text, form->between, form->width, form->negative);
    case BASED:
        return based(to, base64 ? 6 : 5, base64 ? 3 : 5, form->phase, form->text, form->width);
    case PYTHON:
        return python(to);
    default:
        return url(to);
    }
}

/* ---- searches ---- */

static struct findings *search(const unsigned char *memory, size_t border, unsigned int set)
{
    return search_by(known_detector_with(&settings, set), memory, SIZE, border);
}

static const struct finding *named(const struct findings *findings, const char *encoding)
{
    for (size_t i = 0; i < findings_count(findings); i++)
        if (strcmp(findings_at(findings, i)->encoding, encoding) == 0)
            return findings_at(findings, i);
    return NULL;
}

/* Found as what it is, where it is, to the last byte; not without its code. */
static void each_encoding_has_its_code(void **state)
{
    unsigned char *memory = memory_new(SIZE);
    uint64_t seed = 4;

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        for (int round = 0; round < 3; round++) {
            const size_t at = 100 + random_next(&seed) % 3000;
            struct findings *findings;
            const struct finding *finding;
            size_t size;

            random_fill(memory, SIZE, &seed);
            /* What stands before and behind is no part by chance. */
            memset(memory + at - 8, 0xee, 600);
            size = plant(&forms[i], memory + at);
            memset(memory + at + size, 0xee, 8);
            findings = search(memory, at + random_next(&seed) % size, ENCODING_KEY_ALL);
            finding = named(findings, forms[i].encoding);
            if (finding == NULL)
                fail_msg("%s is not found", forms[i].encoding);
            if (finding->address != at || finding->matched < size - 1)
                fail_msg("%s: %u bytes at %lu, not %zu at %zu", forms[i].encoding, finding->matched,
                         (unsigned long)finding->address, size, at);
            assert_int_equal(finding->kind, FINDING_KNOWN_KEY);
            assert_int_equal(finding->size, finding->matched);
            assert_true(finding->of >= finding->matched &&
                        finding->of <= finding->matched + 3 * forms[i].width);
            assert_int_equal(finding->sought, 0);
            findings_free(findings);
            findings = search(memory, SIZE / 2, ENCODING_KEY_ALL & ~forms[i].set);
            assert_null(named(findings, forms[i].encoding));
            findings_free(findings);
        }
    memory_free(memory);
}

/* Eight bytes of the key, from any on, at any address: a finding.  Seven are none. */
static void any_eight_bytes_are_found(void **state)
{
    unsigned char *memory = memory_new(SIZE);
    struct detector *detector = known_detector_with(&settings, ENCODING_KEY_ALL);

    (void)state;
    for (size_t size = 7; size <= 16; size++)
        for (size_t from = 0; from + size <= 32; from++)
            for (size_t at = 500; at < 508; at++) {
                struct findings *findings = findings_new();

                memset(memory, 0, SIZE);
                memcpy(memory + at, key + from, size);
                detector->search(detector,
                                 &(struct piece){ .bytes = memory, .size = SIZE, .to = SIZE },
                                 findings);
                assert_int_equal(findings_count(findings), size >= 8);
                if (size >= 8) {
                    assert_int_equal(findings_at(findings, 0)->address, at);
                    assert_int_equal(findings_at(findings, 0)->matched, size);
                    assert_int_equal(findings_at(findings, 0)->of, 32);
                    assert_string_equal(findings_at(findings, 0)->encoding, "raw");
                }
                findings_free(findings);
            }
    detector->free(detector);
    memory_free(memory);
}

/* ---- what is no key ---- */

/* A key that is no random one: parts of it are in tables and no findings; the whole is one. */
static void tables_are_no_findings(void **state)
{
    unsigned char counting[32], *memory = memory_new(SIZE);
    struct findings *findings;

    (void)state;
    for (size_t i = 0; i < sizeof(counting); i++)
        counting[i] = (unsigned char)i;
    sought.key = counting;
    for (size_t i = 0; i < 1024; i++)
        memory[1000 + i] = (unsigned char)(i % 31);
    findings = search(memory, 1500, ENCODING_RAW | ENCODING_REVERSED);
    assert_int_equal(findings_count(findings), 0);
    findings_free(findings);
    memcpy(memory + 3000, counting, 32);
    findings = search(memory, 1500, ENCODING_RAW | ENCODING_REVERSED);
    assert_int_equal(findings_count(findings), 1);
    assert_int_equal(findings_at(findings, 0)->matched, 32);
    findings_free(findings);
    sought.key = key;
    memory_free(memory);
}

/* 64 MiB of random bytes, and of text that looks like encodings: no finding. */
static void nothing_is_found_where_nothing_is(void **state)
{
    static const char characters[] = "0123456789abcdefABCDEF, :x\\%-\0\0\0";
    const size_t size = (size_t)8 << 20;
    unsigned char *memory = memory_new(size);
    struct detector *detector = known_detector_with(&settings, ENCODING_KEY_ALL);
    struct findings *findings = findings_new();
    uint64_t seed = 77;

    (void)state;
    for (int round = 0; round < 8; round++) {
        random_fill(memory, size, &seed);
        for (size_t i = 0; i < size && round % 2 == 1; i++)
            memory[i] = (unsigned char)characters[memory[i] % (sizeof(characters) - 1)];
        detector->search(detector, &(struct piece){ .bytes = memory, .size = size, .to = size },
                         findings);
        assert_int_equal(findings_count(findings), 0);
    }
    findings_free(findings);
    detector->free(detector);
    memory_free(memory);
}

/* Pieces of the key at all offsets, in parts that end anywhere. */
static void all_paths_find_the_same(void **state)
{
    static const enum code_path paths[] = { PATH_PORTABLE, PATH_AVX2, PATH_AVX512 };
    const size_t size = (size_t)1 << 20;
    unsigned char *memory = memory_new(size);
    struct findings *plain = NULL;
    uint64_t seed = 78;

    (void)state;
    random_fill(memory, size, &seed);
    for (size_t at = 100; at + 300 < size; at += 200 + random_next(&seed) % 64) {
        const size_t first = random_next(&seed) % 25;

        memcpy(memory + at, key + first, 6 + random_next(&seed) % (27 - first));
    }
    for (int i = 0; i < 3; i++) {
        const struct scanner_settings wish = {
            .detectors = DETECT_KNOWN_KEY, .path = paths[i], .sought = &sought, .sought_count = 1
        };
        struct findings *findings;

        if (code_path_choose(paths[i]) != paths[i]) {
            print_message("left out: this processor has no %s\n", code_path_name(paths[i]));
            continue;
        }
        findings = scan(&wish, memory, size, 1021);
        assert_true(findings_count(findings) > 2000);
        if (plain == NULL) {
            plain = findings;
            continue;
        }
        assert_same_findings(plain, findings);
        findings_free(findings);
    }
    findings_free(plain);
    memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_encoding_has_its_code),
        cmocka_unit_test(any_eight_bytes_are_found),
        cmocka_unit_test(tables_are_no_findings),
        cmocka_unit_test(nothing_is_found_where_nothing_is),
        cmocka_unit_test(all_paths_find_the_same),
    };

    return cmocka_run_group_tests(tests, make_key, NULL);
}
