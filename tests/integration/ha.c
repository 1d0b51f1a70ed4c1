/*
 * HA groups (token.1, token.2): the same key on two tokens, and what becomes of a token that has
 * another key, none, a PIN that is not accepted, or dies.  The second token is reached through the
 * spy, which can make it dead.
 */
#include "ha.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/params.h>

#include <hsmzke/hsmzke.h>

#include "audit-log.h"
#include "loads.h"

enum { REMOVED = 0x32 /* CKR_DEVICE_REMOVED */ };

static void all_right(OSSL_LIB_CTX *context, void (*between)(void))
{
    for (size_t kind = 0; kind < ha_kinds(); kind++) {
        const int result = ha_message(context, kind, 4096, between);

        if (result != 1)
            testing_failed(
                __FILE__, __LINE__,
                text("%s: %s", ha_kind(kind), result < 0 ? "wrong bytes" : error_text()));
    }
}

/* How many operations a token has done, by the audit log. */
static unsigned done_by(const char *path, const char *token)
{
    unsigned count = 0;

    for (const char **line = log_lines(path); *line != NULL; line++)
        count += strcmp(log_field(*line, "event"), "operation") == 0 &&
                 strcmp(log_field(*line, "token"), token) == 0 &&
                 strcmp(log_field(*line, "result"), "CKR_OK") == 0;
    return count;
}

static bool told(const char *path, const char *part)
{
    for (const char **line = log_lines(path); *line != NULL; line++) {
        if (strstr(*line, "key-refused") != NULL && strstr(*line, part) != NULL)
            return true;
    }
    return false;
}

static OSSL_LIB_CTX *logged(const char *settings, const char *sections, const char *path)
{
    return context_with(text("%saudit = file:%s\n", settings, path), sections);
}

static void spread(void)
{
    const char *path = log_path();
    unsigned left, right;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    all_right(logged(ha_group(""), NULL, path), NULL);
    left = done_by(path, "left");
    right = done_by(path, "right");
    printf("ha: %u operations on token left, %u on token right\n", left, right);
    CHECK(left > 5 && right > 5);
}

static void another_key(void)
{
    const char *words;

    ha_two_tokens(HA_GOLD, "gold " SILVER_KEY "\n");
    words = name_refused(context_with(ha_group(""), NULL), "AES-256-CBC", "gold");
    CHECK_HAS(words, "'left'");
    CHECK_HAS(words, "'right'");
    CHECK_HAS(words, "aes:");
    CHECK_HAS(words, "identities");
}

/* The pin says which of the two it is; the other is never used. */
static void pinned(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;

    ha_two_tokens("gold " SILVER_KEY "\n", HA_GOLD);
    context = logged(text("%sidentities = ids\n", ha_group("")), "[ids]\ngold = cdd2021c5ef5d349\n",
                     path);
    all_right(context, NULL);
    CHECK(done_by(path, "left") == 0 && done_by(path, "right") > 10);
    CHECK(told(path, "is not the one that `identities` names"));
}

static void pinned_to_none(void)
{
    ha_two_tokens("gold " SILVER_KEY "\n", "gold " SILVER_KEY "\n");
    CHECK_HAS(name_refused(context_with(text("%sidentities = ids\n", ha_group("")),
                                        "[ids]\ngold = cdd2021c5ef5d349\n"),
                           "AES-256-CBC", "gold"),
              "identities");
}

static void missing(void)
{
    const char *path = log_path(), *words;
    OSSL_LIB_CTX *context;

    ha_two_tokens("other " SILVER_KEY "\n", HA_GOLD);
    context = logged(ha_group(""), NULL, path);
    all_right(context, NULL);
    CHECK(done_by(path, "left") == 0 && done_by(path, "right") > 10);
    CHECK(told(path, "has no secret key 'gold'"));
    words = name_refused(context, "AES-256-CBC", "nowhere");
    CHECK_HAS(words, "'left'");
    CHECK_HAS(words, "'right'");
}

/* The identity of an HMAC key is unknown: nobody can say that two of them are one. */
static void unknown(void)
{
    static const char secret[] = "seal " GOLD_KEY " type=generic\n";
    OSSL_LIB_CTX *context;

    ha_two_tokens(secret, secret);
    context = context_with(ha_group(""), NULL);
    CHECK_HAS(mac_refused(context, "HMAC", "SHA256", "seal"), "unknown");
}

