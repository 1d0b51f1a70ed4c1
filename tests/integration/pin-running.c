/* Starts pin-child: see pin-running.h. */
#include "pin-running.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "testing.h"

/* In the child: the terminal becomes its controlling one, which is /dev/tty. */
static bool take_terminal(const char *name)
{
    int fd;

    if (setsid() < 0)
        return false;
    fd = open(name, O_RDWR);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static bool allow_dumps(const char *directory)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_CORE, &limit) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_CORE, &limit) == 0 && chdir(directory) == 0;
}

/* In the child. */
static void become(const struct pin_start *start, const char *slave, int in, int out)
{
    const char *program =
        start->program != NULL ? start->program : testing_path("HSMZKE_TEST_PIN_CHILD");
    const char *argv[10] = { program };
    /* execvp() takes char *const[] for history's sake and changes nothing. */
    union {
        const char *const *constant;
        char *const *argv;
    } as = { argv };
    char *variable = start->environment != NULL ? strdup(start->environment) : NULL;

    memcpy(argv + 1, start->arguments, sizeof(start->arguments));
    /* meson has freed memory overwritten by it, which would hide what is left there. */
    unsetenv("MALLOC_PERTURB_");
    if ((variable != NULL && putenv(variable) != 0) || (slave != NULL && !take_terminal(slave)) ||
        (start->dumps != NULL && !allow_dumps(start->dumps)) || dup2(in, STDIN_FILENO) < 0 ||
        dup2(out, STDOUT_FILENO) < 0)
        _exit(126);
    if (start->descriptor > 0 && dup2(start->descriptor, PIN_DESCRIPTOR) < 0)
        _exit(126);
    execvp(program, as.argv);
    _exit(127);
}

static void open_terminal(struct pin_child *child)
{
    child->terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(child->terminal >= 0 && grantpt(child->terminal) == 0 && unlockpt(child->terminal) == 0);
    /* While the other end is open nowhere, reading this one fails. */
    child->slave = open(ptsname(child->terminal), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(child->slave >= 0);
}

/* A descriptor that is PIN_DESCRIPTOR itself would be closed by exec. */
static int higher(int fd)
{
    const int moved = fcntl(fd, F_DUPFD_CLOEXEC, PIN_DESCRIPTOR + 1);

    CHECK(moved >= 0 && close(fd) == 0);
    return moved;
}

void pin_start(struct pin_child *child, const struct pin_start *start)
{
    struct pin_start moved = *start;
    int down[2], up[2];

    *child = (struct pin_child){ .terminal = -1, .slave = -1, .shown = "" };
    if (moved.descriptor > 0)
        moved.descriptor = higher(moved.descriptor);
    if (start->terminal)
        open_terminal(child);
    CHECK(pipe2(down, O_CLOEXEC) == 0 && pipe2(up, O_CLOEXEC) == 0);
    fflush(NULL);
    child->pid = fork();
    CHECK(child->pid >= 0);
    if (child->pid == 0)
        become(&moved, start->terminal ? ptsname(child->terminal) : NULL, down[0], up[1]);
    close(down[0]);
    close(up[1]);
    if (moved.descriptor > 0)
        close(moved.descriptor);
    child->told = down[1];
    child->says = up[0];
}

void pin_tell(const struct pin_child *child, char command)
{
    CHECK(write(child->told, &command, 1) == 1);
}

const char *pin_hear(struct pin_child *child, const char *begin)
{
    char line[4096];
    size_t size = 0;

    while (size < sizeof(line) - 1 && read(child->says, line + size, 1) == 1 && line[size] != '\n')
        size++;
    line[size] = '\0';
    if (strncmp(line, begin, strlen(begin)) != 0)
        testing_failed(__FILE__, __LINE__, text("the child says '%s', not '%s'", begin, line));
    return text("%s", line + strlen(begin));
}

void pin_type(struct pin_child *child, const char *pin)
{
    struct pollfd ends[2] = { { .fd = child->terminal, .events = POLLIN },
                              { .fd = child->says, .events = POLLIN } };
    const char *prompt = "";
    char piece[256];

    while (strstr(prompt, "PIN for token '") == NULL || strstr(prompt, "': ") == NULL) {
        ssize_t got;

        if (poll(ends, 2, -1) < 0 && errno == EINTR)
            continue;
        if (ends[0].revents == 0)
            pin_hear(child, "nothing before a prompt");
        got = read(child->terminal, piece, sizeof(piece));
        CHECK(got > 0);
        prompt = text("%s%.*s", prompt, (int)got, piece);
    }
    child->shown = text("%s%s", child->shown, prompt);
    CHECK(dprintf(child->terminal, "%s\n", pin) > 0);
}

void pin_close(struct pin_child *child)
{
    char rest[4096];

    close(child->told);
    close(child->says);
    if (child->terminal < 0)
        return;
    CHECK(fcntl(child->terminal, F_SETFL, O_NONBLOCK) == 0);
    for (ssize_t got; (got = read(child->terminal, rest, sizeof(rest))) > 0;)
        child->shown = text("%s%.*s", child->shown, (int)got, rest);
    close(child->slave);
    close(child->terminal);
}

void pin_end(struct pin_child *child)
{
    pin_tell(child, 'q');
    CHECK(wait_child(child->pid) == 0);
    pin_close(child);
}
