/*
 * The private directory of a test program, below HSMZKE_TEST_WORKDIR, and the files in it.
 */
#include "testing.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static char directory[4096];
static pid_t maker;  /* the process that made it */
static bool at_exit; /* it goes then, as what a server has in it */

/* Settings of the person who runs the tests must not reach the provider that is tested. */
static void forget_settings(void)
{
    for (char **variable = environ; *variable != NULL;) {
        char name[128];
        size_t length = strcspn(*variable, "=");

        if (strncmp(*variable, "HSMZKE_", 7) == 0 && strncmp(*variable, "HSMZKE_TEST_", 12) != 0 &&
            length < sizeof(name)) {
            memcpy(name, *variable, length);
            name[length] = '\0';
            unsetenv(name);
            variable = environ;
        } else {
            variable++;
        }
    }
    unsetenv("OPENSSL_CONF");
    unsetenv("OPENSSL_MODULES");
    unsetenv("SOFTHSM2_CONF");
}

const char *testing_path(const char *variable)
{
    const char *value = getenv(variable);

    if (value == NULL || *value == '\0') {
        fprintf(stderr, "%s is not set: run the tests with `meson test`\n", variable);
        exit(99);
    }
    return value;
}

bool quick(void)
{
    const char *value = getenv("HSMZKE_TEST_QUICK");

    return value != NULL && *value != '\0' && strcmp(value, "0") != 0;
}

const char *work_dir(void)
{
    return directory;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
    (void)status, (void)type, (void)where;
    return remove(path);
}

static int remove_directory(void)
{
    if (getenv("HSMZKE_TEST_KEEP") != NULL) {
        fprintf(stderr, "kept: %s\n", directory);
        return 0;
    }
    return nftw(directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* After the provider's exit handler and the server's. */
static void remove_at_exit(void)
{
    if (getpid() == maker && remove_directory() != 0) {
        perror(directory);
        _exit(98);
    }
}

int testing_setup(void **state)
{
    const char *parent = testing_path("HSMZKE_TEST_WORKDIR");

    (void)state;
    forget_settings();
    /* The tests' keys are imported, which is a finding, and some compare what programs say; what is
     * done with findings is key-policy.c's matter. */
    setenv("HSMZKE_KEY_POLICY", "off", 1);
    if (mkdir(parent, 0700) != 0 && errno != EEXIST) {
        perror(parent);
        return -1;
    }
    snprintf(directory, sizeof(directory), "%s/XXXXXX", parent);
    if (mkdtemp(directory) == NULL) {
        perror(directory);
        return -1;
    }
    maker = getpid();
    at_exit = module_has_server();
    return at_exit ? atexit(remove_at_exit) : 0;
}

int testing_teardown(void **state)
{
    (void)state;
    return at_exit ? 0 : remove_directory();
}

const char *write_file(const char *name, const void *content, size_t size)
{
    static unsigned count;
    const char *path = text("%s/%u-%u-%s", directory, (unsigned)getpid(), count++, name);
    FILE *file = fopen(path, "wb");

    CHECK(file != NULL);
    CHECK(fwrite(content, 1, size, file) == size);
    CHECK(fclose(file) == 0);
    return path;
}

unsigned char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    unsigned char *bytes;
    long length = 0;

    if (file == NULL)
        return NULL;
    CHECK(fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) >= 0);
    rewind(file);
    bytes = keep((size_t)length + 1);
    *size = fread(bytes, 1, (size_t)length, file);
    fclose(file);
    return bytes;
}
