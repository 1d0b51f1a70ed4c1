/*
 * The configuration (config.[ch]): every key, its default, its environment twin, and everything
 * that is no value of it.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "core.h"
#include "hsmzke/hsmzke.h"

static const struct setting nothing[] = { { NULL, NULL } };

static void defaults(void **state)
{
    struct config config;

    (void)state;
    for (int upcall = 0; upcall < 2; upcall++) {
        if (upcall == 1)
            core_configure(&config, nothing);
        else
            core_configure_without_upcall(&config);
        assert_false(config.wrong);
        assert_string_equal(config.hsm.module, HSMZKE_DEFAULT_PKCS11_MODULE);
        assert_null(config.hsm.init_args);
        assert_null(config.hsm.token);
        assert_null(config.hsm.pin_source);
        assert_null(config.hsm.credentials);
        assert_int_equal(config.hsm.sessions, 16);
        assert_int_equal(config.hsm.wait, 5000);
        assert_int_equal(config.hsm.reuse, 60);
        assert_true(config.gateway);
        assert_false(config.raw_keys);
        assert_null(config_lookup(&config, "keys", "gold"));
        config_clear(&config);
    }
}

static void check_every_key(const struct config *config)
{
    assert_false(config->wrong);
    assert_string_equal(config->hsm.module, "/lib/module.so");
    assert_string_equal(config->hsm.init_args, "args=1");
    assert_string_equal(config->hsm.token, "pkcs11:token=prod");
    assert_string_equal(config->hsm.pin_source, "file:/pin");
    assert_int_equal(config->hsm.sessions, 3);
    assert_int_equal(config->hsm.wait, 17);
    assert_int_equal(config->hsm.reuse, 0);
    assert_false(config->gateway);
    assert_true(config->raw_keys);
    assert_int_equal(config->policy, KEY_POLICY_STRICT);
}

static void every_key(void **state)
{
    char module[] = "/lib/module.so";
    const struct setting settings[] = {
        { "pkcs11-module", module },
        { "pkcs11-init-args", "args=1" },
        { "token", "pkcs11:token=prod" },
        { "pin-source", "file:/pin" },
        { "sessions", "3" },
        { "session-wait", "17" },
        { "operation-reuse", "0" },
        { "gateway", "no" },
        { "raw-keys", "software" },
        { "key-policy", "strict" },
        { NULL, NULL },
    };
    struct config config;

    (void)state;
    core_configure(&config, settings);
    memset(module, 'x', sizeof(module) - 1); /* it is the provider's own by now */
    check_every_key(&config);
    config_clear(&config);
}

static const struct setting twins[] = {
    { "HSMZKE_PKCS11_MODULE", "/lib/module.so" },
    { "HSMZKE_PKCS11_INIT_ARGS", "args=1" },
    { "HSMZKE_TOKEN", "pkcs11:token=prod" },
    { "HSMZKE_PIN_SOURCE", "file:/pin" },
    { "HSMZKE_SESSIONS", "3" },
    { "HSMZKE_SESSION_WAIT", "17" },
    { "HSMZKE_OPERATION_REUSE", "0" },
    { "HSMZKE_GATEWAY", "no" },
    { "HSMZKE_RAW_KEYS", "software" },
    { "HSMZKE_KEY_POLICY", "strict" },
    { NULL, NULL },
};

static void environment_twins(void **state)
{
    const struct setting overruled[] = {
        { "pkcs11-module", "/other.so" },
        { "pkcs11-init-args", "other" },
        { "token", "pkcs11:token=other" },
        { "pin-source", "env:OTHER" },
        { "sessions", "not a number" }, /* nobody reads it */
        { "session-wait", "18" },
        { "operation-reuse", "19" },
        { "gateway", "yes" },
        { "raw-keys", "refuse" },
        { "key-policy", "off" },
        { NULL, NULL },
    };
    struct config config;

    (void)state;
    for (const struct setting *twin = twins; twin->name != NULL; twin++)
        assert_int_equal(setenv(twin->name, twin->value, 1), 0);
    core_configure(&config, nothing);
    check_every_key(&config);
    config_clear(&config);
    core_configure(&config, overruled);
    check_every_key(&config);
    config_clear(&config);
}

