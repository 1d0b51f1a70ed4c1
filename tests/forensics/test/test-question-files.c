/*
 * What a question can be made of: key files and PIN sources, right and wrong ones.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../question/key-file.h"
#include "../question/pin-source.h"

static void gives_key(const void *content, size_t size)
{
    unsigned char expected[32], *key;
    struct failure why;

    unhex(GOLD_KEY, expected, sizeof(expected));
    if (!key_file_read(&key, write_file("key", content, size), &why))
        fail_msg("%s", why.text);
    assert_memory_equal(key, expected, 32);
    key_file_free(key);
}

static void gives_key_of(const char *content)
{
    gives_key(content, strlen(content));
}

static void keys_as_bytes_and_digits(void **state)
{
    unsigned char bytes[32];
    char upper[65] = GOLD_KEY;

    (void)state;
    unhex(GOLD_KEY, bytes, sizeof(bytes));
    gives_key(bytes, sizeof(bytes));
    gives_key_of(GOLD_KEY);
    gives_key_of(GOLD_KEY "\n");
    gives_key_of(" \t" GOLD_KEY "\r\n");
    for (char *c = upper; *c != '\0'; c++)
        *c = (char)(*c >= 'a' ? *c - 32 : *c);
    gives_key_of(upper);
}

static void refuses_key(const void *content, size_t size, const char *words)
{
    unsigned char *key;
    struct failure why;
    const char *path = write_file("key", content, size);

    assert_false(key_file_read(&key, path, &why));
    assert_null(key);
    CHECK_HAS(why.text, words);
    CHECK_HAS(why.text, path);
}

static void wrong_keys_are_refused(void **state)
{
    static const unsigned char zeros[600];
    unsigned char *key;
    struct failure why;

    (void)state;
    refuses_key("", 0, "holds 0 bytes");
    refuses_key("0123456789abcdef", 16, "holds 16 bytes");
    refuses_key(GOLD_KEY "00", 66, "must be an AES-256 key");
    refuses_key("x03deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4", 64,
                "64 hexadecimal digits");
    refuses_key(zeros, 600, "at least 512 bytes");
    refuses_key(zeros, 32, "openssl rand 32");
    refuses_key("hsmzke:gold\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32, "--reference");
    assert_false(key_file_read(&key, "/nowhere/key", &why));
    CHECK_HAS(why.text, "/nowhere/key cannot be read: No such file");
    assert_false(key_file_read(&key, "/", &why));
    CHECK_HAS(why.text, "cannot be read: Is a directory");
}

static void a_key_on_standard_input(void **state)
{
    unsigned char *key, expected[32];
    struct failure why;
    int ends[2];

    (void)state;
    unhex(GOLD_KEY, expected, sizeof(expected));
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], GOLD_KEY "\n", 65), 65);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    assert_true(key_file_read(&key, "-", &why));
    assert_memory_equal(key, expected, 32);
    key_file_free(key);
}

static void pins_as_the_provider_reads_them(void **state)
{
    struct failure why;
    const char *path;
    char *pin;

    (void)state;
    assert_true(pin_source_read(&pin, pin_file("27493058\r\n"), &why));
    assert_string_equal(pin, "27493058");
    pin_source_free(pin);
    setenv("MEMSCAN_TEST_PIN", "tr0ub4dor&3", 1);
    assert_true(pin_source_read(&pin, "env:MEMSCAN_TEST_PIN", &why));
    assert_string_equal(pin, "tr0ub4dor&3");
    pin_source_free(pin);
    path = write_file("hsm-pin", "58302749\n", 9);
    setenv("CREDENTIALS_DIRECTORY", work_dir(), 1);
    if (!pin_source_read(&pin, text("credential:%s", strrchr(path, '/') + 1), &why))
        fail_msg("%s", why.text);
    assert_string_equal(pin, "58302749");
    pin_source_free(pin);
}

static void wrong_pin_sources_say_why(void **state)
{
    struct failure why;
    char *pin;

    (void)state;
    assert_false(pin_source_read(&pin, "27493058", &why));
    assert_null(pin);
    CHECK_HAS(why.text, "file:");
    assert_null(strstr(why.text, "27493058"));
    assert_false(pin_source_read(&pin, "env:MEMSCAN_TEST_NO_PIN", &why));
    CHECK_HAS(why.text, "MEMSCAN_TEST_NO_PIN");
    assert_false(pin_source_read(&pin,
                                 text("file:%s", write_file("pin",
                                                            "12\0"
                                                            "34",
                                                            5)),
                                 &why));
    CHECK_HAS(why.text, "NUL byte");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_as_bytes_and_digits),
        cmocka_unit_test(wrong_keys_are_refused),
        cmocka_unit_test(a_key_on_standard_input),
        cmocka_unit_test(pins_as_the_provider_reads_them),
        cmocka_unit_test(wrong_pin_sources_say_why),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
