/* The PIN prompt (pkcs11/pin-prompt.c), on a terminal of its own: a pair of pseudo-terminals. */
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "pkcs11/pin.h"

enum { SHOWN_MOST = 4096 };

/* What is typed, and what must become of it. */
struct typed {
    const char *keys;
    size_t size;       /* 0: the terminal is closed in its place */
    const char *words; /* of a refusal; NULL: the PIN is what was typed, without the line's end */
    const char *slave;
    int master;
};

static bool have_terminals;

static void skip_without_terminals(void)
{
    if (!have_terminals) {
        printf("no pseudo-terminal can be had\n");
        skip();
    }
}

/* The linker puts these in the place of the system's: a terminal that goes at the wrong moment. */
static bool no_get, no_set;

int __real_tcgetattr(int fd, struct termios *now);
int __wrap_tcgetattr(int fd, struct termios *now);
int __real_tcsetattr(int fd, int when, const struct termios *wanted);
int __wrap_tcsetattr(int fd, int when, const struct termios *wanted);

int __wrap_tcgetattr(int fd, struct termios *now)
{
    errno = EIO;
    return no_get ? -1 : __real_tcgetattr(fd, now);
}

int __wrap_tcsetattr(int fd, int when, const struct termios *wanted)
{
    errno = EIO;
    return no_set ? -1 : __real_tcsetattr(fd, when, wanted);
}

static void on_signal(int number)
{
    (void)number; /* read() is interrupted, and that is all */
}

static bool echoes(int fd)
{
    struct termios now;

    CHECK(tcgetattr(fd, &now) == 0);
    return (now.c_lflag & ECHO) != 0 && (now.c_lflag & ISIG) != 0;
}

/* In a process without a terminal, which gets this one. */
static void ask(void *typed_)
{
    const struct typed *typed = typed_;
    struct sigaction action = { .sa_handler = on_signal };
    struct failure why;
    struct pin pin;
    int fd;

    close(typed->master);
    CHECK(setsid() >= 0);
    fd = open(typed->slave, O_RDWR);
    CHECK(fd >= 0 && ioctl(fd, TIOCSCTTY, 0) == 0);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    signal(SIGHUP, SIG_IGN); /* its terminal may go */
    if (typed->words == NULL) {
        CHECK(pin_read(&pin, "prompt", NULL, "prod", &why));
        CHECK(pin.size == typed->size - 1 && memcmp(pin.bytes, typed->keys, pin.size) == 0);
        pin_wipe(&pin);
    } else {
        CHECK(!pin_read(&pin, "prompt", NULL, "prod", &why));
        CHECK(why.reason == FAILURE_PIN && pin.bytes == NULL);
        CHECK_HAS(why.text, typed->words);
    }
    if (typed->size > 0) /* as it was before */
        CHECK(echoes(fd));
}

/* Where the terminal's echo cannot be switched off, nothing is asked. */
static void ask_in_vain(void *failing)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct failure why;
    struct pin pin;
    int fd;

    CHECK(grantpt(master) == 0 && unlockpt(master) == 0 && setsid() >= 0);
    fd = open(ptsname(master), O_RDWR);
    CHECK(fd >= 0 && ioctl(fd, TIOCSCTTY, 0) == 0);
    *(bool *)failing = true;
    CHECK(!pin_read(&pin, "prompt", NULL, "prod", &why));
    CHECK_HAS(why.text, "the terminal: Input/output error");
    CHECK(fcntl(master, F_SETFL, O_NONBLOCK) == 0 && read(master, &pin, 1) < 0);
}

static int need_terminals(void **state)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    (void)state;
    close(master);
    have_terminals = master >= 0;
    return 0;
}

static void terminal_that_fails(void **state)
{
    (void)state;
    skip_without_terminals();
    CHECK(run_child(ask_in_vain, &no_get) == 0);
    CHECK(run_child(ask_in_vain, &no_set) == 0);
}

/* Reads what the terminal shows until `until` is there, or all of it. */
static const char *shown_until(int master, char shown[SHOWN_MOST], const char *until)
{
    size_t size = strlen(shown);
    ssize_t got;

    while ((until == NULL || strstr(shown, until) == NULL) &&
           (got = read(master, shown + size, SHOWN_MOST - 1 - size)) > 0) {
        size += (size_t)got;
        shown[size] = '\0';
    }
    return shown;
}

static void type(const char *keys, size_t size, const char *words)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct typed typed = { keys, size, words, NULL, master };
    char shown[SHOWN_MOST] = "";
    int pid;

    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    typed.slave = text("%s", ptsname(master));
    pid = start_child(ask, &typed);
    CHECK_HAS(shown_until(master, shown, "': "), "PIN for token 'prod': ");
    CHECK(kill(pid, SIGUSR1) == 0);
    if (size > 0) {
        CHECK(write(master, keys, size) == (ssize_t)size);
        shown_until(master, shown, NULL);
        /* Nothing that was typed is shown. */
        CHECK(size < 2 || keys[0] < ' ' || strstr(shown, text("%.4s", keys)) == NULL);
    }
    close(master);
    CHECK(wait_child(pid) == 0);
}

static void takes_a_line(void **state)
{
    (void)state;
    skip_without_terminals();
    type("7295\n", 5, NULL);
    type("\xc3\xa4 7295 and more\n", 17, NULL);
}

static void can_be_cancelled(void **state)
{
    (void)state;
    skip_without_terminals();
    type("\003", 1, "cancelled");
    type("72\003", 3, "cancelled");
    type("\n", 1, "no PIN was entered");
    type("", 0, "cancelled");
}

static void too_long(void **state)
{
    static char keys[PIN_MAX + 2];

    (void)state;
    skip_without_terminals();
    memset(keys, '7', sizeof(keys) - 1);
    keys[sizeof(keys) - 1] = '\n';
    type(keys, sizeof(keys), "too long");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_line),
        cmocka_unit_test(can_be_cancelled),
        cmocka_unit_test(too_long),
        cmocka_unit_test(terminal_that_fails),
    };

    return cmocka_run_group_tests(tests, need_terminals, NULL);
}