/* Read once: what changes later is for the next process. */
static void environment_is_read_once(void **state)
{
    struct config config;

    (void)state;
    assert_int_equal(setenv("HSMZKE_TOKEN", "pkcs11:token=prod", 1), 0);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/run/credentials", 1), 0);
    core_configure(&config, nothing);
    assert_int_equal(clearenv(), 0);
    assert_string_equal(config.hsm.token, "pkcs11:token=prod");
    assert_string_equal(config.hsm.credentials, "/run/credentials");
    config_clear(&config);
}

/* An empty text takes a setting back to its default. */
static void empty_texts(void **state)
{
    const struct setting settings[] = { { "pkcs11-module", "" },
                                        { "token", "pkcs11:token=prod" },
                                        { "pin-source", "" },
                                        { "pkcs11-init-args", "" },
                                        { NULL, NULL } };
    struct config config;

    (void)state;
    assert_int_equal(setenv("HSMZKE_TOKEN", "", 1), 0);
    core_configure(&config, settings);
    assert_false(config.wrong);
    assert_string_equal(config.hsm.module, HSMZKE_DEFAULT_PKCS11_MODULE);
    assert_null(config.hsm.token);
    assert_null(config.hsm.pin_source);
    assert_null(config.hsm.init_args);
    config_clear(&config);
}

/* The setting is wrong, and the words name key and value. */
static void refused(const char *name, const char *value, const char *words)
{
    const struct setting settings[] = { { name, value }, { NULL, NULL } };
    struct config config;

    core_configure(&config, settings);
    if (!config.wrong)
        fail_msg("%s = '%s' was taken", name, value);
    assert_int_equal(config.why.reason, FAILURE_CONFIGURATION);
    CHECK_HAS(config.why.text, text("%s = '%s'", name, value));
    CHECK_HAS(config.why.text, words);
    CHECK_HAS(config.in_force, words);
    config_clear(&config);
}

static void taken(const char *name, const char *value)
{
    const struct setting settings[] = { { name, value }, { NULL, NULL } };
    struct config config;

    core_configure(&config, settings);
    if (config.wrong)
        fail_msg("%s", config.why.text);
    config_clear(&config);
}

static void wrong_words(void **state)
{
    static const char *const values[] = { "", "Yes", "NO", "true", "1", "yes ", " no", "yesno" };

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        refused("gateway", values[i], "must be 'no' or 'yes'");
        refused("raw-keys", values[i], "must be 'refuse' or 'software'");
        refused("references-elsewhere", values[i], "must be 'refuse' or 'allow'");
    }
    taken("references-elsewhere", "refuse");
    taken("references-elsewhere", "allow");
    taken("gateway", "yes");
    taken("raw-keys", "refuse");
    refused("raw-keys", "yes", "must be 'refuse' or 'software'");
    refused("gateway", "software", "must be 'no' or 'yes'");
}

static void wrong_numbers(void **state)
{
    static const char *const names[] = { "sessions", "session-wait", "operation-reuse" };
    static const char *const values[] = {
        "",
        "x",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1s",
        "0x10",
        "1.5",
        "4294967297",
        "18446744073709551617",
        "99999999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++)
            refused(names[i], values[j], "must be a number from");
    }
}

static void bounds_of_numbers(void **state)
{
    (void)state;
    refused("sessions", "0", "from 1 to 1024");
    taken("sessions", "1");
    taken("sessions", "1024");
    refused("sessions", "1025", "from 1 to 1024");
    taken("session-wait", "0");
    taken("session-wait", "3600000");
    refused("session-wait", "3600001", "from 0 to 3600000");
    taken("operation-reuse", "0");
    taken("operation-reuse", "86400");
    refused("operation-reuse", "86401", "from 0 to 86400");
    taken("gcm-buffer", "0");
    taken("gcm-buffer", "4294967295");
    refused("gcm-buffer", "4294967296", "from 0 to 4294967295");
    refused("gcm-min-tag", "3", "from 4 to 16");
    taken("gcm-min-tag", "4");
    refused("gcm-min-tag", "17", "from 4 to 16");
    taken("gcm-one-shot", "auto");
    taken("gcm-one-shot", "always");
    taken("gcm-one-shot", "never");
    refused("gcm-one-shot", "sometimes", "'auto', 'always' or 'never'");
    taken("key-policy", "strict");
    taken("key-policy", "warn");
    taken("key-policy", "off");
    refused("key-policy", "Strict", "'strict', 'warn' or 'off'");
}

