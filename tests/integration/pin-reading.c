/*
 * A PIN while it is being read: once in memory, which is locked, and not in core files or children.
 * And openssl itself, after its login.
 */
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pin-running.h"
#include "pin-search.h"

static const char *pin;

/* The flags of the mapping that has an address: "rd wr mr mw me dd lo ". */
static const char *flags_of(int pid, uint64_t address)
{
    FILE *file = fopen(text("/proc/%d/smaps", pid), "r");
    unsigned long long from = 0, to = 0;
    const char *flags = NULL;
    char line[512];

    CHECK(file != NULL);
    while (flags == NULL && fgets(line, sizeof(line), file) != NULL)
        if (sscanf(line, "%llx-%llx ", &from, &to) != 2 && from <= address && address < to &&
            strncmp(line, "VmFlags:", 8) == 0)
            flags = text("%s", line + 8);
    fclose(file);
    CHECK(flags != NULL);
    return flags;
}

/* What hsmzke-memscan says, as a person would ask it. */
static const char *examined(int pid, const char *source)
{
    const char *const argv[] = { testing_path("HSMZKE_TEST_MEMSCAN"),
                                 "pid",
                                 text("%d", pid),
                                 "--pin-source",
                                 source,
                                 "--json",
                                 NULL };
    const char *output;

    CHECK(run_program(argv, "", &output) <= 2);
    return output;
}

/* The other end of a FIFO, which the child opens, unless it has other things to say. */
static int open_fifo(struct pin_child *child, const char *path)
{
    struct pollfd says = { .fd = child->says, .events = POLLIN };
    int fd;

    while ((fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0 && errno == ENXIO)
        if (poll(&says, 1, 1) > 0)
            pin_hear(child, "nothing before its PIN");
    CHECK(fd >= 0);
    return fd;
}

/* What is written to a FIFO was read by its other end. */
static void wait_until_read(int fifo)
{
    int left = 1;

    while (left > 0) {
        CHECK(ioctl(fifo, FIONREAD, &left) == 0);
        usleep(1000);
    }
}

/* A process that waits for the end of its PIN, which comes through a FIFO. */
static int start_waiting(struct pin_child *child, const char *dumps, const char *decoy)
{
    const char *path = text("%s/fifo-%s", work_dir(), dumps != NULL ? "core" : "memory");
    struct pin_start start = { .arguments = { "evp", NULL, module_path(), "prod" },
                               .dumps = dumps };
    int fifo;

    CHECK(mkfifo(path, 0600) == 0);
    start.environment = text("DECOY=%s", decoy);
    start.arguments[1] =
        config_file(settings_for(module_path(), text("%stoken = %s\npin-source = file:%s\n",
                                                     module_lines(), module_token(), path)),
                    NULL);
    pin_start(child, &start);
    pin_hear(child, "ready");
    pin_tell(child, 'i');
    fifo = open_fifo(child, path);
    CHECK(write(fifo, pin, PIN_SIZE) == PIN_SIZE);
    wait_until_read(fifo);
    return fifo;
}

/* It is in memory once, which is locked and not in core files or children, and then it is gone. */
static void while_it_is_read(void **state)
{
    struct pin_child child;
    struct pin_seen before, after;
    const char *flags, *source = pin_file(pin);
    int fifo;

    (void)state;
    fifo = start_waiting(&child, NULL, "");
    pin_search(&child.pid, 1, pin, &before);
    CHECK(before.places == 1);
    CHECK_HAS(examined(child.pid, source), "\"pin_verdict\": \"KEY_FOUND\"");
    flags = flags_of(child.pid, before.address);
    CHECK_HAS(flags, " lo"); /* mlock() */
    CHECK_HAS(flags, " dd"); /* MADV_DONTDUMP */
    CHECK_HAS(flags, " wf"); /* MADV_WIPEONFORK */
    CHECK(write(fifo, "\n", 1) == 1 && close(fifo) == 0);
    pin_hear(&child, "begun");
    pin_search(&child.pid, 1, pin, &after);
    CHECK(after.places == 0);
    pin_end(&child);
    pin_print("file: (a login under way)", "SoftHSM", 1, &before);
    pin_print("file: (and then)", "SoftHSM", 1, &after);
}

static const char *core_in(const char *directory)
{
    const char *path = NULL;
    glob_t found;

    if (glob(text("%s/*core*", directory), 0, NULL, &found) == 0)
        path = text("%s", found.gl_pathv[0]);
    globfree(&found);
    return path;
}

/* The same process, ended by a signal: its core file has what lies beside, and no PIN. */
static void core_file(void **state)
{
    const char *directory = text("%s/dumps", work_dir());
    const char *decoy = pin_make(PIN_SIZE), *path;
    struct pin_child child;
    int fifo, status;

    (void)state;
    CHECK(mkdir(directory, 0700) == 0);
    fifo = start_waiting(&child, directory, decoy);
    CHECK(kill(child.pid, SIGABRT) == 0);
    status = wait_child(child.pid);
    pin_close(&child);
    close(fifo);
    CHECK(status == 128 + SIGABRT);
    path = core_in(directory);
    if (path == NULL) {
        printf("skipped: no core file is written here (/proc/sys/kernel/core_pattern, ulimit)\n");
        skip();
    }
    CHECK(pin_in_core(path, decoy));
    CHECK(!pin_in_core(path, pin));
    printf("table: %-26s %-22s a core file that was made then: not found\n",
           "file: (a login under way)", "SoftHSM");
}

/* openssl enc, which has begun its output and waits for more input. */
static void openssl_enc(void **state)
{
    static char block[1 << 15];
    const char *source = pin_file(text("%s\n", pin));
    struct pin_start start = {
        .program = "openssl",
        .arguments = { "enc", "-aes-256-cbc", "-K",
                       text("%s", hex("hsmzke:gold", strlen("hsmzke:gold"))), "-iv",
                       "000102030405060708090a0b0c0d0e0f" },
    };
    struct pin_child child;
    struct pin_seen seen;

    (void)state;
    start.environment =
        text("OPENSSL_CONF=%s",
             config_file(settings_for(module_path(), text("%stoken = %s\npin-source = %s\n",
                                                          module_lines(), module_token(), source)),
                         NULL));
    pin_start(&child, &start);
    CHECK(write(child.told, block, sizeof(block)) == sizeof(block));
    CHECK(read(child.says, block, 1) == 1);
    pin_search(&child.pid, 1, pin, &seen);
    CHECK(seen.places == 0);
    CHECK_HAS(examined(child.pid, source), "\"pin_verdict\": \"KEY_NOT_IN_MEMORY\"");
    close(child.told);
    while (read(child.says, block, sizeof(block)) > 0)
        continue;
    CHECK(wait_child(child.pid) == 0);
    close(child.says);
    pin_print("file:, openssl enc", "SoftHSM", 1, &seen);
}

static int setup(void **state)
{
    if (testing_setup(state) != 0)
        return -1;
    pin = pin_make(PIN_SIZE);
    token_store();
    token_init("prod", pin);
    token_import("prod", pin, "gold " GOLD_KEY "\n");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_it_is_read),
        cmocka_unit_test(core_file),
        cmocka_unit_test(openssl_enc),
    };

    return cmocka_run_group_tests(tests, setup, testing_teardown);
}
