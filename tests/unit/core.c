/* A core for the tests of the configuration: see core.h. */
#include "testing.h"

#include "core.h"

#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

/* Parameters that are not there are left alone, and no failure: provider-base(7). */
static int get_params(const OSSL_CORE_HANDLE *handle, OSSL_PARAM params[])
{
    const struct setting *setting = (const struct setting *)(const void *)handle;

    for (; setting->name != NULL; setting++) {
        OSSL_PARAM *param = OSSL_PARAM_locate(params, setting->name);

        if (param != NULL && !OSSL_PARAM_set_utf8_ptr(param, setting->value))
            return 0;
    }
    return 1;
}

static void other_upcall(void)
{
    CHECK(false);
}

void core_configure(struct config *config, const struct setting *settings)
{
    static const OSSL_DISPATCH upcalls[] = {
        { OSSL_FUNC_CORE_GET_LIBCTX, other_upcall },
        { OSSL_FUNC_CORE_GET_PARAMS, (void (*)(void))get_params },
        { 9999, other_upcall },
        { 0, NULL },
    };

    memset(config, 0xff, sizeof(*config));
    config_read(config, (const OSSL_CORE_HANDLE *)(const void *)settings, upcalls);
}

void core_configure_without_upcall(struct config *config)
{
    static const OSSL_DISPATCH none[] = { { 0, NULL } };

    memset(config, 0xff, sizeof(*config));
    config_read(config, NULL, none);
}

void core_refuses(const char *name, const char *value, const char *cure)
{
    const struct setting settings[] = { { name, value }, { NULL, NULL } };
    struct config config;

    core_configure(&config, settings);
    if (!config.wrong)
        fail_msg("%s = '%s' was taken", name, value);
    assert_int_equal(config.why.reason, FAILURE_CONFIGURATION);
    CHECK_HAS(config.why.text, text("%s = '%s'", name, value));
    CHECK_HAS(config.why.text, cure);
    CHECK_HAS(config.in_force, cure);
    config_clear(&config);
}

void core_takes(const char *name, const char *value)
{
    const struct setting settings[] = { { name, value }, { NULL, NULL } };
    struct config config;

    core_configure(&config, settings);
    if (config.wrong)
        fail_msg("%s", config.why.text);
    config_clear(&config);
}

int core_clear_environment(void **state)
{
    (void)state;
    for (char **variable = environ; variable != NULL && *variable != NULL;) {
        const char *end = strchr(*variable, '=');
        char *name;

        if (end == NULL || (strncmp(*variable, "HSMZKE_", 7) != 0 &&
                            strncmp(*variable, "CREDENTIALS_DIRECTORY=", 22) != 0)) {
            variable++;
            continue;
        }
        name = strndup(*variable, (size_t)(end - *variable));
        CHECK(name != NULL && unsetenv(name) == 0); /* moves the others up */
        free(name);
    }
    return 0;
}