/* On one token only there is nothing to agree on. */
static void unknown_alone(void)
{
    struct mac_message message = { .mac = "HMAC",
                                   .algorithm = "SHA256",
                                   .key_size = 32,
                                   .in = (const unsigned char *)"message",
                                   .size = 7 };
    unsigned char reference[32], raw[32], ours[64];

    ha_two_tokens(HA_GOLD, "seal " GOLD_KEY " type=generic\n");
    reference_by_name(reference, "seal");
    unhex(GOLD_KEY, raw, sizeof(raw));
    message.key = reference;
    CHECK(mac_run(context_with(ha_group(""), NULL), &message) == 1);
    memcpy(ours, message.out, message.out_size);
    message.key = raw;
    CHECK(mac_run(context_default(), &message) == 1);
    CHECK(memcmp(ours, message.out, message.out_size) == 0);
}

static void pin_refused(void)
{
    const char *path = log_path(), *words;
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    context = logged(ha_group(text("?pin-source=%s", pin_file("4321\n"))), NULL, path);
    all_right(context, NULL);
    CHECK(done_by(path, "right") == 0 && done_by(path, "left") > 10);
    CHECK(told(path, "PIN"));
    /* Another key asks for that token again: its PIN is not tried again. */
    words = name_refused(context, "AES-256-CBC", "silver");
    CHECK_HAS(words, "not tried again");
}

static void wrong(const char *lines, const char *words)
{
    OSSL_LIB_CTX *context = context_with(settings_for(module_path(), lines), NULL);

    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), words);
}

static void wrong_configuration(void)
{
    ha_two_tokens(HA_GOLD, HA_GOLD);
    wrong("token = pkcs11:token=left\ntoken.1 = pkcs11:token=right\n", "`token` is set as well");
    wrong("token.2 = pkcs11:token=left\n", "token.1 is not set");
    wrong("token.1 = pkcs11:token=left\ntoken.3 = pkcs11:token=right\n", "token.2 is not set");
    wrong("token.1 = pkcs11:token=left\ntoken.2 = pkcs11:token=left\n", "are the same");
    wrong("token.1 = pkcs11:token=left\ntoken.2 = left\n", "`token.2` is no usable PKCS#11 URI");
}

/* ---- a token that dies ---- */

static int turn;

static void flip(void)
{
    spy_gone(turn++ % 2 == 0 ? REMOVED : 0);
}

/* The second token serves again, after a rest or two. */
static void until_served(OSSL_LIB_CTX *context, const char *path, unsigned before)
{
    for (int i = 0; i < 20 && done_by(path, "right") <= before; i++) {
        sleep(1);
        all_right(context, NULL);
    }
    CHECK(done_by(path, "right") > before);
}

static void dies_and_comes_back(void)
{
    const char *path = log_path();
    unsigned before;
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    context = logged(ha_group_spied(), NULL, path);
    all_right(context, NULL);
    before = done_by(path, "right");
    CHECK(before > 5);
    spy_gone(REMOVED);
    all_right(context, NULL);
    CHECK(done_by(path, "right") == before);
    spy_gone(0);
    until_served(context, path, before);
}

/* In the middle of each message, between any two of its updates. */
static void in_mid_message(void)
{
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    context = context_with(ha_group_spied(), NULL);
    for (int i = 0; i < (quick() ? 2 : 20); i++)
        all_right(context, flip);
}

/* It is down when the key is set, and is found later. */
static void comes_later(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    spy_gone(REMOVED);
    context = logged(ha_group_spied(), NULL, path);
    all_right(context, NULL);
    CHECK(done_by(path, "right") == 0);
    spy_gone(0);
    until_served(context, path, 5);
}

/* The same, with another key on it by then: the group has an identity already. */
static void comes_with_another(void)
{
    const char *path = log_path();
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, "gold " SILVER_KEY "\n");
    spy_gone(REMOVED);
    context = logged(ha_group_spied(), NULL, path);
    all_right(context, NULL);
    spy_gone(0);
    sleep(2);
    all_right(context, NULL);
    all_right(context, NULL);
    CHECK(done_by(path, "right") == 0);
    CHECK(told(path, "is not told to be the one on token"));
}

