/*
 * The oracle's pair is what AES-256 under the key makes of the block, whichever modes the key
 * allows; and what keeps it from being asked is said in words.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../question/pair.h"
#include "../scan/aes.h"

static int setup(void **state)
{
    if (testing_setup(state) != 0)
        return -1;
    token_store();
    token_init("prod", USER_PIN);
    token_import("prod", USER_PIN,
                 "gold " GOLD_KEY " id=" GOLD_ID "\n"
                 "cbc-only " GOLD_KEY " mechanisms=cbc\n"
                 "ctr-only " GOLD_KEY " mechanisms=ctr\n"
                 "gcm-only " GOLD_KEY " mechanisms=gcm\n"
                 "cmac-only " GOLD_KEY " mechanisms=cmac\n"
                 "ctr-back " GOLD_KEY " mechanisms=ctr no-encrypt\n"
                 "ecb-back " GOLD_KEY " mechanisms=ecb no-encrypt\n"
                 "cbc-back " GOLD_KEY " mechanisms=cbc no-encrypt\n"
                 "neither " GOLD_KEY " no-encrypt no-decrypt\n");
    setenv("OPENSSL_CONF", config_file(settings_standard(), NULL), 1);
    return 0;
}

static void is_pair_of(const struct pair *pair, const char *key_hex)
{
    unsigned char key[32], cipher[16];

    unhex(key_hex, key, sizeof(key));
    aes_encrypt(8, key, pair->plain, cipher);
    assert_memory_equal(pair->cipher, cipher, sizeof(cipher));
}

static void gives_pair(const char *reference, const char *mechanism)
{
    static const unsigned char counter[4] = { 0, 0, 0, 2 };
    struct pair pair, again;
    struct failure why;

    if (!pair_ask(&pair, reference, &why) || !pair_ask(&again, reference, &why))
        fail_msg("%s: %s", reference, why.text);
    assert_string_equal(pair.mechanism, mechanism);
    is_pair_of(&pair, GOLD_KEY);
    is_pair_of(&again, GOLD_KEY);
    assert_memory_not_equal(pair.plain, again.plain, 12);
    if (strcmp(mechanism, "AES-256-ECB, decryption") != 0 &&
        strcmp(mechanism, "AES-256-CBC, decryption") != 0)
        assert_memory_equal(pair.plain + 12, counter, sizeof(counter));
}

static void pairs_of_every_mode(void **state)
{
    (void)state;
    gives_pair("hsmzke:gold", "AES-256-ECB");
    gives_pair("hsmzke:y4KctdcFRsGUNnVTruBnrxixw", "AES-256-ECB");
    gives_pair("hsmzke:cbc-only", "AES-256-CBC");
    gives_pair("hsmzke:ctr-only", "AES-256-CTR");
    gives_pair("hsmzke:gcm-only", "AES-256-GCM");
    gives_pair("hsmzke:ctr-back", "AES-256-CTR, decryption");
    gives_pair("hsmzke:ecb-back", "AES-256-ECB, decryption");
    gives_pair("hsmzke:cbc-back", "AES-256-CBC, decryption");
}

static void refuses(const char *reference, const char *words)
{
    struct pair pair;
    struct failure why;

    assert_false(pair_ask(&pair, reference, &why));
    CHECK_HAS(why.text, words);
}

static void refusals_say_why(void **state)
{
    (void)state;
    refuses("gold", "hsmzke:");
    refuses("hsmzke:", "hsmzke:");
    refuses("hsmzke:nobody", "nobody");
    refuses("hsmzke:cmac-only", "allows none of ECB, CBC, CTR and GCM");
    refuses("hsmzke:neither", "allows none of ECB, CBC, CTR and GCM");
}

/* A PIN that is wrong is tried once, and not for each mode again. */
static void a_wrong_pin_is_tried_once(void **state)
{
    const char *before = text("%s", getenv("OPENSSL_CONF"));

    (void)state;
    spy_setup(NULL, NULL);
    setenv("OPENSSL_CONF", config_file(settings_spied(), NULL), 1);
    setenv("HSMZKE_PIN_SOURCE", pin_file("4321"), 1);
    refuses("hsmzke:gold", "PIN");
    assert_int_equal(spy_calls("C_Login"), 1);
    unsetenv("HSMZKE_PIN_SOURCE");
    setenv("OPENSSL_CONF", before, 1);
}

static void without_the_provider_nothing_is_asked(void **state)
{
    const char *before = text("%s", getenv("OPENSSL_CONF"));

    (void)state;
    setenv("OPENSSL_CONF", "/dev/null", 1);
    setenv("OPENSSL_MODULES", work_dir(), 1);
    refuses("hsmzke:gold", "OPENSSL_CONF");
    unsetenv("OPENSSL_MODULES");
    setenv("OPENSSL_CONF", before, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_of_every_mode),
        cmocka_unit_test(refusals_say_why),
        cmocka_unit_test(a_wrong_pin_is_tried_once),
        cmocka_unit_test(without_the_provider_nothing_is_asked),
    };

    return cmocka_run_group_tests(tests, setup, testing_teardown);
}
