/* SoftHSM in another process: see remote.h. */
#include "remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "testing.h"

static const char *server, *usual_module;

/* The value of a shell variable that p11-kit.sh's `start` sets. */
static const char *variable(const char *script, const char *name)
{
    const char *output;

    CHECK(run_shell(text("%s\nprintf %%s \"$%s\"", script, name), &output) == 0);
    CHECK(*output != '\0');
    return output;
}

bool remote_start(void)
{
    const char *tool = testing_path("HSMZKE_TEST_REMOTE_HSM"), *output;
    const char *directory = text("%s/remote", work_dir());
    int status;

    /* Another user's server has to get at its directory in there. */
    CHECK(chmod(testing_path("HSMZKE_TEST_WORKDIR"), 0711) == 0 && chmod(work_dir(), 0711) == 0);
    status = run_shell(
        text("%s start '%s' '%s'", tool, directory, testing_path("HSMZKE_TEST_BUILD_ROOT")),
        &output);
    if (status == 77) {
        printf("%s", output);
        return false;
    }
    if (status != 0)
        testing_failed(__FILE__, __LINE__, output);
    server = directory;
    usual_module = text("%s", testing_path("HSMZKE_TEST_PKCS11_MODULE"));
    setenv("P11_KIT_SERVER_ADDRESS", variable(output, "P11_KIT_SERVER_ADDRESS"), 1);
    setenv("HSMZKE_TEST_PKCS11_MODULE", variable(output, "HSMZKE_PKCS11_MODULE"), 1);
    printf("the HSM runs as %s\n", variable(output, "P11_KIT_SERVER_USER"));
    return true;
}

int remote_stop(void **state)
{
    const char *output, *directory = server;

    (void)state;
    if (server == NULL)
        return 0;
    server = NULL;
    setenv("HSMZKE_TEST_PKCS11_MODULE", usual_module, 1);
    return run_shell(text("%s stop '%s'", testing_path("HSMZKE_TEST_REMOTE_HSM"), directory),
                     &output);
}

const char *remote_directory(void)
{
    return server;
}
