/*
 * docs/keys.md and docs/recipes.md are true: each of their command lines is run, in their order, by
 * a shell with the openssl program unmodified.  And what goes wrong on such command lines is said.
 */
#include "testing.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#define P "-provider hsmzke"

/* What a shell needs before the first line: with sanitizers their library has to be there first. */
static const char *preamble(void)
{
    const char *preload = getenv("HSMZKE_TEST_PRELOAD");

    return text("cd '%s'\n%s", work_dir(),
                preload == NULL || *preload == '\0'
                    ? ""
                    : text("openssl() { LD_PRELOAD='%s' ASAN_OPTIONS=detect_leaks=0 "
                           "command openssl \"$@\"; }\n",
                           preload));
}

static const char *bash(const char *script, int *status)
{
    const char *whole = text("%s%s", preamble(), script);
    const char *output;

    *status = run_shell(text("bash '%s'", write_file("script", whole, strlen(whole))), &output);
    return output;
}

static void works(const char *command)
{
    int status;
    const char *output = bash(command, &status);

    if (status != 0)
        testing_failed(__FILE__, __LINE__, text("%s\n%s", command, output));
}

/* Fails, and says `words`. */
static void fails(const char *command, const char *words)
{
    int status;
    const char *output = bash(command, &status);

    if (status == 0)
        testing_failed(__FILE__, __LINE__, text("%s\n%s", command, output));
    CHECK_HAS(output, words);
}

static int test_setup(void **state)
{
    const char *path = testing_path("HSMZKE_TEST_PROVIDER");

    (void)state;
    token_store();
    token_init("prod", USER_PIN);
    setenv("OPENSSL_MODULES", dirname(strcpy(keep(strlen(path) + 1), path)), 1);
    setenv("HSMZKE_PKCS11_MODULE", testing_path("HSMZKE_TEST_PKCS11_MODULE"), 1);
    setenv("HSMZKE_TOKEN", "pkcs11:token=prod", 1);
    setenv("HSMZKE_PIN_SOURCE", pin_file(USER_PIN), 1);
    works("rm -f ./*.pem; cp \"${HSMZKE_PIN_SOURCE#file:}\" pin; "
          "head -c 100003 /dev/urandom > report.txt");
    return 0;
}

/* A command that begins with `!` must fail, which `set -e` would pass over. */
static const char *checked(const char *command)
{
    return command[0] == '!' ? text("if %s\nthen exit 9; fi\n", command + 2)
                             : text("%s\n", command);
}

