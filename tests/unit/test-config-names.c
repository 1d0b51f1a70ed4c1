/*
 * Settings whose names are the user's (config.[ch]): the sections of keys and identities, and the
 * numbered tokens of an HA group.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "hsmzke/hsmzke.h"

/* token.1, token.2, ...: numbered from 1 on without a gap, and not beside `token`. */
static void tokens(void **state)
{
    static const struct setting pair[] = { { "token.1", "pkcs11:token=a" },
                                           { "token.2", "pkcs11:token=b" },
                                           { NULL, NULL } };
    static const struct setting gap[] = { { "token.1", "pkcs11:token=a" },
                                          { "token.3", "pkcs11:token=c" },
                                          { NULL, NULL } };
    static const struct setting both[] = { { "token", "pkcs11:token=a" },
                                           { "token.1", "pkcs11:token=a" },
                                           { NULL, NULL } };
    static const struct {
        const struct setting *settings;
        const char *words;
    } wrong[] = { { gap, "token.2 is not set" }, { both, "`token` is set as well" } };
    struct config config;

    (void)state;
    core_configure(&config, pair);
    assert_false(config.wrong);
    assert_null(config.hsm.token);
    assert_string_equal(config.hsm.tokens[0], "pkcs11:token=a");
    assert_string_equal(config.hsm.tokens[1], "pkcs11:token=b");
    assert_null(config.hsm.tokens[2]);
    config_clear(&config);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        core_configure(&config, wrong[i].settings);
        assert_true(config.wrong);
        CHECK_HAS(config.why.text, wrong[i].words);
        config_clear(&config);
    }
    core_refuses("token.2", "pkcs11:token=b", "token.1 is not set");
    core_refuses("token.9", "pkcs11:token=b", "8 tokens at most");
}

static void tokens_of_environment(void **state)
{
    static const struct setting file[] = { { "token", "pkcs11:token=a" }, { NULL, NULL } };
    struct config config;

    (void)state;
    assert_int_equal(setenv("HSMZKE_TOKEN", "", 1), 0); /* takes the file's back */
    assert_int_equal(setenv("HSMZKE_TOKEN_1", "pkcs11:token=b", 1), 0);
    core_configure(&config, file);
    assert_false(config.wrong);
    assert_null(config.hsm.token);
    assert_string_equal(config.hsm.tokens[0], "pkcs11:token=b");
    config_clear(&config);
    assert_int_equal(unsetenv("HSMZKE_TOKEN"), 0);
    core_configure(&config, file);
    assert_true(config.wrong);
    config_clear(&config);
    assert_int_equal(unsetenv("HSMZKE_TOKEN_1"), 0);
}

/* The core hands a section on as "keys.NAME"; the bare key means that it found none. */
static void sections(void **state)
{
    const struct setting settings[] = {
        { "keys.gold", "pkcs11:object=gold" },
        { "keys.silver", "pkcs11:object=silver" },
        { "identities.gold", "0123456789abcdef" },
        { NULL, NULL },
    };
    struct config config;

    (void)state;
    core_configure(&config, settings);
    assert_false(config.wrong);
    assert_string_equal(config_lookup(&config, HSMZKE_PARAM_KEYS, "gold"), "pkcs11:object=gold");
    assert_string_equal(config_lookup(&config, HSMZKE_PARAM_KEYS, "silver"),
                        "pkcs11:object=silver");
    assert_string_equal(config_lookup(&config, HSMZKE_PARAM_IDENTITIES, "gold"),
                        "0123456789abcdef");
    assert_null(config_lookup(&config, HSMZKE_PARAM_IDENTITIES, "silver"));
    assert_null(config_lookup(&config, HSMZKE_PARAM_KEYS, "Gold"));
    assert_null(config_lookup(&config, HSMZKE_PARAM_KEYS, ""));
    config_clear(&config);
}

/* A name that is longer than any parameter's is not found under the name that is left of it. */
static void long_names(void **state)
{
    char key[600] = "keys.", name[2000];
    const struct setting settings[] = { { key, "pkcs11:" }, { NULL, NULL } };
    struct config config;

    (void)state;
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    core_configure(&config, settings);
    for (size_t length = 5; length < sizeof(key) - 1; length++) {
        key[length] = 'n';
        assert_null(config_lookup(&config, HSMZKE_PARAM_KEYS, name));
    }
    config_clear(&config);
}

static void no_sections(void **state)
{
    (void)state;
    core_refuses("keys", "no_such_section", "names no section");
    core_refuses("identities", "no_such_section", "names no section");
}

#define TEST(function) cmocka_unit_test_setup(function, core_clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tokens),     TEST(tokens_of_environment), TEST(sections),
        TEST(long_names), TEST(no_sections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
