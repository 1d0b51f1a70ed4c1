/*
 * What happens to a token while messages are on their way: sessions die, somebody logs out or calls
 * C_Finalize, the token goes and comes back, with other handles, or with another key under the same
 * name.  What can be recovered is; what cannot is refused, and gives nothing out.
 */
#include "midstream.h"

#include <string.h>

#include <openssl/err.h>

#include <hsmzke/hsmzke.h>

static const char *const ciphers[] = { "AES-256-ECB", "AES-256-CBC", "AES-256-CTR", "AES-256-GCM" };
enum { WAYS = 8 }; /* four ciphers in two directions */

static OSSL_LIB_CTX *context;

static void start(const char *script)
{
    token_standard();
    spy_setup(NULL, NULL);
    spy_script(script);
    context = context_with(settings_spied(), NULL);
}

static struct midstream *begin(unsigned way, const char *name, const char *key_hex)
{
    struct midstream *mid = mid_begin(context, name, key_hex, ciphers[way / 2], way % 2 == 0);

    CHECK(mid != NULL);
    return mid;
}

/* ---- what is survived ---- */

/* At calls of all kinds; which of them a message makes is the provider's affair. */
static void survived(const char *before, const char *after)
{
    static const char *const calls[] = { "C_EncryptUpdate:1", "C_EncryptUpdate:2",
                                         "C_DecryptUpdate:2", "C_EncryptInit:1",
                                         "C_DecryptInit:1",   "C_Encrypt:1",
                                         "C_EncryptUpdate:4", "C_Decrypt:1" };
    unsigned happened = 0;

    start("");
    for (unsigned way = 0; way < WAYS; way++) {
        for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
            struct midstream *mid = begin(way, "gold", GOLD_KEY);

            CHECK(mid_piece(mid, false) == 1 && mid_piece(mid, true) == 1);
            spy_tell(text("%s %s%s", before, calls[i], after));
            for (int j = 0; j < 6; j++)
                CHECK(mid_piece(mid, j % 2 == 0) == 1);
            happened += spy_injected() > 0;
            spy_tell("");
            mid_finish(mid);
        }
    }
    printf("%s: happened in %u of %u messages\n", before, happened,
           (unsigned)(WAYS * sizeof(calls) / sizeof(calls[0])));
    CHECK(happened > 0);
    OSSL_LIB_CTX_free(context);
}

static void sessions_die(void)
{
    survived("close", "");
}

static void somebody_logs_out(void)
{
    survived("logout", "");
}

static void token_is_gone_for_a_moment(void)
{
    survived("remove", ":6");
}

static void somebody_finalizes(void)
{
    survived("finalize", "");
}

/* ---- a token that is gone for good, until it is back ---- */

static void token_is_gone(void)
{
    start("");
    for (unsigned way = 0; way < WAYS; way++) {
        struct midstream *mid = begin(way, "gold", GOLD_KEY);

        CHECK(mid_piece(mid, false) == 1 && mid_piece(mid, false) == 1);
        spy_tell("remove *:1");
        CHECK(mid_piece(mid, way % 2 == 0) == 0);
        CHECK_HAS(error_text(), "'prod'");
        CHECK(spy_injected() > 0);
        spy_tell("");
        mid_finish(mid);
    }
    OSSL_LIB_CTX_free(context);
}

/* ---- handles ---- */

/* After the loss the other key is found first, and has the handle that this one had. */
static void handles_are_given_anew(void)
{
    start("renumber");
    for (unsigned way = 0; way < WAYS; way++) {
        struct midstream *gold = begin(way, "gold", GOLD_KEY), *silver;

        CHECK(mid_piece(gold, false) == 1 && mid_piece(gold, false) == 1);
        silver = begin(way, "silver", SILVER_KEY);
        CHECK(mid_piece(silver, false) == 1);
        spy_tell("renumber; close *:1");
        CHECK(mid_piece(silver, false) == 1);
        CHECK(mid_piece(gold, false) == 1);
        spy_tell("renumber; close *:1");
        CHECK(mid_piece(gold, true) == 1);
        CHECK(mid_piece(silver, true) == 1);
        mid_finish(gold);
        mid_finish(silver);
    }
    OSSL_LIB_CTX_free(context);
}

