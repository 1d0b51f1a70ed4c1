/*
 * The search for the PIN: a strong one in every form, a weak one only where it stands alone, and
 * which is which.
 */
#include "scanning.h"

#include <string.h>

#include "../scan/pin.h"

enum { SIZE = 4096 };

static struct findings *search(const char *pin, const unsigned char *memory, size_t border)
{
    const struct scanner_settings settings = { .detectors = DETECT_PIN, .pin = pin };

    return scan(&settings, memory, SIZE, border);
}

static void finds(const char *pin, const void *text, size_t size, const char *encoding)
{
    unsigned char *memory = memory_new(SIZE);

    for (size_t at = 700; at < 708; at++) {
        struct findings *findings;
        const struct finding *finding;

        memset(memory, 0, SIZE);
        memcpy(memory + at, text, size);
        findings = search(pin, memory, at + 1);
        if (findings_count(findings) != 1)
            fail_msg("%s of %s: found %zu times", encoding, pin, findings_count(findings));
        finding = findings_at(findings, 0);
        assert_string_equal(finding->encoding, encoding);
        assert_int_equal(finding->kind, FINDING_PIN);
        assert_int_equal(finding->address, at);
        assert_int_equal(finding->matched, finding->of);
        assert_int_equal(finding->key_bits, 0);
        assert_int_equal(finding->sought, -1);
        findings_free(findings);
    }
    memory_free(memory);
}

static void finds_text(const char *pin, const char *text, const char *encoding)
{
    finds(pin, text, strlen(text), encoding);
}

static void a_strong_one_in_every_form(void **state)
{
    (void)state;
    finds_text("tr0ub4dor&3", "tr0ub4dor&3", "raw");
    finds("tr0ub4dor&3",
          "t\0r\0"
          "0\0u\0b\0"
          "4\0"
          "d\0o\0r\0&\0"
          "3",
          21, "in 16 bits each");
    finds_text("tr0ub4dor&3", "747230756234646f722633", "hex");
    finds_text("tr0ub4dor&3", "747230756234646F722633", "hex, upper case");
    finds_text("tr0ub4dor&3", "74:72:30:75:62:34:64:6f:72:26:33", "hex, colons");
    finds_text("tr0ub4dor&3", "dHIwdWI0ZG9yJj", "base64");
    finds_text("tr0ub4dor&3", "RyMHViNGRvciYz", "base64");
    finds_text("tr0ub4dor&3", "0cjB1YjRkb3ImM", "base64");
    finds_text("tr0ub4dor&3", "tr0ub4dor%263", "percent escapes, mixed");
    finds_text("tr0ub4dor&3", "%74%72%30%75%62%34%64%6F%72%26%33", "percent escapes");
    finds("2749305816", "27493058161", 11, "raw");
    /* The same character so often that no look-up sees where it begins. */
    finds_text("1111111111111111111111111111111111111111111111111111111111111111111111111111111"
               "1111111111111111111111111111111111111111111111111111111111111111111111111127493",
               "1111111111111111111111111111111111111111111111111111111111111111111111111111111"
               "1111111111111111111111111111111111111111111111111111111111111111111111111127493",
               "raw");
}

/* All of it or nothing. */
static void a_part_is_no_finding(void **state)
{
    unsigned char *memory = memory_new(SIZE);
    struct findings *findings;

    (void)state;
    memcpy(memory + 100, "tr0ub4dor&", 10);
    memcpy(memory + 200, "r0ub4dor&3", 10);
    findings = search("tr0ub4dor&3", memory, 0);
    assert_int_equal(findings_count(findings), 0);
    findings_free(findings);
    memory_free(memory);
}

static void a_weak_one_where_it_stands_alone(void **state)
{
    unsigned char *memory = memory_new(SIZE);
    struct findings *findings;

    (void)state;
    finds_text("2749", "2749", "raw");
    finds("2749", "2749)", 5, "raw");
    memory_free(memory);
    memory = memory_new(SIZE);
    memcpy(memory + 100, "12749", 5);
    memcpy(memory + 200, "2749a", 5);
    memcpy(memory + 300, "1\0002\0007\0004\0009", 9);
    memcpy(memory + 400, "32373439", 8); /* its hexadecimal digits */
    findings = search("2749", memory, 0);
    assert_int_equal(findings_count(findings), 0);
    findings_free(findings);
    memory_free(memory);
}

static void weak_ones_are_known(void **state)
{
    static const char *const weak[] = {
        "",         "1",        "123",      "1234",     "7294183",
        "12345678", "87654321", "11111111", "12121212", "abcdefgh"
    };
    static const char *const strong[] = { "27493058", "tr0ub4dor&3", "12345679", "1234-abcd" };

    (void)state;
    for (size_t i = 0; i < sizeof(weak) / sizeof(weak[0]); i++)
        if (pin_weakness(weak[i]) == NULL)
            fail_msg("%s is not weak", weak[i]);
    for (size_t i = 0; i < sizeof(strong) / sizeof(strong[0]); i++)
        if (pin_weakness(strong[i]) != NULL)
            fail_msg("%s: %s", strong[i], pin_weakness(strong[i]));
}

static void sizes_from_none_to_the_longest(void **state)
{
    static char pin[4002];
    unsigned char *memory = memory_new(SIZE);
    struct findings *findings;

    (void)state;
    for (size_t size = 0; size < sizeof(pin) - 1; size += size < 12 ? 1 : 997) {
        for (size_t i = 0; i < size; i++)
            pin[i] = (char)('a' + (i * i + i / 7) % 26);
        pin[size] = '\0';
        memset(memory, 0, SIZE);
        memcpy(memory + 16, pin, size);
        findings = search(pin, memory, 0);
        assert_int_equal(findings_count(findings), size >= 4 && size <= 4000);
        findings_free(findings);
    }
    memory_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_strong_one_in_every_form),       cmocka_unit_test(a_part_is_no_finding),
        cmocka_unit_test(a_weak_one_where_it_stands_alone), cmocka_unit_test(weak_ones_are_known),
        cmocka_unit_test(sizes_from_none_to_the_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
