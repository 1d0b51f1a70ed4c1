/* Which module, and the environment with the tap: see environment.h. */
#include "environment.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "paths.h"
#include "stop.h"

#define VARIABLE "HSMZKE_PKCS11_MODULE"

/* A file of ours: where MEMSCAN_LIBDIR says, beside the program in a build directory, installed. */
static bool find_ours(char path[PATH_MAX], const char *name, struct source_trouble *why)
{
    const char *told = secure_getenv("MEMSCAN_LIBDIR");
    char program[PATH_MAX], beside[PATH_MAX + 8];
    const ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);
    const char *places[3] = { told, NULL, run_library_directory };

    program[size > 0 ? size : 0] = '\0';
    snprintf(beside, sizeof(beside), "%s/run", dirname(program));
    places[1] = beside;
    for (size_t i = 0; i < 3; i++) {
        if (places[i] == NULL || snprintf(path, PATH_MAX, "%s/%s", places[i], name) >= PATH_MAX)
            continue;
        if (access(path, R_OK) == 0)
            return true;
    }
    snprintf(why->text, sizeof(why->text),
             "%s is not in %s: install hsmzke-memscan whole, or name its directory in "
             "MEMSCAN_LIBDIR",
             name, run_library_directory);
    return false;
}

static const char *section_value(const CONF *conf, const char *section, const char *name)
{
    const char *value = section != NULL ? NCONF_get_string(conf, section, name) : NULL;

    ERR_clear_error();
    return value;
}

/* The `pkcs11-module` of the provider hsmzke, if a configuration has one. */
static const char *configured(const CONF *conf, const char *start)
{
    const char *init = section_value(conf, "default", start);
    const char *providers = section_value(conf, init, "providers");
    STACK_OF(CONF_VALUE) *names = providers != NULL ? NCONF_get_section(conf, providers) : NULL;

    for (int i = 0; names != NULL && i < sk_CONF_VALUE_num(names); i++) {
        const CONF_VALUE *name = sk_CONF_VALUE_value(names, i);
        const char *identity = section_value(conf, name->value, "identity");

        if (strcmp(identity != NULL ? identity : name->name, "hsmzke") == 0)
            return section_value(conf, name->value, "pkcs11-module");
    }
    return NULL;
}

static void from_file(struct environment *environment)
{
    char *file = CONF_get1_default_config_file();
    CONF *conf = NCONF_new(NULL);
    const char *module = NULL;

    if (file != NULL && conf != NULL && NCONF_load(conf, file, NULL) > 0) {
        module = configured(conf, "openssl_conf");
        if (module == NULL)
            module = configured(conf, "nodejs_conf");
    }
    if (module != NULL && module[0] != '\0') {
        snprintf(environment->module, sizeof(environment->module), "%s", module);
        snprintf(environment->origin, sizeof(environment->origin), "%s", file);
    }
    ERR_clear_error();
    NCONF_free(conf);
    OPENSSL_free(file);
}

bool environment_find(struct environment *environment, struct source_trouble *why)
{
    const char *told = getenv(VARIABLE);

    if (!find_ours(environment->tap, "memscan-tap.so", why) ||
        !find_ours(environment->software, "memscan-software.so", why))
        return false;
    snprintf(environment->module, sizeof(environment->module), "%s", run_default_module);
    snprintf(environment->origin, sizeof(environment->origin), "hsmzke's default");
    if (told == NULL) {
        from_file(environment);
    } else if (told[0] != '\0') {
        snprintf(environment->module, sizeof(environment->module), "%s", told);
        snprintf(environment->origin, sizeof(environment->origin), "%s", VARIABLE);
    }
    return true;
}

bool environment_set(const struct environment *environment, bool software)
{
    return setenv(VARIABLE, environment->tap, 1) == 0 &&
           setenv(STOP_ENV_MODULE, software ? environment->software : environment->module, 1) ==
               0 &&
           (software ? setenv(STOP_ENV_REAL, environment->module, 1) : unsetenv(STOP_ENV_REAL)) ==
               0;
}
