/*
 * Lines on standard error (notice.c): they go where messages belong, and nowhere else; they neither
 * block nor kill.
 */
#include "testing.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "notice.h"

/* notice_write() with `fd` in the place of standard error; errno must be as it was. */
static void write_to(int fd, const char *line)
{
    const int saved = dup(STDERR_FILENO);
    int after;

    assert_true(saved >= 0 && dup2(fd, STDERR_FILENO) == STDERR_FILENO);
    errno = EDOM;
    notice_write(line);
    after = errno;
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
    assert_int_equal(after, EDOM);
}

static void expect(int fd, const char *expected)
{
    char got[2048] = "";
    const ssize_t size = read(fd, got, sizeof(got) - 1);

    assert_true(size >= 0);
    assert_string_equal(got, expected);
}

static void pipes(void **state)
{
    char longer[2000];
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    write_to(ends[1], "one line");
    expect(ends[0], "one line\n");
    write_to(ends[1], "key '\n\033[2J'");
    expect(ends[0], "key '??[2J'\n");
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    write_to(ends[1], longer);
    longer[510] = '\n';
    longer[511] = '\0';
    expect(ends[0], longer);
    /* The reader is gone: that is no reason to die, nor to leave a signal behind. */
    close(ends[0]);
    write_to(ends[1], "nobody reads");
    close(ends[1]);
}

/* A reader that does not read keeps nobody waiting. */
static void full_pipe(void **state)
{
    static const char block[4096];
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    while (write(ends[1], block, sizeof(block)) > 0)
        continue;
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    write_to(ends[1], "no room");
    close(ends[0]);
    close(ends[1]);
}

/* A log is written to only; a data file that took standard error's number is read as well. */
static void files(void **state)
{
    const int data = memfd_create("data", MFD_CLOEXEC);
    int log;

    (void)state;
    assert_true(data >= 0);
    write_to(data, "not here");
    expect(data, "");
    log = open(text("/proc/self/fd/%d", data), O_WRONLY | O_APPEND);
    assert_true(log >= 0);
    write_to(log, "here");
    expect(data, "here\n");
    close(log);
    close(data);
}

static void sockets(void **state)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
    socklen_t size = sizeof(address);
    int local[2], listener, client, server;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, local), 0);
    write_to(local[1], "to the journal");
    expect(local[0], "to the journal\n");
    close(local[0]);
    write_to(local[1], "the journal is gone");
    close(local[1]);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&address, size), 0);
    server = accept(listener, NULL, NULL);
    assert_true(server >= 0);
    write_to(server, "not to a client");
    close(server);
    expect(client, "");
    close(client);
    close(listener);
}

static void closed(void **state)
{
    const int saved = dup(STDERR_FILENO);

    (void)state;
    close(STDERR_FILENO);
    notice_write("nobody listens");
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    close(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pipes),   cmocka_unit_test(full_pipe), cmocka_unit_test(files),
        cmocka_unit_test(sockets), cmocka_unit_test(closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
