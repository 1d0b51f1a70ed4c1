/*
 * Values of the configuration (config.c): a line of input is NAME=VALUE.  Whatever they are,
 * numbers stay in their limits, what is wrong is said, and a PIN in a URI is shown nowhere.  In
 * values '@' stands for a PIN, so that it can be looked for.
 */
#include "testing.h"

#include "../unit/core.h"
#include "fuzz.h"

#include <p11-kit/uri.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "hsmzke/hsmzke.h"
#include "pkcs11/hsm.h"

enum { LINES = 12 };
#define PIN "S3cretPin"

static char *with_pin(const char *value)
{
    const size_t room = strlen(value) * (sizeof(PIN) - 1) + 1;
    char *result = calloc(room, 1);

    EXPECT(result != NULL);
    for (size_t at = 0; *value != '\0'; value++) {
        if (*value == '@')
            memcpy(result + at, PIN, sizeof(PIN) - 1);
        else
            result[at] = *value;
        at += *value == '@' ? sizeof(PIN) - 1 : 1;
    }
    return result;
}

/* Whether p11-kit would log in with the PIN, which stands nowhere else in the URI. */
static bool holds_pin(const char *value)
{
    P11KitUri *uri = p11_kit_uri_new();
    const char *pin, *at = strstr(value, PIN);
    bool holds = false;

    EXPECT(uri != NULL);
    if (at != NULL && strstr(at + 1, PIN) == NULL &&
        p11_kit_uri_parse(value, P11_KIT_URI_FOR_ANY, uri) == P11_KIT_URI_OK) {
        pin = p11_kit_uri_get_pin_value(uri);
        holds = pin != NULL && strstr(pin, PIN) != NULL;
    }
    p11_kit_uri_free(uri);
    return holds;
}

static void check(const struct config *config)
{
    EXPECT(config->hsm.module != NULL && config->hsm.module[0] != '\0');
    EXPECT(config->audit != NULL && audit_is_setting(config->audit));
    EXPECT(config->hsm.sessions >= 1 && config->hsm.sessions <= 1024);
    EXPECT(config->hsm.wait <= 3600000 && config->hsm.reuse <= 86400);
    EXPECT(config->hsm.parallel >= 1 && config->hsm.parallel <= HSM_PARALLEL_MOST);
    EXPECT(config->gcm.min_tag >= 4 && config->gcm.min_tag <= 16);
    EXPECT(config->gcm.one_shot <= GCM_ONE_SHOT_NEVER && config->policy <= KEY_POLICY_OFF);
    EXPECT(strnlen(config->in_force, sizeof(config->in_force)) < sizeof(config->in_force));
    if (config->wrong) {
        EXPECT_WORDS(&config->why);
        EXPECT(config->why.reason == FAILURE_CONFIGURATION);
    }
}

static void run(const struct setting *settings, bool pin_elsewhere)
{
    struct config config;
    const char *token = NULL;

    core_configure(&config, settings);
    check(&config);
    for (const struct setting *setting = settings; setting->name != NULL; setting++) {
        (void)config_lookup(&config, HSMZKE_PARAM_KEYS, setting->value);
        if (strcmp(setting->name, HSMZKE_PARAM_TOKEN) == 0)
            token = setting->value;
    }
    if (token != NULL && !pin_elsewhere && holds_pin(token))
        EXPECT(strstr(config.in_force, PIN) == NULL &&
               (!config.wrong || strstr(config.why.text, PIN) == NULL));
    config_clear(&config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct setting settings[LINES + 1] = { { NULL, NULL } };
    struct input input = { data, size };
    char *lines[LINES], *values[LINES];
    bool pin_elsewhere = false;
    size_t count = 0;

    core_clear_environment(NULL);
    for (; count < LINES && input.left > 0; count++) {
        char *equals;

        lines[count] = input_text(&input, '\n');
        equals = strchr(lines[count], '=');
        if (equals != NULL)
            *equals = '\0';
        values[count] = with_pin(equals != NULL ? equals + 1 : "");
        settings[count] = (struct setting){ lines[count], values[count] };
        pin_elsewhere = pin_elsewhere || (strcmp(lines[count], HSMZKE_PARAM_TOKEN) != 0 &&
                                          strstr(values[count], PIN) != NULL);
    }
    run(settings, pin_elsewhere);
    while (count-- > 0) {
        free(lines[count]);
        free(values[count]);
    }
    return 0;
}
