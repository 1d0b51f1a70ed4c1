/*
 * PIN sources (pkcs11/pin.[ch]): files, descriptors, the environment, systemd's credentials.  The
 * prompt needs a terminal and is tried where there is none.
 */
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pkcs11/pin.h"

static char directory[200];

/* Paths in the private directory; `name` is one of few. */
static const char *path_of(const char *name)
{
    return text("%s/%s", directory, name);
}

static const char *written(const char *name, const void *content, size_t size)
{
    const char *path = path_of(name);
    FILE *file = fopen(path, "w");

    CHECK(file != NULL && fwrite(content, 1, size, file) == size && fclose(file) == 0);
    return path;
}

static const char *source_of(const char *content)
{
    return text("file:%s", written("pin", content, strlen(content)));
}

static void gives_bytes(const char *source, const char *credentials, const void *pin, size_t size)
{
    struct failure why;
    struct pin read;

    if (!pin_read(&read, source, credentials, "prod", &why))
        fail_msg("%.100s", why.text);
    assert_int_equal(read.size, size);
    assert_memory_equal(read.bytes, pin, size);
    pin_wipe(&read);
    assert_null(read.bytes);
    assert_int_equal(read.size, 0);
}

static void gives(const char *source, const char *credentials, const char *pin)
{
    gives_bytes(source, credentials, pin, strlen(pin));
}

/* The words of a refusal, which name no byte of any PIN that these tests write. */
static const char *refusal(const char *source, const char *credentials, unsigned int reason)
{
    static struct failure why;
    struct pin read;

    if (pin_read(&read, source, credentials, "prod", &why))
        fail_msg("'%s' gave a PIN", source);
    assert_null(read.bytes);
    assert_int_equal(read.size, 0);
    assert_int_equal(why.reason, reason);
    assert_null(strstr(why.text, "7295"));
    return why.text;
}

static void files(void **state)
{
    (void)state;
    gives(source_of("7295"), NULL, "7295");
    gives(source_of("x"), NULL, "x");
    gives(source_of(" 7 2\t"), NULL, " 7 2\t"); /* blanks may belong to it */
    gives_bytes(text("file:%s", written("pin", "\0007\377", 3)), NULL, "\0007\377", 3);
}

static void line_ends(void **state)
{
    (void)state;
    gives(source_of("7295\n"), NULL, "7295");
    gives(source_of("7295\r\n"), NULL, "7295");
    gives(source_of("7295\r"), NULL, "7295");
    gives(source_of("7295\n\n"), NULL, "7295");
    gives(source_of("7295\nand more\n"), NULL, "7295");
    gives(source_of("72\r95\n"), NULL, "72\r95");
    gives(source_of("7295\r\r\n"), NULL, "7295\r");
}

static void empty_files(void **state)
{
    static const char *const contents[] = { "", "\n", "\r\n", "\r", "\n7295\n" };

    (void)state;
    for (size_t i = 0; i < 5; i++)
        CHECK_HAS(refusal(source_of(contents[i]), NULL, FAILURE_PIN), "is empty");
}

static void unreadable_files(void **state)
{
    const char *words;

    (void)state;
    words = refusal(text("file:%s", path_of("missing")), NULL, FAILURE_PIN);
    CHECK_HAS(words, "No such file");
    CHECK_HAS(words, path_of("missing"));
    words = refusal(text("file:%s", directory), NULL, FAILURE_PIN);
    CHECK_HAS(words, "Is a directory");
    CHECK_HAS(refusal("file:", NULL, FAILURE_PIN), "No such file");
}

/* PIN_MAX is the longest PIN (pin.h); the line end is no part of it. */
static void longest(void **state)
{
    static const char *const ends[] = { "", "\n", "\r\n" };
    char content[PIN_MAX + 8];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        memset(content, 'p', PIN_MAX);
        memcpy(content + PIN_MAX, ends[i], strlen(ends[i]) + 1);
        gives_bytes(source_of(content), NULL, content, PIN_MAX);
        assert_int_equal(setenv("UNIT_TEST_PIN", content, 1), 0);
        gives_bytes("env:UNIT_TEST_PIN", NULL, content, PIN_MAX);
    }
}

