/*
 * Keys generated in the HSM: what the token itself says of them, and tokens and modules that do not
 * make them as they are asked for.
 */
#include "testing.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/params.h>

#include <hsmzke/hsmzke.h>

static OSSL_LIB_CTX *context;

static void setup_spied(const char *fail)
{
    token_store();
    token_init("prod", USER_PIN);
    spy_setup(fail, NULL);
    context = context_with(settings_spied(), NULL);
}

static EVP_PKEY *generate(const char *label, const char *usage)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(context, HSMZKE_PKEY_TYPE, NULL);
    OSSL_PARAM params[3] = { 0 };
    EVP_PKEY *pkey = NULL;

    params[0] = OSSL_PARAM_construct_utf8_string("label", (char *)(uintptr_t)label, 0);
    params[1] = OSSL_PARAM_construct_utf8_string("usage", (char *)(uintptr_t)usage, 0);
    params[2] = OSSL_PARAM_construct_end();
    CHECK(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
    if (EVP_PKEY_CTX_set_params(ctx, params) == 1 && EVP_PKEY_generate(ctx, &pkey) != 1)
        CHECK(pkey == NULL);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static void shows(const char *label, const char *whole)
{
    const char *shown = token_show("prod", USER_PIN, label);

    if (strcmp(shown, whole) != 0)
        testing_failed(__FILE__, __LINE__, text("%s is:\n%s", label, shown));
}

#define VITAL(encrypt, sign)                                                                       \
    "keys=1\nsensitive=1\nextractable=0\nprivate=1\ntoken=1\nmodifiable=0\ncopyable=0\n"           \
    "encrypt=" encrypt "\ndecrypt=" encrypt "\nsign=" sign "\nverify=" sign                        \
    "\nwrap=0\nunwrap=0\nderive=0\nlocal=1\ntrusted=0\n"

/* SoftHSM lists mechanisms in the order of their numbers. */
static void every_usage(void)
{
    static const struct {
        const char *usage, *shown;
    } usages[] = {
        { "cipher", VITAL("1", "0") "allowed=0x1081\nallowed=0x1082\nallowed=0x1086\n" },
        { "gcm", VITAL("1", "0") "allowed=0x1086\nallowed=0x1087\n" },
        { "gcm-only", VITAL("1", "0") "allowed=0x1087\n" },
        { "wrap", VITAL("1", "0") "allowed=0x1081\n" },
        { "mac", VITAL("0", "1") "allowed=0x108a\n" },
        { "any", VITAL("1", "0") },
    };

    setup_spied(NULL);
    for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
        EVP_PKEY *pkey = generate(usages[i].usage, usages[i].usage);
        char identity[64];

        CHECK(pkey != NULL && ERR_peek_error() == 0);
        shows(usages[i].usage, usages[i].shown);
        CHECK(EVP_PKEY_get_utf8_string_param(pkey, "identity", identity, sizeof(identity), NULL));
        CHECK(strcmp(identity, "unknown") != 0);
        EVP_PKEY_free(pkey);
    }
    OSSL_LIB_CTX_free(context);
}

/* Two keys with different random ids, each found by its reference. */
static void references_find_them(void)
{
    unsigned char raw[2][32], in[16] = { 0 }, out[48];
    struct message message = {
        .cipher = "AES-256-CTR", .encrypt = 1, .iv = in, .in = in, .size = sizeof(in), .out = out
    };
    size_t size = 32;

    setup_spied(NULL);
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *pkey = generate(i == 0 ? "one" : "two", "cipher");

        CHECK(pkey != NULL && EVP_PKEY_get_raw_private_key(pkey, raw[i], &size) == 1);
        CHECK(memcmp(raw[i], "hsmzke:", 7) == 0 && memchr(raw[i], '\0', 32) == NULL);
        message.key = raw[i];
        CHECK(message_run(context, &message) == 1);
        EVP_PKEY_free(pkey);
    }
    CHECK(memcmp(raw[0], raw[1], 32) != 0);
    OSSL_LIB_CTX_free(context);
}

static void refused(const char *label, const char *usage, const char *words)
{
    CHECK(generate(label, usage) == NULL);
    CHECK_HAS(error_text(), words);
}

