/*
 * The check that docs/audit.md has, as it stands there: it finds every kind of tampering that the
 * page says, over files that were rotated too.
 */
#include "audit-log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *original; /* a log of two chains, mixed */

static void work(void *path)
{
    OSSL_LIB_CTX *context = context_logged(path);

    for (int i = 0; i < 10; i++)
        CHECK(log_work(context, 16) == 1);
    OSSL_LIB_CTX_free(context);
}

static void left_in_a_hurry(void *path)
{
    work(path);
    _exit(0);
}

static int setup(void **state)
{
    int pids[2];

    if (testing_setup(state) != 0)
        return -1;
    token_standard();
    original = log_path();
    for (size_t i = 0; i < 2; i++)
        pids[i] = start_child(work, (void *)(uintptr_t)original);
    for (size_t i = 0; i < 2; i++)
        CHECK(wait_child(pids[i]) == 0);
    return 0;
}

/* The original after `program` of sed. */
static const char *changed(const char *program)
{
    const char *path = text("%s.changed", original);

    CHECK(run_shell(text("sed '%s' %s > %s", program, original, path), NULL) == 0);
    CHECK(run_shell(text("cmp -s %s %s", original, path), NULL) == 1);
    return path;
}

static void tampered(const char *program, const char *expected)
{
    const char *words;

    CHECK(log_check(changed(program), &words) == 1);
    CHECK_HAS(words, expected);
}

static void untouched(void **state)
{
    const char *words;

    (void)state;
    CHECK(log_check(original, &words) == 0);
    CHECK(strstr(words, "line ") == NULL);
    CHECK(strstr(words, "has no end") == NULL);
}

static void tampering(void **state)
{
    (void)state;
    tampered("0,/\"bytes\":16/s//\"bytes\":17/", "does not follow");
    tampered("6s/\"time\":\"2/\"time\":\"3/", "does not follow");
    tampered("7d", "does not follow");
    tampered("1d", "line ");
    tampered("5p", "line 6: does not follow");
    /* To the end: behind its own chain's next line, however the two chains' lines alternate. */
    tampered("8{h;d};$G", "does not follow");
    tampered("9s/.*/nothing/", "line 9: is no line of the log");
    tampered("9s/.*/{\"event\":\"end\"}/", "line 9: is no line of the log");
    tampered("9s/\"prev\":\"[0-9a-f]\\{8\\}/\"prev\":\"00000000/", "does not follow");
    tampered("9s/\"seq\":/\"seq\":1/", "does not follow");
    tampered("$a{\"pid\":1,\"start\":2,\"seq\":3,\"prev\":\"\",\"event\":\"end\"}",
             "does not follow");
}

/* What it cannot find, but for the missing end. */
static void tail_cut_off(void **state)
{
    const char *words;

    (void)state;
    CHECK(log_check(changed("$d"), &words) == 0);
    CHECK_HAS(words, "has no end");
}

static void killed(void **state)
{
    const char *path = log_path(), *words;

    (void)state;
    CHECK(run_child(left_in_a_hurry, (void *)(uintptr_t)path) == 0);
    CHECK(log_check(path, &words) == 0);
    CHECK_HAS(words, "has no end");
}

/* ---- rotation ---- */

static void rotated(void)
{
    const char *path = log_path(), *words;
    OSSL_LIB_CTX *context = context_logged(path);
    struct stat status;

    CHECK(log_work(context, 16) == 1);
    CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600);
    CHECK(rename(path, text("%s.1", path)) == 0);
    sleep(2);
    CHECK(log_work(context, 32) == 1);
    /* By an administrator who makes the new file himself, with rights of his own. */
    CHECK(rename(path, text("%s.0", path)) == 0);
    CHECK(run_shell(text("umask 027; : > %s", path), NULL) == 0);
    sleep(2);
    CHECK(log_work(context, 48) == 1);
    CHECK(strcmp(log_field(log_line(path, "operation", 0), "bytes"), "48") == 0);
    CHECK(strcmp(log_field(log_line(text("%s.0", path), "operation", 0), "bytes"), "32") == 0);
    CHECK(log_count(path, "begin") == 0);
    CHECK(stat(path, &status) == 0 && (status.st_mode & 0777) == 0640);
    CHECK(log_check(text("%s.1 %s.0 %s", path, path, path), &words) == 0);
    CHECK(log_check(path, &words) == 1); /* without the files before it */
    OSSL_LIB_CTX_free(context);
}

static void removed(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context = context_logged(path);

    CHECK(log_work(context, 16) == 1);
    CHECK(unlink(path) == 0);
    sleep(2);
    CHECK(log_work(context, 32) == 1);
    CHECK(log_count(path, "operation") == 1);
    OSSL_LIB_CTX_free(context);
}

/* ---- several logs, and several users of one ---- */

static void by_settings(void)
{
    const char *one = log_path(), *two = log_path(), *words;
    OSSL_LIB_CTX *a = context_logged(one), *b = context_logged(two);
    OSSL_LIB_CTX *c =
        context_with(text("%ssessions = 3\naudit = file:%s\n", settings_standard(), one), NULL);
    OSSL_LIB_CTX *silent = context_with(settings_standard(), NULL);

    CHECK(log_work(a, 16) == 1 && log_work(b, 32) == 1 && log_work(c, 48) == 1);
    CHECK(log_work(silent, 64) == 1);
    CHECK(log_count(one, "operation") == 2 && log_count(two, "operation") == 1);
    CHECK(log_count(one, "begin") == 1 && log_count(one, "configuration") == 2);
    CHECK(strcmp(log_field(log_line(two, "operation", 0), "bytes"), "32") == 0);
    CHECK(log_check(text("%s %s", one, two), &words) == 0);
    OSSL_LIB_CTX_free(a);
    OSSL_LIB_CTX_free(b);
    OSSL_LIB_CTX_free(c);
    OSSL_LIB_CTX_free(silent);
}

static void by_variable(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;

    setenv("HSMZKE_AUDIT", text("file:%s", path), 1);
    context = context_with(text("%saudit = off\n", settings_standard()), NULL);
    unsetenv("HSMZKE_AUDIT");
    CHECK(log_work(context, 16) == 1);
    CHECK(log_count(path, "operation") == 1);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untouched), cmocka_unit_test(tampering), cmocka_unit_test(tail_cut_off),
        cmocka_unit_test(killed),    CHILD_TEST(rotated),         CHILD_TEST(removed),
        CHILD_TEST(by_settings),     CHILD_TEST(by_variable),
    };

    return cmocka_run_group_tests(tests, setup, testing_teardown);
}
