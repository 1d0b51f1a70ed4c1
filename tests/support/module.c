/*
 * The PKCS#11 module under test.  SoftHSM is at hand; the others are started by the scripts of
 * tests/hsm/, which say in a file what a program needs to use them.
 */
#include "testing.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>

static const char *path;      /* NULL: SoftHSM */
static const char *init_args; /* NULL: none */

const char *module_name(void)
{
    const char *name = getenv("HSMZKE_TEST_MODULE");

    return name == NULL || *name == '\0' ? "softhsm" : name;
}

static bool is(const char *name)
{
    return strcmp(module_name(), name) == 0;
}

/* Takes the lines NAME=VALUE that a script has left. */
static void take_environment(const char *directory)
{
    size_t size;
    char *rest, *line = (char *)read_file(text("%s/environment", directory), &size);

    CHECK(line != NULL);
    line[size] = '\0';
    for (line = strtok_r(line, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        char *value = strchr(line, '=');

        CHECK(value != NULL);
        *value++ = '\0';
        if (strcmp(line, "HSMZKE_PKCS11_MODULE") == 0)
            path = value;
        else if (strcmp(line, "HSMZKE_PKCS11_INIT_ARGS") == 0)
            init_args = value;
        else if (strncmp(line, "HSMZKE_", 7) != 0) /* those are for programs without a file */
            setenv(line, value, 1);
    }
}

/* A server that ends with the process that started it, however that ends. */
static void start_server(const char *script, const char *directory)
{
    const pid_t parent = getpid();
    pid_t pid;

    fflush(NULL);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent)
            execl(script, script, "run", directory, (char *)NULL);
        _exit(127);
    }
    for (int i = 0; access(text("%s/socket", directory), F_OK) != 0; i++) {
        CHECK(i < 200);
        usleep(50000);
    }
}

void module_store(const char *directory)
{
    const char *script = text("%s/%s.sh", testing_path("HSMZKE_TEST_HSM"), module_name());

    if (is("remote-ecb")) {
        start_server(script, directory);
    } else {
        const char *const argv[] = { script, "start", directory, NULL };
        const char *output;

        if (run_program(argv, "", &output) != 0)
            testing_failed(__FILE__, __LINE__, text("%s: %s", script, output));
    }
    take_environment(directory);
    if (init_args != NULL)
        setenv("TOKEN_TOOL_INIT_ARGS", init_args, 1);
}

bool module_makes_tokens(void)
{
    return is("softhsm");
}

bool module_limits_keys(void)
{
    return !is("nss");
}

const char *module_path(void)
{
    return path != NULL ? path : testing_path("HSMZKE_TEST_PKCS11_MODULE");
}

const char *module_tool_path(void)
{
    return is("remote-ecb") ? testing_path("HSMZKE_TEST_PKCS11_MODULE") : module_path();
}

const char *module_lines(void)
{
    return init_args == NULL ? "" : text("pkcs11-init-args = \"%s\"\n", init_args);
}

const char *module_label(const char *label)
{
    return is("nss") ? "NSS Certificate DB" : label;
}

const char *module_token(void)
{
    return is("nss") ? "pkcs11:token=NSS%20Certificate%20DB" : "pkcs11:token=prod";
}

bool module_offers(const char *mechanism)
{
    static const char *offered;

    if (offered == NULL) {
        const char *const argv[] = { testing_path("HSMZKE_TEST_TOKEN_TOOL"), module_path(),
                                     "mechanisms", module_label("prod"), NULL };

        if (run_program(argv, "", &offered) != 0)
            testing_failed(__FILE__, __LINE__, text("token-tool mechanisms: %s", offered));
        offered = text("\n%s", offered);
    }
    return strstr(offered, text("\n%s\n", mechanism)) != NULL;
}
