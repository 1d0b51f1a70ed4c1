/*
 * PINs: each source, and each way in which there is none or a wrong one.  A wrong PIN is tried
 * once, and none when the token says that one try is left: each costs a try of the real token.
 */
#include "testing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

enum { COUNT_LOW = 0x10000, FINAL_TRY = 0x20000, LOCKED = 0x40000 }; /* CKF_USER_PIN_... */

static const char *lines_with(const char *pin_source)
{
    return text("token = pkcs11:token=prod\n%s%s\n",
                pin_source == NULL ? "" : "pin-source = ", pin_source == NULL ? "" : pin_source);
}

/* A context through the spy. */
static OSSL_LIB_CTX *context_for(const char *pin_source)
{
    return context_with(
        settings_for(testing_path("HSMZKE_TEST_SPY_MODULE"), lines_with(pin_source)), NULL);
}

/* The key is refused, without a try of any PIN. */
static const char *refused_untried(const char *pin_source)
{
    OSSL_LIB_CTX *context;
    const char *words;

    token_standard();
    spy_setup(NULL, NULL);
    context = context_for(pin_source);
    words = name_refused(context, "AES-256-CBC", "gold");
    CHECK(spy_calls("C_Login") == 0);
    OSSL_LIB_CTX_free(context);
    return words;
}

static void no_source(void)
{
    const char *words = refused_untried(NULL);

    CHECK_HAS(words, "pin-source");
    CHECK_HAS(words, "'prod'");
}

static void missing_file(void)
{
    CHECK_HAS(refused_untried("file:/nonexistent/pin"), "/nonexistent/pin");
}

static void directory(void)
{
    CHECK_HAS(refused_untried("file:/etc"), "/etc");
}

static void empty_file(void)
{
    CHECK_HAS(refused_untried(pin_file("")), "PIN");
}

static void empty_line(void)
{
    CHECK_HAS(refused_untried(pin_file("\n")), "PIN");
}

static void endless_file(void)
{
    CHECK_HAS(refused_untried("file:/dev/zero"), "/dev/zero");
}

static void missing_variable(void)
{
    CHECK_HAS(refused_untried("env:NO_SUCH_PIN"), "NO_SUCH_PIN");
}

static void empty_variable(void)
{
    setenv("EMPTY_PIN", "", 1);
    CHECK_HAS(refused_untried("env:EMPTY_PIN"), "EMPTY_PIN");
}

static void closed_descriptor(void)
{
    CHECK_HAS(refused_untried("fd:321"), "321");
}

static void no_credential(void)
{
    setenv("CREDENTIALS_DIRECTORY", work_dir(), 1);
    CHECK_HAS(refused_untried("credential:no-such-pin"), "no-such-pin");
}

static void no_credentials_directory(void)
{
    unsetenv("CREDENTIALS_DIRECTORY");
    CHECK_HAS(refused_untried("credential:pin"), "CREDENTIALS_DIRECTORY");
}

/* A PIN written where a source belongs must not be shown to whoever reads the log. */
static void pin_as_source(void)
{
    const char *words = refused_untried("87654321");

    CHECK_HAS(words, "pin-source");
    CHECK(strstr(words, "87654321") == NULL);
}

static void wrong_pin_is_tried_once(void)
{
    const char *source = pin_file("99998888");
    OSSL_LIB_CTX *context, *another;
    const char *words;

    token_standard();
    spy_setup(NULL, NULL);
    context = context_for(source);
    words = name_refused(context, "AES-256-CBC", "gold");
    CHECK_HAS(words, "'prod'");
    CHECK_HAS(words, "CKR_PIN_INCORRECT");
    CHECK(strstr(words, "99998888") == NULL);
    CHECK(spy_calls("C_Login") == 1);

    for (int i = 0; i < 5; i++)
        CHECK_HAS(name_refused(context, "AES-256-ECB", i % 2 ? "gold" : "silver"), "'prod'");
    /* A library context of its own with the same settings is the same login. */
    another = context_for(source);
    name_refused(another, "AES-256-CBC", "gold");
    CHECK(spy_calls("C_Login") == 1);
    OSSL_LIB_CTX_free(context);
    OSSL_LIB_CTX_free(another);
}

static void flags_forbid_a_try(unsigned flags)
{
    OSSL_LIB_CTX *context;

    token_standard();
    spy_setup(NULL, text("%u", flags));
    context = context_for(pin_file(USER_PIN));
    for (int i = 0; i < 3; i++)
        CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "'prod'");
    CHECK(spy_calls("C_Login") == 0);
    OSSL_LIB_CTX_free(context);
}

