/* The two tokens of an HA group: see ha.h. */
#include "ha.h"

void ha_two_tokens(const char *left, const char *right)
{
    token_store();
    token_init("left", USER_PIN);
    token_init("right", USER_PIN);
    token_import("left", USER_PIN, left);
    token_import("right", USER_PIN, right);
    spy_setup(NULL, NULL);
}

static const char *group_of(const char *module, const char *second)
{
    return settings_for(module, text("token.1 = pkcs11:token=left\ntoken.2 = pkcs11:token=right%s\n"
                                     "pin-source = %s\n",
                                     second, pin_file(USER_PIN "\n")));
}

const char *ha_group(const char *second)
{
    return group_of(module_path(), second);
}

const char *ha_group_spied(void)
{
    return ha_group(text("?module-path=%s", testing_path("HSMZKE_TEST_SPY_MODULE")));
}

const char *ha_group_all_spied(void)
{
    return group_of(testing_path("HSMZKE_TEST_SPY_MODULE"), "");
}
