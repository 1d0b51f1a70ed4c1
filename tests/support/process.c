/*
 * Child processes: a function in a fork of the test program, and programs with their output.
 * Each fault gets a process of its own, because a PKCS#11 module is initialised once a process.
 */
#include "testing.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool am_child;

bool in_child(void)
{
    return am_child;
}

static int status_of(int pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 98;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* cmocka turns crashes into failed tests of its own, which in a child would hide them. */
static void crash_as_usual(void)
{
    static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS };

    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], SIG_DFL);
}

int start_child(void (*function)(void *), void *argument)
{
    int pid;

    fflush(NULL);
    pid = fork();
    CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    am_child = true;
    crash_as_usual();
    function(argument);
    /* Not _exit: what the provider does at exit is part of each test. */
    exit(0);
}

int wait_child(int pid)
{
    return status_of(pid);
}

int run_child(void (*function)(void *), void *argument)
{
    return status_of(start_child(function, argument));
}

static void call(void *test)
{
    ((struct child_test *)test)->function();
}

void run_child_test(void **state)
{
    int status = run_child(call, *state);

    if (status != 0)
        testing_failed(__FILE__, __LINE__, text("the child's status is 0, not %d", status));
}

static const char *read_all(int fd)
{
    const char *result = "";
    char piece[4096];
    ssize_t got;

    while ((got = read(fd, piece, sizeof(piece))) > 0)
        result = text("%s%.*s", result, (int)got, piece);
    return result;
}

int run_program(const char *const argv[], const char *input, const char **output)
{
    /* The input comes from a file: a pipe could block both sides. */
    const char *path = write_file("input", input, strlen(input));
    const char *got;
    int pipes[2], pid;

    fflush(NULL);
    CHECK(pipe(pipes) == 0);
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        /* execvp takes char *const[] for history's sake and changes nothing. */
        union {
            const char *const *constant;
            char *const *argv;
        } as = { argv };

        if (freopen(path, "rb", stdin) == NULL || dup2(pipes[1], 1) < 0 || dup2(pipes[1], 2) < 0)
            _exit(97);
        close(pipes[0]);
        close(pipes[1]);
        execvp(argv[0], as.argv);
        _exit(127);
    }
    close(pipes[1]);
    got = read_all(pipes[0]);
    close(pipes[0]);
    if (output != NULL)
        *output = got;
    return status_of(pid);
}

int run_shell(const char *command, const char **output)
{
    const char *const argv[] = { "/bin/sh", "-c", command, NULL };

    return run_program(argv, "", output);
}
