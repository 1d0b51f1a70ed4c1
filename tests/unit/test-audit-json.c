/* One line of JSON (audit/json.[ch]): any bytes become valid JSON in ASCII or UTF-8. */
#include "testing.h"

#include <string.h>

#include "audit/json.h"

static const char *member(const char *value, size_t most)
{
    struct json json;

    json_begin(&json);
    json_text(&json, "a", value, most);
    assert_true(json_end(&json));
    assert_int_equal(strlen(json.text), json.size);
    return text("%s", json.text);
}

static void becomes(const char *value, const char *expected)
{
    assert_string_equal(member(value, 1000), text("{\"a\":\"%s\"}", expected));
}

static void texts(void **state)
{
    (void)state;
    becomes("", "");
    becomes("gold", "gold");
    becomes("a\"b\\c/d", "a\\\"b\\\\c/d");
    becomes("\n\t\x1b[2J\x7f", "\\u000a\\u0009\\u001b[2J\\u007f");
    becomes("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x91", "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x94\x91");
    becomes("\xc2\x9b", "\\u009b");                        /* a terminal's control sequence, too */
    becomes("\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"); /* line ends to some */
}

static void malformed_texts(void **state)
{
    (void)state;
    becomes("\xff", "\\ufffd");
    becomes("a\x80z", "a\\ufffdz");
    becomes("\xc3", "\\ufffd");
    becomes("\xc3(", "\\ufffd(");
    becomes("\xe2\x82", "\\ufffd\\ufffd");
    becomes("\xf0\x9f\x94", "\\ufffd\\ufffd\\ufffd");
    becomes("\xc0\x80", "\\ufffd\\ufffd");                       /* an overlong NUL */
    becomes("\xc1\xbf", "\\ufffd\\ufffd");                       /* overlong */
    becomes("\xe0\x9f\xbf", "\\ufffd\\ufffd\\ufffd");            /* overlong */
    becomes("\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd");            /* a surrogate */
    becomes("\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"); /* behind the last character */
    becomes("\xf8\x88\x80\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd");
}

/* Cut off between characters, never in one. */
static void long_texts(void **state)
{
    (void)state;
    assert_string_equal(member("abcdef", 6), "{\"a\":\"abcdef\"}");
    assert_string_equal(member("abcdef", 5), "{\"a\":\"abcde...\"}");
    assert_string_equal(member("abcd\xc3\xa4", 5), "{\"a\":\"abcd...\"}");
    assert_string_equal(member("abcd\n", 9), "{\"a\":\"abcd...\"}");
    assert_string_equal(member("abcd\n", 10), "{\"a\":\"abcd\\u000a\"}");
}

static void members(void **state)
{
    static const unsigned char bytes[] = { 0x00, 0x0f, 0xf0, 0xff };
    struct json json;

    (void)state;
    json_begin(&json);
    json_number(&json, "zero", 0);
    json_number(&json, "most", UINT64_MAX);
    json_text(&json, "none", NULL, 10);
    json_hex(&json, "id", bytes, sizeof(bytes));
    json_hex(&json, "no", bytes, 0);
    json_text(&json, "last", "x", 10);
    assert_true(json_end(&json));
    assert_string_equal(json.text, "{\"zero\":0,\"most\":18446744073709551615,\"id\":\"000ff0ff\","
                                   "\"last\":\"x\"}");
}

/* What several objects begin with is written once. */
static void resumed(void **state)
{
    char most[JSON_MOST + 1];
    struct json json;
    size_t size;

    (void)state;
    json_begin(&json);
    json_number(&json, "a", 1);
    size = json.size;
    json_number(&json, "b", 2);
    json_resume(&json, text("%.*s", (int)size, json.text), size);
    json_word(&json, "c", "d");
    assert_true(json_end(&json));
    assert_string_equal(json.text, "{\"a\":1,\"c\":\"d\"}");
    memset(most, 'x', sizeof(most));
    json_resume(&json, most, sizeof(most));
    assert_false(json_end(&json));
    json_resume(&json, "{", 1); /* and it can be begun again */
    assert_true(json_end(&json));
}

static void too_long(void **state)
{
    char value[JSON_MOST + 1];
    struct json json;

    (void)state;
    memset(value, 'x', sizeof(value));
    for (size_t size = JSON_MOST - 8; size <= JSON_MOST; size++) {
        value[size] = '\0';
        json_begin(&json);
        json_text(&json, "a", value, JSON_MOST);
        assert_int_equal(json_end(&json), size == JSON_MOST - 8); /* {"a":""} */
        assert_true(json.size <= JSON_MOST);
        value[size] = 'x';
    }
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(texts),   TEST(malformed_texts), TEST(long_texts),
        TEST(members), TEST(resumed),         TEST(too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