static void nearly_longest(void **state)
{
    char content[PIN_MAX];

    (void)state;
    memset(content, 'p', sizeof(content) - 1);
    content[sizeof(content) - 1] = '\0';
    gives(source_of(content), NULL, content);
    assert_int_equal(setenv("UNIT_TEST_PIN", content, 1), 0);
    gives("env:UNIT_TEST_PIN", NULL, content);
}

static void too_long(void **state)
{
    char content[PIN_MAX * 3 + 2];

    (void)state;
    for (size_t size = PIN_MAX + 1; size < sizeof(content); size += PIN_MAX) {
        memset(content, 'p', size);
        content[size] = '\0';
        CHECK_HAS(refusal(source_of(content), NULL, FAILURE_PIN), "too long");
        assert_int_equal(setenv("UNIT_TEST_PIN", content, 1), 0);
        CHECK_HAS(refusal("env:UNIT_TEST_PIN", NULL, FAILURE_PIN), "too long");
    }
    CHECK_HAS(refusal("file:/dev/zero", NULL, FAILURE_PIN), "too long");
}

/* However much follows the first line. */
static void long_rest(void **state)
{
    char content[PIN_MAX * 3] = "7295\n";

    (void)state;
    memset(content + 5, 'c', sizeof(content) - 6);
    gives(source_of(content), NULL, "7295");
}

static void environment(void **state)
{
    (void)state;
    assert_int_equal(setenv("UNIT_TEST_PIN", "7295", 1), 0);
    gives("env:UNIT_TEST_PIN", NULL, "7295");
    assert_int_equal(setenv("UNIT_TEST_PIN", "7295\r\n", 1), 0);
    gives("env:UNIT_TEST_PIN", NULL, "7295");
    assert_int_equal(setenv("UNIT_TEST_PIN", "", 1), 0);
    CHECK_HAS(refusal("env:UNIT_TEST_PIN", NULL, FAILURE_PIN), "is empty");
    assert_int_equal(unsetenv("UNIT_TEST_PIN"), 0);
    CHECK_HAS(refusal("env:UNIT_TEST_PIN", NULL, FAILURE_PIN), "not set");
    CHECK_HAS(refusal("env:", NULL, FAILURE_PIN), "not set");
}

/* A descriptor of a file gives the PIN each time, also to a process that forked off. */
static void descriptor_of_a_file(void **state)
{
    const int fd = open(written("pin", "7295\n", 5), O_RDONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    for (int i = 0; i < 3; i++)
        gives(text("fd:%d", fd), NULL, "7295");
    assert_int_equal(close(fd), 0);
    CHECK_HAS(refusal(text("fd:%d", fd), NULL, FAILURE_PIN), "Bad file descriptor");
}

/* A pipe gives it once; it may come in pieces. */
static void descriptor_of_a_pipe(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "72", 2), 2);
    assert_int_equal(write(ends[1], "95\n", 3), 3);
    assert_int_equal(close(ends[1]), 0);
    gives(text("fd:%d", ends[0]), NULL, "7295");
    CHECK_HAS(refusal(text("fd:%d", ends[0]), NULL, FAILURE_PIN), "is empty");
    assert_int_equal(close(ends[0]), 0);
}

/* The PIN ends at the line end: the writer may keep the pipe open and say no more. */
static void pipe_that_stays_open(void **state)
{
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "7295\n", 5), 5);
    alarm(20);
    gives(text("fd:%d", ends[0]), NULL, "7295");
    alarm(0);
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
}

static void no_descriptors(void **state)
{
    static const char *const sources[] = {
        "fd:",   "fd:x",  "fd:3x",  "fd:-1",         "fd: 3",
        "fd:+3", "fd:3 ", "fd:0x3", "fd:2147483648", "fd:99999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        CHECK_HAS(refusal(sources[i], NULL, FAILURE_CONFIGURATION), "a descriptor's number");
    CHECK_HAS(refusal("fd:2147483647", NULL, FAILURE_PIN), "Bad file descriptor");
}

static void credentials(void **state)
{
    const char *words;

    (void)state;
    written("unit.pin", "7295\n", 5);
    gives("credential:unit.pin", directory, "7295");
    words = refusal("credential:unit.pin", NULL, FAILURE_PIN);
    CHECK_HAS(words, "CREDENTIALS_DIRECTORY");
    CHECK_HAS(refusal("credential:other", directory, FAILURE_PIN), "No such file");
    CHECK_HAS(refusal("credential:", directory, FAILURE_PIN), "Is a directory");
    CHECK_HAS(refusal("credential:..", directory, FAILURE_PIN), "Is a directory");
}

/* A name is no path: what the unit was not given is not read. */
static void credentials_elsewhere(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of("sub"), 0700), 0);
    written("unit.pin", "7295\n", 5);
    CHECK_HAS(refusal("credential:../unit.pin", path_of("sub"), FAILURE_PIN), "has no '/'");
    CHECK_HAS(refusal(text("credential:%s", path_of("unit.pin")), path_of("sub"), FAILURE_PIN),
              "has no '/'");
    CHECK_HAS(refusal("credential:sub/x", directory, FAILURE_PIN), "has no '/'");
    assert_int_equal(rmdir(path_of("sub")), 0);
}

