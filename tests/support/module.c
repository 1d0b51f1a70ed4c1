/*
 * The PKCS#11 module under test.  SoftHSM is at hand; the others are started by the scripts of
 * tests/hsm/, which say in a file what a program needs to use them.
 */
#include "testing.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/* Where a token is that somebody else's script makes. */
static const struct kind {
    const char *name; /* HSMZKE_TEST_MODULE, and the script's */
    const char *label, *uri;
    bool limits_keys; /* takes CKA_ALLOWED_MECHANISMS */
    bool has_server;  /* what is in its directory must not go before the program has ended */
} kinds[] = {
    { "softhsm", NULL, "pkcs11:token=prod", true, false },
    { "remote", "prod", "pkcs11:token=prod", true, true },
    { "remote-ecb", "prod", "pkcs11:token=prod", true, true },
    { "nss", "NSS Certificate DB", "pkcs11:token=NSS%20Certificate%20DB", false, false },
    { "nss-remote", "NSS Certificate DB", "pkcs11:token=NSS%20Certificate%20DB", false, true },
    { "tpm2", "prod", "pkcs11:token=prod", false, true },
    { "opencryptoki", "prod", "pkcs11:token=prod", false, true },
};

static const char *path;      /* NULL: SoftHSM */
static const char *init_args; /* NULL: none */
static const char *store;     /* the script's directory */

const char *module_name(void)
{
    const char *name = getenv("HSMZKE_TEST_MODULE");

    return name == NULL || *name == '\0' ? "softhsm" : name;
}

static const struct kind *kind(void)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].name, module_name()) == 0)
            return &kinds[i];
    fprintf(stderr, "HSMZKE_TEST_MODULE: there is no tests/hsm/%s.sh\n", module_name());
    exit(99);
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

static const char *script(void)
{
    return text("%s/%s.sh", testing_path("HSMZKE_TEST_HSM"), module_name());
}

/* ---- what ends with the process that started it, however that ends ---- */

static pid_t guardian, guarded;

/* The server's number, while it is the server's: its command line has the directory. */
static pid_t server_in(const char *directory, pid_t pid)
{
    char line[4096] = "";
    FILE *file = fopen(pid == 0 ? text("%s/pid", directory) : text("/proc/%d/cmdline", pid), "r");
    size_t size = file == NULL ? 0 : fread(line, 1, sizeof(line) - 1, file);

    if (file != NULL)
        fclose(file);
    if (pid == 0)
        return size == 0 ? 0 : server_in(directory, atoi(line));
    return memmem(line, size, directory, strlen(directory)) == NULL ? 0 : pid;
}

/* run_program() would write into the program's directory. */
static int run_quietly(const char *const argv[])
{
    union {
        const char *const *constant;
        char *const *argv;
    } as = { argv };
    const pid_t pid = fork();

    if (pid == 0) {
        execv(argv[0], as.argv);
        _exit(127);
    }
    return pid < 0 ? 127 : wait_child(pid);
}

/*
 * Waits for the signal that says so, from stop_server() or because the process is gone.  If that
 * failed, its parent may be removing the directory by now, and the script finds no server.
 */
static void guard(const char *with, const char *directory, const sigset_t *signals)
{
    const char *const argv[] = { with, "stop", directory, NULL };
    const pid_t server = server_in(directory, 0);
    int got;

    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0)
        _exit(98);
    if (freopen("/dev/null", "w", stdout) == NULL || freopen("/dev/null", "w", stderr) == NULL)
        _exit(98);
    if (getppid() == guarded)
        sigwait(signals, &got);
    sigprocmask(SIG_UNBLOCK, signals, NULL);
    got = run_quietly(argv);
    if (server != 0 && server_in(directory, server) == server) {
        kill(-server, SIGKILL); /* it leads its session, but for the simplest */
        kill(server, SIGKILL);
    }
    _exit(got);
}

/* At exit, after the provider's own handler: p11-kit's client must not lose its server before. */
static void stop_server(void)
{
    if (guarded != getpid() || guardian == 0)
        return;
    kill(guardian, SIGTERM);
    if (wait_child(guardian) != 0) {
        fprintf(stderr, "the HSM in %s cannot be stopped\n", store);
        _exit(98);
    }
    guardian = 0;
}

static void guard_server(const char *directory)
{
    const char *with = script();
    sigset_t signals, before;

    if (guarded != getpid()) {
        guarded = getpid();
        CHECK(atexit(stop_server) == 0);
    }
    fflush(NULL);
    /* From before it begins: a test may fail, and end, at once. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    CHECK(sigprocmask(SIG_BLOCK, &signals, &before) == 0);
    guardian = fork();
    CHECK(guardian >= 0);
    if (guardian == 0)
        guard(with, directory, &signals);
    CHECK(sigprocmask(SIG_SETMASK, &before, NULL) == 0);
}

bool module_has_server(void)
{
    return kind()->has_server;
}

void module_store(const char *directory)
{
    const char *const argv[] = { script(), "start", directory, NULL };
    const char *output;
    int status;

    CHECK(guarded != getpid() || guardian == 0); /* one server for each process */
    if (geteuid() == 0) /* another user's server has to get at its directory in there */
        CHECK(chmod(testing_path("HSMZKE_TEST_WORKDIR"), 0711) == 0 &&
              chmod(work_dir(), 0711) == 0);
    status = run_program(argv, "", &output);
    if (status == 77) {
        printf("%s", output);
        exit(77);
    }
    if (status != 0)
        testing_failed(__FILE__, __LINE__, text("%s: %s", argv[0], output));
    store = directory;
    if (module_has_server())
        guard_server(directory);
    take_environment(directory);
    if (init_args != NULL)
        setenv("TOKEN_TOOL_INIT_ARGS", init_args, 1);
}

bool module_makes_tokens(void)
{
    return is("softhsm");
}

bool module_imports(const char *lines)
{
    const char *const argv[] = { script(), "import", store, NULL };
    const char *output;

    if (!is("tpm2"))
        return false;
    if (run_program(argv, lines, &output) != 0)
        testing_failed(__FILE__, __LINE__, text("%s: %s", argv[0], output));
    return true;
}

bool module_limits_keys(void)
{
    return kind()->limits_keys;
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
    return kind()->label != NULL ? kind()->label : label;
}

const char *module_token(void)
{
    return kind()->uri;
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
