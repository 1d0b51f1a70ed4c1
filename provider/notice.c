/*
 * Standard error, from inside a program that did not ask for it: see notice.h.  Daemons close their
 * file descriptor 2, and what they open next takes its number: a data file or a connection, which a
 * line of ours would spoil.
 */
#include "notice.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipe-signal.h"

enum {
    LINE = 512, /* PIPE_BUF is no less */
};

/* A terminal, a pipe, a file that is only written to, or a local socket, such as the journal's. */
static bool takes_messages(int fd)
{
    struct sockaddr address = { 0 };
    socklen_t size = sizeof(address);
    struct stat status;

    if (fstat(fd, &status) != 0)
        return false;
    if (S_ISREG(status.st_mode))
        return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY;
    if (S_ISSOCK(status.st_mode))
        return getsockname(fd, &address, &size) == 0 && address.sa_family == AF_UNIX;
    return S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode);
}

/* A pipe with room for it takes a line of less than PIPE_BUF bytes at once. */
static bool is_ready(int fd)
{
    struct pollfd poll_fd = { fd, POLLOUT, 0 };

    return poll(&poll_fd, 1, 0) == 1 && poll_fd.revents == POLLOUT;
}

/* A reader that is gone is no reason for the program to die. */
static void write_without_signal(int fd, const char *line, size_t size)
{
    struct pipe_signal before;

    pipe_signal_hold(&before);
    if (write(fd, line, size) < 0)
        errno = 0; /* nobody is there to be told */
    pipe_signal_release(&before);
}

void notice_write(const char *text)
{
    const int saved = errno;
    char line[LINE];
    const int size = snprintf(line, sizeof(line) - 1, "%s", text);
    size_t length = strlen(line);

    if (size < 0)
        return;
    for (size_t i = 0; i < length; i++) {
        if (iscntrl((unsigned char)line[i]))
            line[i] = '?'; /* names of keys come from outside */
    }
    line[length++] = '\n';
    if (takes_messages(STDERR_FILENO) && is_ready(STDERR_FILENO))
        write_without_signal(STDERR_FILENO, line, length);
    errno = saved;
}