static void credentials_with_long_paths(void **state)
{
    char source[6000] = "credential:", where[6000];

    (void)state;
    memset(source + 11, 'n', sizeof(source) - 12);
    source[sizeof(source) - 1] = '\0';
    refusal(source, directory, FAILURE_PIN);
    memset(where, '/', sizeof(where) - 1);
    where[sizeof(where) - 1] = '\0';
    CHECK_HAS(refusal("credential:unit.pin", where, FAILURE_PIN), "path is too long");
}

/* Somebody wrote the PIN itself where its source belongs. */
static void unknown_sources(void **state)
{
    static const char *const sources[] = { "7295",         "",           "pin:7295",
                                           "FILE:/7295",   "prompt7295", "prompt:7295",
                                           "/etc/pin7295", "file",       " file:/7295" };

    (void)state;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        CHECK_HAS(refusal(sources[i], directory, FAILURE_CONFIGURATION), "is none of file:PATH");
}

static void ask_without_terminal(void *argument)
{
    struct failure why;
    struct pin read;

    (void)argument;
    CHECK(setsid() >= 0);
    CHECK(!pin_read(&read, "prompt", NULL, "prod", &why));
    CHECK(why.reason == FAILURE_PIN);
    CHECK_HAS(why.text, "needs a terminal");
}

static void prompt_without_terminal(void **state)
{
    (void)state;
    assert_int_equal(run_child(ask_without_terminal, NULL), 0);
}

static void values_of_uris(void **state)
{
    char value[PIN_MAX + 2];
    struct failure why;
    struct pin pin;

    (void)state;
    assert_true(pin_copy(&pin, "7295\n", &why)); /* as it is written there */
    assert_int_equal(pin.size, 5);
    assert_memory_equal(pin.bytes, "7295\n", 5);
    pin_wipe(&pin);
    assert_null(pin.bytes);
    memset(value, 'p', sizeof(value));
    value[PIN_MAX] = '\0';
    assert_true(pin_copy(&pin, value, &why));
    assert_int_equal(pin.size, PIN_MAX);
    pin_wipe(&pin);
    value[PIN_MAX] = 'p';
    value[PIN_MAX + 1] = '\0';
    assert_false(pin_copy(&pin, value, &why));
    assert_int_equal(why.reason, FAILURE_PIN);
    assert_null(pin.bytes);
    assert_false(pin_copy(&pin, "", &why));
    assert_null(pin.bytes);
    pin_wipe(&pin); /* nothing to wipe is fine */
}

static int make_directory(void **state)
{
    const char *root = getenv("TMPDIR");

    (void)state;
    snprintf(directory, sizeof(directory), "%s/unit-pin-XXXXXX", root != NULL ? root : "/tmp");
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path_of("pin"));
    unlink(path_of("unit.pin"));
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files),
        cmocka_unit_test(line_ends),
        cmocka_unit_test(empty_files),
        cmocka_unit_test(unreadable_files),
        cmocka_unit_test(longest),
        cmocka_unit_test(nearly_longest),
        cmocka_unit_test(too_long),
        cmocka_unit_test(long_rest),
        cmocka_unit_test(environment),
        cmocka_unit_test(descriptor_of_a_file),
        cmocka_unit_test(descriptor_of_a_pipe),
        cmocka_unit_test(pipe_that_stays_open),
        cmocka_unit_test(no_descriptors),
        cmocka_unit_test(credentials),
        cmocka_unit_test(credentials_elsewhere),
        cmocka_unit_test(credentials_with_long_paths),
        cmocka_unit_test(unknown_sources),
        cmocka_unit_test(prompt_without_terminal),
        cmocka_unit_test(values_of_uris),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
