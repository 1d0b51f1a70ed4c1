/*
 * The openssl program, unmodified: `openssl enc` with a reference as its -K gives the bytes that
 * software gives with the key itself, and back, with the provider named on the command line or in
 * openssl.cnf.
 */
#include "testing.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#define IV "000102030405060708090a0bfffffffe"

static const char *reference_hex;

static int group_setup(void **state)
{
    unsigned char reference[32];

    if (testing_setup(state) != 0)
        return -1;
    token_standard();
    setenv("HSMZKE_PKCS11_MODULE", testing_path("HSMZKE_TEST_PKCS11_MODULE"), 1);
    setenv("HSMZKE_TOKEN", "pkcs11:token=prod", 1);
    setenv("HSMZKE_PIN_SOURCE", pin_file(USER_PIN), 1);
    reference_by_id(reference, GOLD_ID);
    reference_hex = hex(reference, sizeof(reference));
    return 0;
}

/* The openssl program; with sanitizers in the provider their library has to be there first. */
static const char *openssl(const char *environment)
{
    const char *preload = getenv("HSMZKE_TEST_PRELOAD");

    if (preload == NULL || *preload == '\0')
        return text("%s openssl", environment);
    return text("%s LD_PRELOAD='%s' ASAN_OPTIONS=detect_leaks=0 openssl", environment, preload);
}

static const char *by_command_line(void)
{
    const char *path = testing_path("HSMZKE_TEST_PROVIDER");

    return text("%s enc -provider-path '%s' -provider hsmzke", openssl(""),
                dirname(strcpy(keep(strlen(path) + 1), path)));
}

static void shell(const char *command)
{
    const char *output;

    if (run_shell(command, &output) != 0)
        testing_failed(__FILE__, __LINE__, text("%s\n%s", command, output));
}

static const char *iv_option(const char *mode)
{
    return strcmp(mode, "ecb") == 0 ? "" : "-iv " IV;
}

/* A file through `enc` and software, compared, and back. */
static void round_trip(const char *enc, const char *key, const char *mode, size_t size)
{
    const char *in = text("%s/in-%zu", work_dir(), size);
    const char *out = text("%s/out", work_dir());
    const char *software = text("%s/software", work_dir());
    const char *how = text("-aes-256-%s %s", mode, iv_option(mode));

    shell(text("test -f %s || head -c %zu /dev/urandom > %s", in, size, in));
    shell(text("%s %s -K %s -in %s -out %s", enc, how, key, in, out));
    shell(text("openssl enc %s -K " GOLD_KEY " -in %s -out %s", how, in, software));
    shell(text("cmp %s %s", out, software));
    shell(text("%s -d %s -K %s -in %s -out %s.back", enc, how, key, out, out));
    shell(text("cmp %s %s.back", in, out));
}

static void modes(size_t many, const char *enc, const char *key, const size_t *sizes, size_t count)
{
    static const char *const names[] = { "cbc", "ctr", "ecb", "cfb", "ofb", "cfb8", "cfb1" };

    CHECK(many <= sizeof(names) / sizeof(names[0]));
    for (size_t mode = 0; mode < many; mode++)
        for (size_t i = 0; i < count; i++)
            round_trip(enc, key, names[mode], sizes[i]);
}

/* Those that take a call of the HSM for each block are too slow for large files. */
enum { QUICK_MODES = 3, ALL_MODES = 7 };

static const size_t small_sizes[] = { 0, 1, 15, 16, 17 };

static void by_name(void **state)
{
    const char *key = "$(printf hsmzke:gold | xxd -p -c 64)";

    (void)state;
    modes(ALL_MODES, by_command_line(), key, small_sizes, 5);
}

static void by_id(void **state)
{
    (void)state;
    modes(ALL_MODES, by_command_line(), reference_hex, small_sizes, 5);
}

static void large_file(void **state)
{
    const size_t size = (size_t)(quick() ? 5 : 100) << 20;

    (void)state;
    modes(QUICK_MODES, by_command_line(), reference_hex, &size, 1);
}

static void by_configuration(void **state)
{
    const char *config = config_file("", NULL);
    const char *enc = text("%s enc", openssl(text("OPENSSL_CONF='%s'", config)));

    (void)state;
    modes(ALL_MODES, enc, "$(printf hsmzke:gold | xxd -p -c 64)", small_sizes, 5);
    modes(ALL_MODES, enc, reference_hex, small_sizes, 5);
}

/* The environment overrules the file. */
static void environment_overrules(void **state)
{
    const char *config = config_file("pkcs11-module = /nonexistent/module.so\n"
                                     "token = pkcs11:token=absent\n"
                                     "pin-source = file:/nonexistent/pin\n",
                                     NULL);
    const char *enc = text("%s enc", openssl(text("OPENSSL_CONF='%s'", config)));

    (void)state;
    round_trip(enc, reference_hex, "cbc", 17);
}

/* A user of the program sees the words, an exit status, and no output. */
static void errors_are_shown(void **state)
{
    const char *in = write_file("in", "some text", 9);
    const char *out = text("%s.enc", in);
    const char *wrong = pin_file("9999");
    const char *output;

    (void)state;
    CHECK(run_shell(text("HSMZKE_PIN_SOURCE=%s %s -aes-256-cbc -K %s -iv " IV " -in %s -out %s",
                         wrong, by_command_line(), reference_hex, in, out),
                    &output) != 0);
    CHECK_HAS(output, "prod");
    CHECK_HAS(output, "CKR_PIN_INCORRECT");
    CHECK(strstr(output, "9999") == NULL);
    shell(text("test ! -s %s", out));

    CHECK(run_shell(text("%s -aes-256-cbc -K $(printf hsmzke:absent | xxd -p -c 64) -iv " IV
                         " -in %s -out %s",
                         by_command_line(), in, out),
                    &output) != 0);
    CHECK_HAS(output, "absent");
    shell(text("test ! -s %s", out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_name),          cmocka_unit_test(by_id),
        cmocka_unit_test(by_configuration), cmocka_unit_test(environment_overrules),
        cmocka_unit_test(errors_are_shown), cmocka_unit_test(large_file),
    };

    return cmocka_run_group_tests(tests, group_setup, testing_teardown);
}