static void both_die(void)
{
    OSSL_LIB_CTX *context;
    const char *words;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    context = context_with(ha_group_all_spied(), NULL);
    all_right(context, NULL);
    spy_gone(REMOVED);
    words = name_refused(context, "AES-256-CBC", "gold");
    CHECK_HAS(words, "no token of the group serves key 'gold'");
    spy_gone(0);
    all_right(context, NULL); /* at once: none is left that could rest */
}

static void in_child_too(void *context)
{
    all_right(context, NULL);
}

static void forks(void)
{
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    context = context_with(ha_group(""), NULL);
    all_right(context, NULL);
    CHECK(run_child(in_child_too, context) == 0);
    all_right(context, NULL);
}

/* Each key is judged: SoftHSM's imported ones have a finding, so no token is left. */
static void policy(void)
{
    OSSL_LIB_CTX *context;

    ha_two_tokens(HA_GOLD, HA_GOLD);
    setenv("HSMZKE_KEY_POLICY", "strict", 1);
    context = context_with(ha_group(""), NULL);
    CHECK_HAS(name_refused(context, "AES-256-CBC", "gold"), "key-policy = strict");
    setenv("HSMZKE_KEY_POLICY", "warn", 1);
    all_right(context_with(ha_group(""), NULL), NULL);
}

/* A new key with the label "new"; `token` NULL: none is named. */
static bool generates(OSSL_LIB_CTX *context, const char *token)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(context, HSMZKE_PKEY_TYPE, NULL);
    char label[] = "new", *its = token != NULL ? strdup(token) : NULL;
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM params[3];
    bool made;

    params[0] = OSSL_PARAM_construct_utf8_string(HSMZKE_PKEY_PARAM_LABEL, label, 0);
    params[1] = its != NULL ? OSSL_PARAM_construct_utf8_string(HSMZKE_PKEY_PARAM_TOKEN, its, 0)
                            : OSSL_PARAM_construct_end();
    params[2] = OSSL_PARAM_construct_end();
    CHECK(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1 &&
          EVP_PKEY_CTX_set_params(ctx, params) == 1);
    made = EVP_PKEY_generate(ctx, &pkey) == 1;
    EVP_PKEY_free(pkey);
    EVP_PKEY_CTX_free(ctx);
    free(its);
    return made;
}

static void lists_and_makes_keys(void)
{
    OSSL_LIB_CTX *context;
    const char *output;

    ha_two_tokens(HA_GOLD "one " SILVER_KEY "\n", HA_GOLD "two " SILVER_KEY "\n");
    context = context_with(ha_group(""), NULL);
    output = loads(context, "hsmzke:", 0);
    CHECK(output != NULL);
    CHECK_HAS(output, "hsmzke:y4KctdcFRsGUNnVTruBnrxixw");
    CHECK_HAS(output, "hsmzke:one");
    CHECK_HAS(output, "hsmzke:two");
    CHECK(strlen(output) == strlen("hsmzke:y4KctdcFRsGUNnVTruBnrxixw hsmzke:one hsmzke:two "));
    output = loads(context, "pkcs11:token=right;object=two", 0);
    CHECK(output != NULL);
    CHECK_HAS(output, "hsmzke:two");
    CHECK(!generates(context, NULL));
    CHECK_HAS(error_text(), "token:LABEL");
    CHECK(generates(context, "right"));
    CHECK_HAS(token_show("right", USER_PIN, "new"), "keys=1");
    output = loads(context, "pkcs11:token=left;object=new", 0);
    CHECK(output != NULL && *output == '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(spread),
        CHILD_TEST(another_key),
        CHILD_TEST(pinned),
        CHILD_TEST(pinned_to_none),
        CHILD_TEST(missing),
        CHILD_TEST(unknown),
        CHILD_TEST(unknown_alone),
        CHILD_TEST(pin_refused),
        CHILD_TEST(wrong_configuration),
        CHILD_TEST(dies_and_comes_back),
        CHILD_TEST(in_mid_message),
        CHILD_TEST(comes_later),
        CHILD_TEST(comes_with_another),
        CHILD_TEST(both_die),
        CHILD_TEST(forks),
        CHILD_TEST(policy),
        CHILD_TEST(lists_and_makes_keys),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