/* All commands of a page, which has `least` or more. */
static void run_page(const char *page, size_t least)
{
    size_t size, commands = 0;
    char *rest, *line = (char *)read_file(page, &size);
    const char *script = "set -euo pipefail\n";

    CHECK(line != NULL);
    for (line = strtok_r(line, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        const char *command;

        if (strncmp(line, "    $ ", 6) != 0)
            continue;
        command = line + 6;
        while (command[strlen(command) - 1] == '\\') {
            line = strtok_r(NULL, "\n", &rest);
            CHECK(line != NULL);
            command = text("%s\n%s", command, line);
        }
        script = text("%s%s", script, checked(command));
        commands++;
    }
    printf("%zu commands\n", commands);
    CHECK(commands >= least);
    works(script);
}

static void the_documentation_is_true(void **state)
{
    (void)state;
    run_page(testing_path("HSMZKE_TEST_KEYS_MD"), 25);
}

/* By openssl.cnf alone, with a key that is on the token already. */
static void the_recipes_are_true(void **state)
{
    (void)state;
    token_standard();
    setenv("OPENSSL_CONF", config_file(settings_standard(), NULL), 1);
    unsetenv("HSMZKE_PKCS11_MODULE");
    unsetenv("HSMZKE_TOKEN");
    unsetenv("HSMZKE_PIN_SOURCE");
    works("mkdir -p data; cp report.txt data/; echo plain > plain");
    run_page(testing_path("HSMZKE_TEST_RECIPES_MD"), 13);
    /* What it was about: another byte is not restored. */
    fails("printf %02x $((0x$(xxd -s 50000 -l 1 -p backup) ^ 1)) | xxd -r -p | "
          "dd of=backup bs=1 seek=50000 conv=notrunc; openssl mac -digest SHA256 "
          "-macopt key:hsmzke:backup-mac -in backup HMAC | cmp - backup.mac",
          "differ");
    unsetenv("OPENSSL_CONF");
}

static void generation_is_refused(void **state)
{
#define GENERATE "openssl genpkey " P " -algorithm HSMZKE-AES "
    (void)state;
    works(GENERATE "-pkeyopt label:gold -out gold.pem");
    fails(GENERATE "-pkeyopt label:gold", "label 'gold' already");
    fails(GENERATE "-pkeyopt usage:gcm", "needs a label");
    fails(GENERATE "-pkeyopt label:x -pkeyopt usage:everything", "'everything'");
    fails(GENERATE "-pkeyopt label:a-label-of-25-characters-", "1 to 24 bytes");
    fails(GENERATE "-pkeyopt label:x -pkeyopt token:absent", "no token matches");
    fails(GENERATE "-pkeyopt label:x -pkeyopt token:pkcs11:nonsense=1", "PKCS#11 URI");
    fails(GENERATE "-pkeyopt label:x -pkeyopt colour:red", "colour");
    works(GENERATE "-pkeyopt label:y -pkeyopt token:prod -out y.pem");
    /* Nothing else came into being. */
    works("test \"$(openssl storeutl " P " -noout hsmzke: | tail -n 1)\" = 'Total found: 2'");
#undef GENERATE
}

static void sealing_is_refused(void **state)
{
#define GENERATE "openssl genpkey " P " -algorithm HSMZKE-AES "
#define UTIL "openssl pkeyutl " P " "
    (void)state;
    works(GENERATE "-pkeyopt label:a -pkeyopt usage:gcm -out a.pem");
    works(GENERATE "-pkeyopt label:b -pkeyopt usage:gcm-only -out b.pem");
    works(GENERATE "-pkeyopt label:c -out c.pem");
    works(UTIL "-encrypt -inkey a.pem -in report.txt -out sealed");
    fails(UTIL "-decrypt -inkey b.pem -in sealed -out open", "sealed under another key");
    fails(UTIL "-decrypt -inkey a.pem -in report.txt -out open", "not sealed by hsmzke");
    fails("head -c -1 sealed > cut; " UTIL "-decrypt -inkey a.pem -in cut -out open",
          "not genuine");
    fails(UTIL "-encrypt -inkey c.pem -in report.txt -out open", "CKA_ALLOWED_MECHANISMS");
    fails(UTIL "-sign -rawin -inkey a.pem -in report.txt", "CKA_SIGN is false");
    works("test ! -s open");
    if (!quick()) /* more than pkeyutl reads: it would be cut */
        fails("truncate -s 200M huge; " UTIL "-encrypt -inkey a.pem -in huge -out open; "
              "status=$?; rm huge; exit $status",
              "too long");
#undef GENERATE
#undef UTIL
}

/* `openssl enc` with other settings, or another key: the error has words for cause and cure. */
static void enc_fails(const char *settings, const char *name, const char *cause, const char *cure)
{
    int status;
    const char *output = bash(text("%s openssl enc " P " -aes-256-ecb -in report.txt -out sealed "
                                   "-K $(printf '%s' | xxd -p -c 64)",
                                   settings, name),
                              &status);

    CHECK(status != 0);
    CHECK_HAS(output, cause);
    CHECK_HAS(output, cure);
}

/* What goes wrong on a first day. */
static void first_mistakes(void **state)
{
    (void)state;
    works("openssl genpkey " P " -algorithm HSMZKE-AES -pkeyopt label:first -out first.pem");
    works("openssl genpkey " P " -algorithm HSMZKE-AES -pkeyopt label:mac -pkeyopt usage:mac "
          "-out mac.pem");
    works("openssl genpkey " P " -algorithm HSMZKE-HMAC -pkeyopt label:hmac -out hmac.pem");
    works("mkdir -p none; echo \"directories.tokendir = $PWD/none\" > none.conf");

    enc_fails("HSMZKE_PKCS11_MODULE=/absent.so", "hsmzke:first", "/absent.so", "pkcs11-module");
    enc_fails("SOFTHSM2_CONF=/absent", "hsmzke:first", "does not start", "this user may read");
    enc_fails("SOFTHSM2_CONF=none.conf", "hsmzke:first", "there is no token", "initialise one");
    enc_fails("HSMZKE_TOKEN=pkcs11:token=absent", "hsmzke:first", "no token matches", "'prod'");
    enc_fails("HSMZKE_TOKEN=prod", "hsmzke:first", "no usable PKCS#11 URI", "'pkcs11:'");
    enc_fails("HSMZKE_PIN_SOURCE=", "hsmzke:first", "needs a PIN", "set pin-source");
    enc_fails("HSMZKE_PIN_SOURCE=pin", "hsmzke:first", "pin-source is none of", "file:PATH");
    enc_fails("HSMZKE_PIN_SOURCE=file:absent", "hsmzke:first", "No such file", "by this user");
    enc_fails("HSMZKE_PIN_SOURCE=file:/dev/null", "hsmzke:first", "is empty", "its first line");
    enc_fails("WRONG=9999999 HSMZKE_PIN_SOURCE=env:WRONG", "hsmzke:first",
              "the PIN was not accepted", "correct it");
    enc_fails("", "hsmzke:absent", "no secret key 'absent'", "check the name");
    enc_fails("", "hsmzke:first\\n", "no secret key 'first?'", "check the name");
    enc_fails("", "hsmzke:hmac", "no AES key", "is needed here");
    enc_fails("", "hsmzke:mac", "CKA_ENCRYPT is false", "use a key that may");
    enc_fails("", "first", "a raw key", "hsmzke:NAME");
    fails("openssl enc " P " -aes-256-cbc -pbkdf2 -pass pass:secret -in report.txt", "password");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_documentation_is_true, test_setup),
        cmocka_unit_test_setup(the_recipes_are_true, test_setup),
        cmocka_unit_test_setup(generation_is_refused, test_setup),
        cmocka_unit_test_setup(sealing_is_refused, test_setup),
        cmocka_unit_test_setup(first_mistakes, test_setup),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
