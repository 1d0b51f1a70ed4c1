/* Where an audit log's lines go: see sink.h. */
#include "audit/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <paths.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "pipe-signal.h"

static const char file_prefix[] = "file:";

bool sink_init(struct sink *sink, const char *setting)
{
    *sink = (struct sink){ .fd = -1 };
    if (strcmp(setting, "stderr") == 0) {
        sink->kind = SINK_STDERR;
        return true;
    }
    if (strcmp(setting, "syslog") == 0) {
        sink->kind = SINK_SYSLOG;
        return true;
    }
    sink->path = setting + strlen(file_prefix);
    /* A daemon changes its working directory: a relative path would mean two files. */
    return strncmp(setting, file_prefix, strlen(file_prefix)) == 0 && sink->path[0] == '/';
}

static bool failed(const struct sink *sink, int error, struct failure *why)
{
    const char *name = sink->kind == SINK_FILE     ? sink->path
                       : sink->kind == SINK_STDERR ? "standard error"
                                                   : "syslog (" _PATH_LOG ")";
    const char *cure = error == ENOSPC   ? "make room"
                       : error == ELOOP  ? "it must not be a symbolic link"
                       : error == ENOENT ? "make what is missing"
                                         : "put it right";

    errno = error;
    return failure_set(why, FAILURE_AUDIT,
                       "the audit log, %s, cannot be written (%m), and keys are not used without "
                       "it: %s, or change `audit`",
                       name, cure);
}

/* Seconds on a clock that is never set; cheap. */
static time_t seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec + 1; /* never 0 */
}

static bool is_same(const struct sink *sink, const struct stat *status)
{
    return status->st_dev == sink->device && status->st_ino == sink->inode;
}

/*
 * Whether our descriptor still is what we opened: a daemon may have closed all descriptors that it
 * did not know, and then the number is another file's, where nothing of ours belongs.  statx() is
 * asked for no times: since Linux 6.13 who has seen a file's time makes the next write to it slow,
 * for that must be given a new one.  Filters of system calls may know fstat() only.
 */
static bool is_ours(const struct sink *sink)
{
    struct statx found;
    struct stat status;

    if (sink->fd < 0)
        return false;
    if (statx(sink->fd, "", AT_EMPTY_PATH, STATX_INO, &found) == 0)
        return makedev(found.stx_dev_major, found.stx_dev_minor) == sink->device &&
               found.stx_ino == sink->inode;
    return fstat(sink->fd, &status) == 0 && is_same(sink, &status);
}

/* Whether what is open is still what the path names.  Asked once a second. */
static bool is_in_place(struct sink *sink)
{
    const time_t now = seconds();
    struct stat status;

    if (sink->looked == now)
        return true;
    sink->looked = now;
    return lstat(sink->path, &status) == 0 && is_same(sink, &status);
}

/* O_NONBLOCK: a FIFO that nobody reads must not stop us before we see that it is one. */
static bool open_file(struct sink *sink, struct failure *why)
{
    struct stat status;

    sink->fd = open(sink->path,
                    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
                    S_IRUSR | S_IWUSR);
    if (sink->fd < 0)
        return failed(sink, errno, why);
    if (fstat(sink->fd, &status) != 0 || !(S_ISREG(status.st_mode) || S_ISCHR(status.st_mode))) {
        close(sink->fd);
        sink->fd = -1;
        return failed(sink, EINVAL, why);
    }
    sink->device = status.st_dev;
    sink->inode = status.st_ino;
    sink->looked = seconds();
    sink->torn = false;
    return true;
}

static bool file_ready(struct sink *sink, struct failure *why)
{
    if (is_ours(sink)) {
        if (is_in_place(sink))
            return true;
        close(sink->fd);
    }
    return open_file(sink, why);
}

/* One write(); what it leaves out is not sent after: other processes' lines may be in between. */
static bool write_once(struct sink *sink, int fd, const char *bytes, size_t size,
                       struct failure *why)
{
    ssize_t written;

    do {
        written = write(fd, bytes, size);
    } while (written < 0 && errno == EINTR);
    if (written >= 0 && (size_t)written == size)
        return true;
    sink->torn = sink->torn || written > 0;
    return failed(sink, written < 0 ? errno : ENOSPC, why);
}

static bool write_line(struct sink *sink, int fd, const char *line, size_t size,
                       struct failure *why)
{
    if (sink->torn && !write_once(sink, fd, "\n", 1, why))
        return false;
    sink->torn = false;
    return write_once(sink, fd, line, size, why);
}

/* Standard error may be a pipe whose reader has gone: that is an error, not the program's end. */
static bool write_stderr(struct sink *sink, const char *line, size_t size, struct failure *why)
{
    struct pipe_signal before;
    bool written;

    pipe_signal_hold(&before);
    written = write_line(sink, STDERR_FILENO, line, size, why);
    pipe_signal_release(&before);
    return written;
}

/* syslog(3) tells nobody when nobody listens: so its socket is looked at, once a second. */
static bool write_syslog(struct sink *sink, const char *line, size_t size, struct failure *why)
{
    const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = _PATH_LOG };
    const time_t now = seconds();

    if (sink->looked != now) {
        const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        int error = 0;

        if (fd < 0 || (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
                       errno != EPROTOTYPE)) /* somebody listens, in the other way */
            error = errno;
        if (fd >= 0)
            close(fd);
        if (error != 0)
            return failed(sink, error, why);
        sink->looked = now;
    }
    syslog(LOG_AUTHPRIV | LOG_NOTICE, "%.*s", (int)(size - 1), line);
    return true;
}

bool sink_write(struct sink *sink, const char *line, size_t size, struct failure *why)
{
    switch (sink->kind) {
    case SINK_STDERR:
        return write_stderr(sink, line, size, why);
    case SINK_SYSLOG:
        return write_syslog(sink, line, size, why);
    default:
        return file_ready(sink, why) && write_line(sink, sink->fd, line, size, why);
    }
}
