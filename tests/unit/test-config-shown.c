/*
 * What the configuration shows of itself (config.[ch]: in_force, and the words of what is wrong):
 * the values in force, and never a PIN.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "core.h"

#define PIN "72951"

/* What is shown of one setting; `expected` must be in it and the PIN not. */
static void shown(const char *name, const char *value, const char *expected)
{
    const struct setting settings[] = { { name, value }, { NULL, NULL } };
    struct config config;

    core_configure(&config, settings);
    CHECK_HAS(config.in_force, expected);
    if (strstr(config.in_force, PIN) != NULL)
        fail_msg("%s = %s: shown is %s", name, value, config.in_force);
    if (config.wrong && strstr(config.why.text, PIN) != NULL)
        fail_msg("%s = %s: said is %s", name, value, config.why.text);
    config_clear(&config);
}

static void values_in_force(void **state)
{
    static const struct setting nothing[] = { { NULL, NULL } };
    static const struct setting all[] = {
        { "pkcs11-module", "/lib/module.so" },
        { "token", "pkcs11:token=prod" },
        { "pin-source", "file:/pin" },
        { "sessions", "3" },
        { "session-wait", "17" },
        { "operation-reuse", "5" },
        { "parallel", "2" },
        { "gateway", "no" },
        { "raw-keys", "software" },
        { "audit", "file:/var/log/a" },
        { "key-policy", "strict" },
        { NULL, NULL },
    };
    struct config config;

    (void)state;
    core_configure(&config, all);
    for (const struct setting *setting = all; setting->name != NULL; setting++)
        CHECK_HAS(config.in_force, text("%s=%s", setting->name, setting->value));
    assert_null(strstr(config.in_force, "ERROR"));
    config_clear(&config);
    core_configure(&config, nothing);
    CHECK_HAS(config.in_force, "token=(the only one)");
    CHECK_HAS(config.in_force, "pin-source=(none)");
    CHECK_HAS(config.in_force, "gateway=yes legacy=no raw-keys=refuse references-elsewhere=refuse "
                               "random=system pkcs11-uris=yes key-policy=warn sessions=16");
    config_clear(&config);
}

/* The provider works with it all the same. */
static void pin_in_the_token_uri(void **state)
{
    static const struct setting settings[] = {
        { "token", "pkcs11:token=prod?pin-value=" PIN },
        { NULL, NULL },
    };
    struct config config;

    (void)state;
    core_configure(&config, settings);
    assert_string_equal(config.hsm.token, "pkcs11:token=prod?pin-value=" PIN);
    CHECK_HAS(config.in_force, "token=pkcs11:token=prod?pin-value=*****");
    assert_null(strstr(config.in_force, PIN));
    config_clear(&config);
    assert_int_equal(setenv("HSMZKE_TOKEN", "pkcs11:token=prod?pin-value=" PIN, 1), 0);
    shown("sessions", "3", "pkcs11:token=prod?pin-value=*****");
}

static void what_is_around_the_pin(void **state)
{
    (void)state;
    shown("token", "pkcs11:token=prod?pin-value=" PIN "&module-name=m", "token=prod?pin-value=***");
    shown("token", "pkcs11:token=prod?pin-value=" PIN "&module-name=m", "&module-name=m");
    shown("token", "pkcs11:token=prod?module-name=m&pin-value=" PIN, "module-name=m&pin-value=***");
    shown("token", "pkcs11:token=prod;pin-value=" PIN, "token=prod;pin-value=***");
    shown("token", "pkcs11:pin-value=" PIN ";token=prod", "pin-value=***");
}

/* All that p11-kit takes for a pin-value; it is the parser that gives us the PIN. */
static void pin_twice(void **state)
{
    (void)state;
    shown("token", "pkcs11:token=prod?pin-value=1&pin-value=" PIN, "token=prod");
}

static void pin_with_blanks(void **state)
{
    (void)state;
    shown("token", "pkcs11:token=prod?pin- value=" PIN, "token=prod");
    shown("token", "pkcs11:token=prod?pin-value =" PIN, "token=prod");
    shown("token", "pkcs11:token=prod?pin-\tvalue=" PIN, "token=prod");
}

/* A long URI is cut; what is left of a PIN at the cut is none of it. */
static void long_token_uris(void **state)
{
    char uri[400];

    (void)state;
    for (size_t length = 0; length < 300; length++) {
        memset(uri, 'x', length);
        strcpy(uri + length, "?pin-value=" PIN PIN);
        shown("token", uri, "token=");
    }
}

/* Somebody wrote the PIN itself where its source belongs: pin.c does not show it, either. */
static void pin_instead_of_its_source(void **state)
{
    (void)state;
    shown("pin-source", PIN, "pin-source=");
    shown("pin-source", "pin:" PIN, "pin-source=");
    shown("pin-source", "prompt:" PIN, "pin-source=");
    shown("pin-source", "file:/etc/pin", "pin-source=file:/etc/pin");
    shown("pin-source", "env:APP_PIN", "pin-source=env:APP_PIN");
    shown("pin-source", "fd:3", "pin-source=fd:3");
    shown("pin-source", "credential:hsm", "pin-source=credential:hsm");
    shown("pin-source", "prompt", "pin-source=prompt");
}

/* A token of an HA group, and a URI where a section belongs. */
static void pins_in_what_is_wrong(void **state)
{
    (void)state;
    shown("token.1", "pkcs11:token=prod?pin-value=" PIN, " token.1=pkcs11:");
    shown("keys", "pkcs11:object=gold?pin-value=" PIN, "ERROR");
}

/* As much of it as fits, and no byte more. */
static void long_values(void **state)
{
    char module[3000];
    const struct setting settings[] = {
        { "pkcs11-module", module },
        { "gateway", "maybe" },
        { NULL, NULL },
    };
    struct config config;

    (void)state;
    memset(module, 'm', sizeof(module) - 1);
    module[sizeof(module) - 1] = '\0';
    core_configure(&config, settings);
    assert_string_equal(config.hsm.module, module);
    assert_int_equal(strnlen(config.in_force, sizeof(config.in_force)),
                     sizeof(config.in_force) - 1);
    assert_true(config.wrong);
    CHECK_HAS(config.why.text, "gateway = 'maybe'");
    config_clear(&config);
}

#define TEST(function) cmocka_unit_test_setup(function, core_clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_in_force),
        TEST(pin_in_the_token_uri),
        TEST(what_is_around_the_pin),
        TEST(pin_twice),
        TEST(pin_with_blanks),
        TEST(long_token_uris),
        TEST(pin_instead_of_its_source),
        TEST(pins_in_what_is_wrong),
        TEST(long_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