static void bad_requests(void)
{
    EVP_PKEY *pkey;

    token_standard();
    spy_setup(NULL, NULL);
    context =
        context_with(text("%s" HSMZKE_PARAM_KEYS " = aliases\n" HSMZKE_PARAM_IDENTITIES " = ids\n",
                          settings_spied()),
                     "[aliases]\npayroll = pkcs11:object=gold\n"
                     "[ids]\npinned = 0000000000000000\n");
    refused("gold", "cipher", "label 'gold' already");
    refused("payroll", "cipher", "alias of another key");
    refused("pinned", "cipher", "is pinned");
    refused("", "cipher", "needs a label");
    refused("twenty-five-characters.xy", "cipher", "1 to 24 bytes");
    refused("line\nfeed", "cipher", "control characters");
    refused("new", "", "must be 'cipher'");
    CHECK(spy_calls("C_GenerateKey") == 0);
    pkey = generate("twenty-four-characters.x", "cipher");
    CHECK(pkey != NULL);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

/* The rest is made without what the module does not take, and it is told. */
static void attributes_refused(void)
{
    EVP_PKEY *pkey;
    const char *shown;
    int saved = -1, pipes[2];
    char said[512] = "";

    setup_spied(NULL);
    spy_generate("refuse 0x171 0x40000600"); /* CKA_COPYABLE, CKA_ALLOWED_MECHANISMS */
    CHECK(pipe(pipes) == 0 && (saved = dup(2)) >= 0 && dup2(pipes[1], 2) == 2);
    pkey = generate("poor", "cipher");
    CHECK(dup2(saved, 2) == 2 && read(pipes[0], said, sizeof(said) - 1) > 0);
    CHECK(pkey != NULL && ERR_peek_error() == 0);
    CHECK_HAS(said, "'poor' was made without CKA_COPYABLE, CKA_ALLOWED_MECHANISMS");
    shown = token_show("prod", USER_PIN, "poor");
    CHECK_HAS(shown, "copyable=1");
    CHECK_HAS(shown, "modifiable=0");
    CHECK_HAS(shown, "sensitive=1");
    CHECK(strstr(shown, "allowed=") == NULL);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

/* Where nobody reads standard error any more, and where another file has its number. */
static void attributes_refused_to_nobody(void)
{
    const char *path = write_file("data", "", 0);
    int saved = -1, pipes[2], fd;
    char said[8];

    setup_spied(NULL);
    spy_generate("refuse 0x171");
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    CHECK(pipe(pipes) == 0 && (saved = dup(2)) >= 0 && dup2(pipes[1], 2) == 2);
    CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0);
    EVP_PKEY_free(generate("unread", "cipher"));
    CHECK((fd = open(path, O_RDWR)) >= 0 && dup2(fd, 2) == 2);
    EVP_PKEY_free(generate("elsewhere", "cipher"));
    CHECK(dup2(saved, 2) == 2);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && read(fd, said, sizeof(said)) == 0);
    CHECK_HAS(token_show("prod", USER_PIN, "unread"), "copyable=1");
    CHECK_HAS(token_show("prod", USER_PIN, "elsewhere"), "copyable=1");
    OSSL_LIB_CTX_free(context);
}

/* As NSS answers; nothing was made, so it is tried again. */
static void attributes_refused_oddly(void)
{
    EVP_PKEY *pkey;

    setup_spied("C_GenerateKey:1:0x5");
    pkey = generate("odd", "cipher");
    CHECK(pkey != NULL && spy_calls("C_GenerateKey") == 2);
    CHECK_HAS(token_show("prod", USER_PIN, "odd"), "keys=1\n");
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

/* What protects the key is never left out. */
static void vital_attributes_refused(void)
{
    setup_spied(NULL);
    spy_generate("refuse 0x103"); /* CKA_SENSITIVE */
    refused("never", "cipher", "CKR_ATTRIBUTE_TYPE_INVALID");
    CHECK(spy_calls("C_GenerateKey") == 8);
    OSSL_LIB_CTX_free(context);
}

/* A module that says yes and does otherwise: the key goes again. */
static void vital_attributes_ignored(void)
{
    static const char *const flips[][2] = { { "flip 0x103", "CKA_SENSITIVE" },
                                            { "flip 0x162", "CKA_EXTRACTABLE" },
                                            { "flip 0x106", "CKA_WRAP" },
                                            { "flip 0x107", "CKA_UNWRAP" },
                                            { "flip 0x10c", "CKA_DERIVE" } };

    setup_spied(NULL);
    for (size_t i = 0; i < sizeof(flips) / sizeof(flips[0]); i++) {
        const char *words;

        spy_generate(flips[i][0]);
        CHECK(generate("lie", "any") == NULL);
        words = error_text();
        CHECK_HAS(words, "destroyed again");
        CHECK_HAS(words, flips[i][1]);
    }
    spy_generate("");
    EVP_PKEY_free(generate("lie", "any"));
    CHECK_HAS(token_show("prod", USER_PIN, "lie"), "keys=1\n");
    OSSL_LIB_CTX_free(context);
}

static void fails_with(const char *fail, const char *words, unsigned calls)
{
    setup_spied(fail);
    refused("new", "cipher", words);
    CHECK(spy_calls("C_GenerateKey") == calls);
    OSSL_LIB_CTX_free(context);
}

static void full_token(void)
{
    fails_with("C_GenerateKey:1+:0x31", "CKR_DEVICE_MEMORY", 1);
}
static void read_only_token(void)
{
    fails_with("C_GenerateKey:1+:0xe2", "CKR_TOKEN_WRITE_PROTECTED", 1);
}
static void no_such_mechanism(void)
{
    fails_with("C_GenerateKey:1+:0x70", "CKR_MECHANISM_INVALID", 1);
}
/* It may have made the key before it was lost: not once more. */
static void lost_in_the_middle(void)
{
    fails_with("C_GenerateKey:1+:0x32", "CKR_DEVICE_REMOVED", 1);
}
static void no_random_numbers(void)
{
    fails_with("C_GenerateRandom:1+:0x120", "CKR_RANDOM_SEED_NOT_SUPPORTED", 0);
}

/* A session that was lost before costs nothing. */
static void lost_before(void)
{
    EVP_PKEY *pkey;

    setup_spied("C_FindObjectsInit:1:0xb3");
    pkey = generate("new", "cipher");
    CHECK(pkey != NULL && spy_failures() == 1 && ERR_peek_error() == 0);
    EVP_PKEY_free(pkey);
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(every_usage),
        CHILD_TEST(references_find_them),
        CHILD_TEST(bad_requests),
        CHILD_TEST(attributes_refused),
        CHILD_TEST(attributes_refused_to_nobody),
        CHILD_TEST(attributes_refused_oddly),
        CHILD_TEST(vital_attributes_refused),
        CHILD_TEST(vital_attributes_ignored),
        CHILD_TEST(full_token),
        CHILD_TEST(read_only_token),
        CHILD_TEST(no_such_mechanism),
        CHILD_TEST(lost_in_the_middle),
        CHILD_TEST(no_random_numbers),
        CHILD_TEST(lost_before),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
