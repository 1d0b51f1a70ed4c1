/*
 * `key-policy`: which keys are refused or told of, by their attributes on a real token; and what an
 * attacker gets out of those that are refused (attacker.c).
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

/* As a key should be: generated in the token, with nothing that is not needed. */
#define SAFE "no-sign fixed mechanisms=ecb,cbc"
#define VICTIM_KEY "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b8e73b0f7da0e6452"

static const char *policy_lines(const char *policy)
{
    return text("%skey-policy = %s\n", settings_standard(), policy);
}

static OSSL_LIB_CTX *context_for(const char *policy)
{
    unsetenv("HSMZKE_KEY_POLICY");
    return context_with(policy_lines(policy), NULL);
}

static void keys(const char *lines)
{
    token_standard();
    token_import("prod", USER_PIN, lines);
}

/* Whether an init with the key goes well; the errors are left on the queue. */
static int init(OSSL_LIB_CTX *context, const char *name)
{
    static const unsigned char iv[16];
    unsigned char reference[32];
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(context, "AES-256-CBC", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int result;

    CHECK(cipher != NULL && ctx != NULL);
    reference_by_name(reference, name);
    result = EVP_EncryptInit_ex2(ctx, cipher, reference, iv, NULL);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return result;
}

static void accepted(OSSL_LIB_CTX *context, const char *name)
{
    ERR_clear_error();
    if (init(context, name) != 1)
        testing_failed(__FILE__, __LINE__, text("%s: %s", name, error_text()));
    CHECK(ERR_peek_error() == 0);
}

static void refused(OSSL_LIB_CTX *context, const char *name, const char *finding)
{
    const char *words;

    ERR_clear_error();
    CHECK(init(context, name) != 1);
    words = error_text();
    CHECK_HAS(words, text("key '%s' on token 'prod' is refused by key-policy = strict: ", name));
    CHECK_HAS(words, finding);
}

static void strict(void)
{
    OSSL_LIB_CTX *context;

    keys("safe - " SAFE "\n"
         "readable - " SAFE " sensitive=no extractable\n"
         "extractable - " SAFE " extractable\n"
         "public - " SAFE " private=no\n"
         "wrapping - " SAFE " wrap\n"
         "unwrapping - " SAFE " unwrap\n"
         "deriving - " SAFE " derive\n"
         "both - " SAFE " no-encrypt no-decrypt wrap unwrap\n"
         "contained - " SAFE " no-encrypt no-decrypt wrap unwrap unwrap-template=safe\n"
         "half - " SAFE " no-encrypt no-decrypt wrap unwrap unwrap-template=weak\n");
    context = context_for("strict");
    accepted(context, "safe");
    accepted(context, "safe");
    refused(context, "gold", ": history (high);"); /* imported, and nothing else that matters */
    refused(context, "readable", ": value (critical), sensitive (critical), ");
    refused(context, "extractable", ": extractable (high), history (high), other-keys (high);");
    refused(context, "public", ": private (high);");
    refused(context, "wrapping", ": wrap-decrypt (critical), ecb (high);");
    refused(context, "unwrapping", ": unwrap-encrypt (critical);");
    refused(context, "deriving", ": derive (high);");
    refused(context, "both", ": wrap-unwrap (critical), ecb (high);");
    refused(context, "half", ": wrap-unwrap (critical), ecb (high);");
    refused(context, "contained", ": ecb (high);");     /* the template is seen */
    refused(context, "readable", ": value (critical)"); /* again */
    OSSL_LIB_CTX_free(context);
    /* Without a policy all of them are used. */
    context = context_for("off");
    accepted(context, "gold");
    accepted(context, "readable");
    accepted(context, "wrapping");
    OSSL_LIB_CTX_free(context);
}

static void strict_for_macs(void)
{
    struct mac_message message = { .mac = "HMAC",
                                   .algorithm = "SHA256",
                                   .in = (const unsigned char *)"x",
                                   .size = 1,
                                   .key_size = 32 };
    unsigned char reference[32];
    OSSL_LIB_CTX *context;

    keys("secret " SILVER_KEY " type=generic\n"
         "mac - no-encrypt no-decrypt fixed mechanisms=cmac\n");
    context = context_for("strict");
    CHECK_HAS(mac_refused(context, "HMAC", "SHA256", "secret"), "history (high)");
    message.mac = "CMAC";
    message.algorithm = "AES-256-CBC";
    reference_by_name(reference, "mac");
    message.key = reference;
    CHECK(mac_run(context, &message) == 1);
    OSSL_LIB_CTX_free(context);
}

/* A connection to the spy, whose calls fail from the first that reads a key's posture on. */
static OSSL_LIB_CTX *context_that_fails(const char *policy, const char *rv)
{
    OSSL_LIB_CTX *context;

    keys("safe - " SAFE "\n");
    unsetenv("HSMZKE_KEY_POLICY");
    spy_setup(text("C_GetAttributeValue:9+:%s", rv), NULL); /* finding a key takes eight */
    context = context_with(text("%skey-policy = %s\n", settings_spied(), policy), NULL);
    return context;
}

/* 0x12, CKR_ATTRIBUTE_TYPE_INVALID: what PKCS#11 has every key tell is not told. */
static void module_that_does_not_tell(void)
{
    OSSL_LIB_CTX *context = context_that_fails("strict", "0x12");

    refused(context, "safe", "sensitive (not told by the module)");
    OSSL_LIB_CTX_free(context);
}

/* 0x32, CKR_DEVICE_REMOVED: the key cannot be judged, so `strict` does not let it through. */
static void strict_without_attributes(void)
{
    OSSL_LIB_CTX *context = context_that_fails("strict", "0x32");

    ERR_clear_error();
    CHECK(init(context, "safe") != 1);
    CHECK_HAS(error_text(), "token 'prod'");
    CHECK(spy_failures() > 0);
    OSSL_LIB_CTX_free(context);
}

/* `warn` leaves it to the key's use to say what is broken. */
static void warn_without_attributes(void)
{
    OSSL_LIB_CTX *context = context_that_fails("warn", "0x32");

    accepted(context, "safe");
    CHECK(spy_failures() > 0);
    OSSL_LIB_CTX_free(context);
}

/* ---- openssl's own commands ---- */

/* Runs `openssl` with hsmzke and a policy. */
static int openssl_says(const char *policy, const char *command, const char **output)
{
    const char *preload = getenv("HSMZKE_TEST_PRELOAD");

    return run_shell(text("OPENSSL_CONF=%s LD_PRELOAD='%s' ASAN_OPTIONS=detect_leaks=0 openssl %s",
                          config_file(policy_lines(policy), NULL), preload != NULL ? preload : "",
                          command),
                     output);
}

/* Keys are shown and checked under `strict` too; they are refused where they are used. */
static void commands(void)
{
    const char *sealed = text("%s/sealed", work_dir()), *got;

    keys("wrapping - no-sign fixed mechanisms=gcm,ctr wrap\n");
    unsetenv("HSMZKE_KEY_POLICY");
    CHECK(openssl_says("strict",
                       "genpkey -algorithm HSMZKE-AES -pkeyopt label:made -pkeyopt usage:gcm "
                       "-out /dev/null",
                       &got) == 0);
    CHECK(openssl_says("strict", "pkey -in hsmzke:made -noout -check -text", &got) == 0);
    CHECK_HAS(got, "\n    passed: ");
    CHECK(strstr(got, "(critical)") == NULL && strstr(got, "(high)") == NULL);
    CHECK(
        openssl_says("strict",
                     text("pkeyutl -encrypt -inkey hsmzke:made -in /etc/hostname -out %s", sealed),
                     &got) == 0);
    CHECK(openssl_says("strict", "pkey -in hsmzke:wrapping -noout -text", &got) == 0);
    CHECK_HAS(got, "\n    wrap-decrypt (critical): CKA_WRAP and CKA_DECRYPT");
    CHECK(openssl_says("warn", "pkey -in hsmzke:wrapping -noout -check", &got) != 0);
    CHECK_HAS(got, "does not pass: wrap-decrypt (critical)");
    CHECK(openssl_says("off", "pkey -in hsmzke:wrapping -noout -check", &got) == 0);
    CHECK(openssl_says(
              "strict",
              text("pkeyutl -encrypt -inkey hsmzke:wrapping -in /etc/hostname -out %s", sealed),
              &got) != 0);
    CHECK_HAS(got, "is refused by key-policy = strict: wrap-decrypt (critical)");
    /* Listed, and not by a reference. */
    CHECK(openssl_says("strict",
                       text("pkeyutl -encrypt -inkey 'pkcs11:object=wrapping' -in /etc/hostname "
                            "-out %s",
                            sealed),
                       &got) != 0);
    CHECK_HAS(got, "is refused by key-policy = strict: wrap-decrypt (critical)");
}

/* ---- warn ---- */

/* Runs `function` in a child; what it writes to standard error. */
static const char *told_by(void (*function)(void *), void *argument)
{
    const char *path = write_file("stderr", "", 0);
    size_t size;
    const unsigned char *got;
    int saved = dup(STDERR_FILENO), status;

    fflush(stderr);
    CHECK(saved >= 0);
    {
        FILE *file = fopen(path, "a");

        CHECK(file != NULL && dup2(fileno(file), STDERR_FILENO) == STDERR_FILENO);
        fclose(file);
    }
    status = run_child(function, argument);
    CHECK(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
    close(saved);
    got = read_file(path, &size);
    CHECK(got != NULL);
    if (status != 0)
        testing_failed(__FILE__, __LINE__, text("status %d: %.*s", status, (int)size, got));
    return text("%.*s", (int)size, got);
}

/* Twice in one library context, and again in another. */
static void use_gold(void *settings)
{
    OSSL_LIB_CTX *context;

    unsetenv("HSMZKE_KEY_POLICY");
    context = context_with(settings, NULL);
    accepted(context, "gold");
    accepted(context, "gold");
    CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
    OSSL_LIB_CTX_free(context);
    context = context_with(settings, NULL);
    accepted(context, "gold");
    OSSL_LIB_CTX_free(context);
}

static void use_safe(void *settings)
{
    OSSL_LIB_CTX *context;

    unsetenv("HSMZKE_KEY_POLICY");
    context = context_with(settings, NULL);
    accepted(context, "safe");
    OSSL_LIB_CTX_free(context);
}

static char *modifiable(const char *string)
{
    char *copy = keep(strlen(string) + 1);

    return strcpy(copy, string);
}

static void warned(void)
{
    const char *line = "hsmzke: key 'gold' on token 'prod': history (high); see `key-policy`\n";

    keys("safe - " SAFE "\n");
    /* Once in a process, and by default. */
    if (strcmp(told_by(use_gold, modifiable(policy_lines("warn"))), line) != 0)
        testing_failed(__FILE__, __LINE__, told_by(use_gold, modifiable(policy_lines("warn"))));
    CHECK(strcmp(told_by(use_gold, modifiable(settings_standard())), line) == 0);
    CHECK(strcmp(told_by(use_gold, modifiable(policy_lines("off"))), "") == 0);
    CHECK(strcmp(told_by(use_safe, modifiable(policy_lines("warn"))), "") == 0);
}

/* Calls for one more key on a token that is connected. */
static unsigned calls_of(const char *settings, const char *policy, const char *name)
{
    OSSL_LIB_CTX *context = context_with(text("%skey-policy = %s\n", settings, policy), NULL);
    unsigned before, all;

    accepted(context, "gold");
    before = spy_all_calls();
    accepted(context, name);
    before = spy_all_calls() - before;
    /* At no other use. */
    all = spy_all_calls();
    accepted(context, name);
    CHECK(spy_all_calls() == all);
    OSSL_LIB_CTX_free(context);
    return before;
}

/* What a policy costs, at the first use of a key: docs/key-posture.md has the number. */
static void calls(void)
{
    const char *settings;
    unsigned without, with;

    keys("safe - " SAFE "\n");
    unsetenv("HSMZKE_KEY_POLICY");
    spy_setup(NULL, NULL);
    settings = settings_spied();
    without = calls_of(settings, "off", "safe");
    with = calls_of(settings, "warn", "safe");
    print_message("calls at the first use of a key: %u, and %u more with a policy\n", without,
                  with - without);
    CHECK(with - without == 42);
}

/* ---- attacks ---- */

static int attack(const char *how, const char *wrapper, const char *key, const char **output)
{
    const char *const argv[] = { testing_path("HSMZKE_TEST_ATTACKER"),
                                 module_path(),
                                 "prod",
                                 USER_PIN,
                                 how,
                                 wrapper,
                                 key,
                                 NULL };

    return run_program(argv, "", output);
}

/* Clulow 2003: a key that wraps and decrypts takes the bytes of another out of the token. */
static void wrap_and_decrypt(void)
{
    const char *got;
    OSSL_LIB_CTX *context;

    keys("safe - " SAFE "\n"
         "victim " VICTIM_KEY " " SAFE " extractable\n"
         "wrapper - no-sign fixed wrap\n");
    CHECK(attack("decrypt", "wrapper", "victim", &got) == 0);
    CHECK(strcmp(got, VICTIM_KEY "\n") == 0);
    CHECK(attack("decrypt", "wrapper", "safe", &got) == 2);
    CHECK_HAS(got, "C_WrapKey: 0x6a"); /* CKR_KEY_UNEXTRACTABLE */
    CHECK(attack("decrypt", "safe", "victim", &got) == 2);
    CHECK_HAS(got, "C_WrapKey: 0x68"); /* CKR_KEY_FUNCTION_NOT_PERMITTED */
    context = context_for("strict");
    refused(context, "wrapper", "wrap-decrypt (critical)");
    refused(context, "victim", "extractable (high)");
    accepted(context, "safe");
    OSSL_LIB_CTX_free(context);
}

/* A key that wraps and unwraps brings another back with attributes of the attacker's choice. */
static void wrap_and_unwrap(void)
{
    const char *got;
    OSSL_LIB_CTX *context;

    keys("safe - " SAFE "\n"
         "victim " VICTIM_KEY " " SAFE " extractable\n"
         "wrapper - no-encrypt no-decrypt no-sign fixed wrap unwrap\n"
         "keeper - no-encrypt no-decrypt no-sign fixed wrap unwrap unwrap-template=safe\n");
    CHECK(attack("reimport", "wrapper", "victim", &got) == 0);
    CHECK(strcmp(got, VICTIM_KEY "\n") == 0);
    CHECK(attack("reimport", "keeper", "victim", &got) == 2);
    CHECK_HAS(got, "C_UnwrapKey: 0x"); /* its template says otherwise */
    CHECK(attack("reimport", "wrapper", "safe", &got) == 2);
    CHECK_HAS(got, "C_WrapKey: 0x6a");
    context = context_for("strict");
    refused(context, "wrapper", "wrap-unwrap (critical)");
    refused(context, "victim", "extractable (high)");
    accepted(context, "safe");
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(strict),
        CHILD_TEST(strict_for_macs),
        CHILD_TEST(commands),
        CHILD_TEST(module_that_does_not_tell),
        CHILD_TEST(strict_without_attributes),
        CHILD_TEST(warn_without_attributes),
        CHILD_TEST(warned),
        CHILD_TEST(calls),
        CHILD_TEST(wrap_and_decrypt),
        CHILD_TEST(wrap_and_unwrap),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