static void final_try_is_left(void)
{
    flags_forbid_a_try(FINAL_TRY);
}

static void locked(void)
{
    flags_forbid_a_try(LOCKED);
}

/* Somebody has mistyped it, and tries are left: ours is one, right or wrong. */
static void count_is_low(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    spy_setup(NULL, text("%u", COUNT_LOW));
    context = context_for(pin_file(USER_PIN));
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(spy_calls("C_Login") == 1);
    OSSL_LIB_CTX_free(context);
}

static void count_is_low_and_it_is_wrong(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    spy_setup(NULL, text("%u", COUNT_LOW));
    context = context_for(pin_file("99998888"));
    for (int i = 0; i < 3; i++)
        CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "'prod'");
    CHECK(spy_calls("C_Login") == 1);
    OSSL_LIB_CTX_free(context);
}

/* While we are at work somebody mistypes it so often; then all our sessions are lost. */
static void runs_out_meanwhile(unsigned flags, const char *words)
{
    OSSL_LIB_CTX *context;

    token_standard();
    spy_setup(NULL, NULL);
    context = context_for(pin_file(USER_PIN));
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    spy_tell(text("flags %u; close *:1", flags));
    for (int i = 0; i < 3; i++)
        CHECK_HAS(name_refused(context, i % 2 == 0 ? "AES-256-CBC" : "AES-256-GCM", "gold"), words);
    CHECK(spy_calls("C_Login") == 1);
    /* The security officer has seen to it. */
    spy_tell("");
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    CHECK(spy_calls("C_Login") == 2);
    OSSL_LIB_CTX_free(context);
}

static void final_try_meanwhile(void)
{
    runs_out_meanwhile(FINAL_TRY, "CKF_USER_PIN_FINAL_TRY");
}

static void locked_meanwhile(void)
{
    runs_out_meanwhile(LOCKED, "CKR_PIN_LOCKED");
}

static void works_with(const char *lines)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(settings_for(testing_path("HSMZKE_TEST_PKCS11_MODULE"), lines), NULL);
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
}

static void from_file(void)
{
    works_with(lines_with(pin_file(USER_PIN)));
}

static void from_file_with_newline(void)
{
    works_with(lines_with(pin_file(USER_PIN "\n")));
}

static void from_environment(void)
{
    setenv("SOME_PIN", USER_PIN, 1);
    works_with(lines_with("env:SOME_PIN"));
}

static void from_descriptor(void)
{
    int fd = open(pin_file(USER_PIN "\n") + strlen("file:"), O_RDONLY);

    CHECK(fd >= 0);
    works_with(lines_with(text("fd:%d", fd)));
}

static void from_credential(void)
{
    const char *path = write_file("credential", USER_PIN, strlen(USER_PIN));

    setenv("CREDENTIALS_DIRECTORY", work_dir(), 1);
    works_with(lines_with(text("credential:%s", path + strlen(work_dir()) + 1)));
}

static void from_token_uri(void)
{
    works_with("token = pkcs11:token=prod?pin-value=" USER_PIN "\n");
}

static void from_token_uri_source(void)
{
    works_with(text("token = pkcs11:token=prod?pin-source=%s\n", pin_file(USER_PIN)));
}

static void token_uri_overrules(void)
{
    works_with("pin-source = file:/nonexistent/pin\n"
               "token = pkcs11:token=prod?pin-value=" USER_PIN "\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(no_source),
        CHILD_TEST(missing_file),
        CHILD_TEST(directory),
        CHILD_TEST(empty_file),
        CHILD_TEST(empty_line),
        CHILD_TEST(endless_file),
        CHILD_TEST(missing_variable),
        CHILD_TEST(empty_variable),
        CHILD_TEST(closed_descriptor),
        CHILD_TEST(no_credential),
        CHILD_TEST(no_credentials_directory),
        CHILD_TEST(pin_as_source),
        CHILD_TEST(wrong_pin_is_tried_once),
        CHILD_TEST(final_try_is_left),
        CHILD_TEST(locked),
        CHILD_TEST(count_is_low),
        CHILD_TEST(count_is_low_and_it_is_wrong),
        CHILD_TEST(final_try_meanwhile),
        CHILD_TEST(locked_meanwhile),
        CHILD_TEST(from_file),
        CHILD_TEST(from_file_with_newline),
        CHILD_TEST(from_environment),
        CHILD_TEST(from_descriptor),
        CHILD_TEST(from_credential),
        CHILD_TEST(from_token_uri),
        CHILD_TEST(from_token_uri_source),
        CHILD_TEST(token_uri_overrules),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
