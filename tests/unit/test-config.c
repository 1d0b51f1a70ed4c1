/*
 * The configuration (config.[ch]): every key, its default, its environment twin, and everything
 * that is no value of it.  Sections and groups of tokens: test-config-names.c.
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
        assert_int_equal(config.hsm.parallel, 1);
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
    assert_int_equal(config->hsm.parallel, 4);
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
        { "parallel", "4" },
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
    { "HSMZKE_PARALLEL", "4" },
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
        { "parallel", "0" },
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

static void wrong_words(void **state)
{
    static const char *const values[] = { "", "Yes", "NO", "true", "1", "yes ", " no", "yesno" };

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        core_refuses("gateway", values[i], "must be 'no' or 'yes'");
        core_refuses("raw-keys", values[i], "must be 'refuse' or 'software'");
        core_refuses("references-elsewhere", values[i], "must be 'refuse' or 'allow'");
    }
    core_takes("references-elsewhere", "refuse");
    core_takes("references-elsewhere", "allow");
    core_takes("gateway", "yes");
    core_takes("raw-keys", "refuse");
    core_refuses("raw-keys", "yes", "must be 'refuse' or 'software'");
    core_refuses("gateway", "software", "must be 'no' or 'yes'");
}

static void wrong_numbers(void **state)
{
    static const char *const names[] = { "sessions", "session-wait", "operation-reuse",
                                         "parallel" };
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
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++)
            core_refuses(names[i], values[j], "must be a number from");
    }
}

static void bounds_of_numbers(void **state)
{
    (void)state;
    core_refuses("sessions", "0", "from 1 to 1024");
    core_takes("sessions", "1");
    core_takes("sessions", "1024");
    core_refuses("sessions", "1025", "from 1 to 1024");
    core_takes("session-wait", "0");
    core_takes("session-wait", "3600000");
    core_refuses("session-wait", "3600001", "from 0 to 3600000");
    core_takes("operation-reuse", "0");
    core_takes("operation-reuse", "86400");
    core_refuses("operation-reuse", "86401", "from 0 to 86400");
    core_refuses("parallel", "0", "from 1 to 16");
    core_takes("parallel", "1");
    core_takes("parallel", "16");
    core_refuses("parallel", "17", "from 1 to 16");
    core_takes("gcm-buffer", "0");
    core_takes("gcm-buffer", "4294967295");
    core_refuses("gcm-buffer", "4294967296", "from 0 to 4294967295");
    core_refuses("gcm-min-tag", "3", "from 4 to 16");
    core_takes("gcm-min-tag", "4");
    core_refuses("gcm-min-tag", "17", "from 4 to 16");
    core_takes("gcm-one-shot", "auto");
    core_takes("gcm-one-shot", "always");
    core_takes("gcm-one-shot", "never");
    core_refuses("gcm-one-shot", "sometimes", "'auto', 'always' or 'never'");
    core_takes("key-policy", "strict");
    core_takes("key-policy", "warn");
    core_takes("key-policy", "off");
    core_refuses("key-policy", "Strict", "'strict', 'warn' or 'off'");
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

static void audit(void **state)
{
    static const struct setting file[] = { { "audit", "file:/var/log/a" }, { NULL, NULL } };
    struct config config;

    (void)state;
    core_takes("audit", "off");
    core_takes("audit", "stderr");
    core_takes("audit", "syslog");
    core_configure(&config, file);
    assert_false(config.wrong);
    assert_string_equal(config.audit, "file:/var/log/a");
    config_clear(&config);
    core_configure(&config, nothing);
    assert_string_equal(config.audit, "off");
    config_clear(&config);
    core_refuses("audit", "", "must be 'off'");
    core_refuses("audit", "Syslog", "must be 'off'");
    core_refuses("audit", "file:audit.log", "must be 'off'");
    core_refuses("audit", "yes", "must be 'off'");
    assert_int_equal(setenv("HSMZKE_AUDIT", "off", 1), 0);
    core_takes("audit", "yes");
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
        TEST(audit),
        TEST(first_wrong_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