static void wrong_twin(void **state)
{
    struct config config;

    (void)state;
    assert_int_equal(setenv("HSMZKE_SESSIONS", "many", 1), 0);
    core_configure(&config, nothing);
    assert_true(config.wrong);
    CHECK_HAS(config.why.text, "sessions = 'many'");
    assert_int_equal(config.hsm.sessions, 16);
    config_clear(&config);
}

/* Keys of the design that this version does not serve, unless they ask for what it does anyway. */
static void unserved_keys(void **state)
{
    static const struct {
        const char *name, *served;
    } keys[] = {
        { "parallel", "1" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        refused(keys[i].name, "syslog", "does not serve");
        if (keys[i].served != NULL)
            taken(keys[i].name, keys[i].served);
    }
}

static void unserved_twins(void **state)
{
    struct config config;

    (void)state;
    assert_int_equal(setenv("HSMZKE_PARALLEL", "4", 1), 0);
    core_configure(&config, nothing);
    assert_true(config.wrong);
    CHECK_HAS(config.why.text, "parallel = ");
    config_clear(&config);
    assert_int_equal(setenv("HSMZKE_PARALLEL", "1", 1), 0);
    taken("parallel", "2");
    assert_int_equal(unsetenv("HSMZKE_PARALLEL"), 0);
}

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
    refused("token.2", "pkcs11:token=b", "token.1 is not set");
    refused("token.9", "pkcs11:token=b", "8 tokens at most");
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

static void audit(void **state)
{
    static const struct setting file[] = { { "audit", "file:/var/log/a" }, { NULL, NULL } };
    struct config config;

    (void)state;
    taken("audit", "off");
    taken("audit", "stderr");
    taken("audit", "syslog");
    core_configure(&config, file);
    assert_false(config.wrong);
    assert_string_equal(config.audit, "file:/var/log/a");
    config_clear(&config);
    core_configure(&config, nothing);
    assert_string_equal(config.audit, "off");
    config_clear(&config);
    refused("audit", "", "must be 'off'");
    refused("audit", "Syslog", "must be 'off'");
    refused("audit", "file:audit.log", "must be 'off'");
    refused("audit", "yes", "must be 'off'");
    assert_int_equal(setenv("HSMZKE_AUDIT", "off", 1), 0);
    taken("audit", "yes");
    assert_int_equal(unsetenv("HSMZKE_AUDIT"), 0);
}

static void first_wrong_is_kept(void **state)
{
    const struct setting settings[] = {
        { "raw-keys", "maybe" }, { "sessions", "many" }, { "audit", "maybe" }, { NULL, NULL }
    };
    struct config config;

    (void)state;
    core_configure(&config, settings);
    assert_true(config.wrong);
    CHECK_HAS(config.why.text, "raw-keys = 'maybe'");
    config_clear(&config);
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
    refused("keys", "no_such_section", "names no section");
    refused("identities", "no_such_section", "names no section");
}

#define TEST(function) cmocka_unit_test_setup(function, core_clear_environment)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults),
        TEST(every_key),
        TEST(environment_twins),
        TEST(environment_is_read_once),
        TEST(empty_texts),
        TEST(wrong_words),
        TEST(wrong_numbers),
        TEST(bounds_of_numbers),
        TEST(wrong_twin),
        TEST(unserved_keys),
        TEST(unserved_twins),
        TEST(tokens),
        TEST(tokens_of_environment),
        TEST(audit),
        TEST(first_wrong_is_kept),
        TEST(sections),
        TEST(long_names),
        TEST(no_sections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