/* ---- another key under the same name ---- */

static void start_two(const char *lines, const char *sections)
{
    token_standard();
    token_import("prod", USER_PIN, "one " GOLD_KEY "\ntwo " SILVER_KEY "\n");
    spy_setup(NULL, NULL);
    context = context_with(text("%s%s", settings_spied(), lines), sections);
}

/* A message that has begun never goes on under another key; also not once the key is back. */
static void another_key_comes_back(void)
{
    start_two("", NULL);
    for (unsigned way = 0; way < WAYS; way++) {
        struct midstream *mid = begin(way, "one", GOLD_KEY);

        CHECK(mid_piece(mid, false) == 1 && mid_piece(mid, false) == 1);
        spy_tell("exchange one two; remove *:1:6");
        CHECK(mid_piece(mid, way % 2 == 0) == 0);
        CHECK_HAS(error_text(), "another one"); /* it has the name, or was there a moment before */
        CHECK(mid_piece(mid, false) == 0);
        CHECK_HAS(error_text(), "was replaced by another one");
        EVP_CIPHER_CTX_free(mid->ctx);
        /* What begins now is under the other one: a name says nothing. */
        mid_finish(begin(way, "one", SILVER_KEY));
        spy_tell("close *:1");
        mid = begin(way, "one", GOLD_KEY);
        CHECK(mid_piece(mid, false) == 0);
        CHECK_HAS(error_text(), "another one has its name");
        EVP_CIPHER_CTX_free(mid->ctx);
        mid_finish(begin(way, "one", GOLD_KEY));
        spy_tell("");
    }
    OSSL_LIB_CTX_free(context);
}

/* With a pin on its identity no message begins under it either. */
static void another_key_is_pinned_out(void)
{
    unsigned char identity[16];

    identity_block(GOLD_KEY, identity);
    start_two(HSMZKE_PARAM_IDENTITIES " = ids\n", text("[ids]\none = %s\n", hex(identity, 8)));
    mid_finish(begin(2, "one", GOLD_KEY));
    spy_tell("exchange one two; close *:1");
    name_refused(context, "AES-256-CBC", "one");
    name_refused(context, "AES-256-GCM", "one");
    CHECK_HAS(name_refused(context, "AES-256-CTR", "one"), "identity");
    spy_tell("");
    mid_finish(begin(2, "one", GOLD_KEY));
    OSSL_LIB_CTX_free(context);
}

/* ---- C_Initialize and C_Finalize of others ---- */

static void initialised_by_another(void *argument)
{
    (void)argument;
    context = context_with(settings_spied(), NULL);
    mid_finish(begin(2, "gold", GOLD_KEY));
    OSSL_LIB_CTX_free(context);
}

/* The module is left alone at exit by who has not initialised it. */
static void not_ours_to_finalize(void **state)
{
    (void)state;
    token_standard();
    spy_setup(NULL, NULL);
    spy_script("initialised");
    CHECK(run_child(initialised_by_another, NULL) == 0);
    CHECK(spy_calls("C_Initialize") > 0 && spy_calls("C_Finalize") == 0);
}

/* It is ours from then on. */
static void finalized_by_who_initialised(void)
{
    start("initialised");
    for (unsigned way = 0; way < WAYS; way++) {
        struct midstream *mid = begin(way, "gold", GOLD_KEY);

        CHECK(mid_piece(mid, false) == 1 && mid_piece(mid, false) == 1);
        spy_tell("initialised; finalize *:1");
        CHECK(mid_piece(mid, false) == 1);
        spy_tell("");
        mid_finish(mid);
    }
    OSSL_LIB_CTX_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(sessions_die),
        CHILD_TEST(somebody_logs_out),
        CHILD_TEST(token_is_gone_for_a_moment),
        CHILD_TEST(somebody_finalizes),
        CHILD_TEST(token_is_gone),
        CHILD_TEST(handles_are_given_anew),
        CHILD_TEST(another_key_comes_back),
        CHILD_TEST(another_key_is_pinned_out),
        CHILD_TEST(finalized_by_who_initialised),
        cmocka_unit_test(not_ours_to_finalize),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
