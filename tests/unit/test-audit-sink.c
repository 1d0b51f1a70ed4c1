/*
 * Where an audit log's lines go (audit/sink.[ch]), with write(), statx(), connect() and syslog()
 * in the test's hand: torn lines, filtered system calls, and a syslog that nobody listens to.
 */
#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "audit/sink.h"

ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
int __real_statx(int fd, const char *path, int flags, unsigned int mask, struct statx *found);
int __wrap_statx(int fd, const char *path, int flags, unsigned int mask, struct statx *found);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size);
void __wrap_syslog(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
void __wrap___syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static size_t room = SIZE_MAX; /* what the disk takes */
static int interrupts;         /* EINTR, so many times */
static int statx_error;
static unsigned statx_mask; /* all that was asked for */
static int connect_error;
static unsigned syslogs;
static int syslog_priority;
static char syslog_text[200];

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (interrupts > 0 && interrupts--) {
        errno = EINTR;
        return -1;
    }
    if (room == 0) {
        errno = ENOSPC;
        return -1;
    }
    size = size < room ? size : room;
    room -= room == SIZE_MAX ? 0 : size;
    return __real_write(fd, bytes, size);
}

int __wrap_statx(int fd, const char *path, int flags, unsigned int mask, struct statx *found)
{
    statx_mask |= mask;
    if (statx_error == 0)
        return __real_statx(fd, path, flags, mask, found);
    errno = statx_error;
    return -1;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t size)
{
    (void)fd, (void)size;
    assert_string_equal(((const struct sockaddr_un *)address)->sun_path, "/dev/log");
    errno = connect_error;
    return connect_error == 0 ? 0 : -1;
}

__attribute__((format(printf, 2, 0))) static void took(int priority, const char *format,
                                                       va_list arguments)
{
    syslogs++;
    syslog_priority = priority;
    vsnprintf(syslog_text, sizeof(syslog_text), format, arguments);
}

void __wrap_syslog(int priority, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    took(priority, format, arguments);
    va_end(arguments);
}

/* What _FORTIFY_SOURCE makes of it. */
void __wrap___syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list arguments;

    (void)flag;
    va_start(arguments, format);
    took(priority, format, arguments);
    va_end(arguments);
}

static bool put(struct sink *sink, const char *line, struct failure *why)
{
    return sink_write(sink, line, strlen(line), why);
}

static void holds(const char *path, const char *expected)
{
    size_t size = 0;
    const char *content = (const char *)read_file(path, &size);

    assert_non_null(content);
    assert_string_equal(content, expected);
}

static void settings(void **state)
{
    struct sink sink;

    (void)state;
    assert_true(sink_init(&sink, "stderr"));
    assert_true(sink_init(&sink, "syslog"));
    assert_true(sink_init(&sink, "file:/x"));
    assert_string_equal(sink.path, "/x");
    assert_false(sink_init(&sink, "file:x"));
    assert_false(sink_init(&sink, "file:"));
    assert_false(sink_init(&sink, ""));
    assert_false(sink_init(&sink, "/x"));
    assert_false(sink_init(&sink, "Stderr"));
}

static void torn(void **state)
{
    const char *path = text("%s/torn", work_dir());
    const char *setting = text("file:%s", path);
    struct failure why;
    struct sink sink;

    (void)state;
    assert_true(sink_init(&sink, setting));
    interrupts = 2;
    assert_true(put(&sink, "one\n", &why));
    room = 2;
    assert_false(put(&sink, "two\n", &why));
    assert_int_equal(why.reason, FAILURE_AUDIT);
    CHECK_HAS(why.text, path);
    CHECK_HAS(why.text, "No space left on device");
    assert_false(put(&sink, "three\n", &why));
    room = 1; /* for the line end, and no more */
    assert_false(put(&sink, "four\n", &why));
    room = SIZE_MAX;
    assert_true(put(&sink, "five\n", &why));
    holds(path, "one\ntw\nfive\n");
    close(sink.fd);
}

/* The descriptor is what was opened, or the log is opened anew; another file stays as it is. */
static void descriptor(const char *name)
{
    const char *path = text("%s/%s", work_dir(), name);
    const char *other = text("%s-other", path);
    struct failure why;
    struct sink sink;
    int fd, first;

    assert_true(sink_init(&sink, text("file:%s", path)));
    assert_true(put(&sink, "one\n", &why));
    first = sink.fd;
    assert_true(put(&sink, "two\n", &why));
    assert_int_equal(sink.fd, first); /* not opened anew */
    fd = open(other, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_int_equal(dup2(fd, first), first);
    assert_true(put(&sink, "three\n", &why));
    close(sink.fd);
    assert_true(put(&sink, "four\n", &why));
    holds(path, "one\ntwo\nthree\nfour\n");
    holds(other, "");
    close(fd);
    close(sink.fd);
}

static void descriptors(void **state)
{
    (void)state;
    descriptor("statx");
    assert_int_equal(statx_mask, STATX_INO); /* no times: that would make each write slow */
    statx_error = EPERM;                     /* a filter of system calls that does not know it */
    descriptor("fstat");
    statx_error = 0;
}

static void to_syslog(void **state)
{
    struct failure why;
    struct sink sink;

    (void)state;
    assert_true(sink_init(&sink, "syslog"));
    connect_error = ENOENT;
    assert_false(put(&sink, "line\n", &why));
    CHECK_HAS(why.text, "syslog (/dev/log)");
    assert_int_equal(syslogs, 0);
    connect_error = EPROTOTYPE; /* a daemon that listens to a stream */
    assert_true(put(&sink, "100% of it\n", &why));
    assert_int_equal(syslogs, 1);
    assert_string_equal(syslog_text, "100% of it"); /* the line end is the daemon's */
    assert_int_equal(syslog_priority, LOG_AUTHPRIV | LOG_NOTICE);
    connect_error = ECONNREFUSED; /* it died */
    sleep(2);
    assert_false(put(&sink, "line\n", &why));
    connect_error = 0;
    assert_true(put(&sink, "line\n", &why));
    assert_int_equal(syslogs, 2);
}

#define TEST(function) cmocka_unit_test(function)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(settings), TEST(torn), TEST(descriptors),
                                        TEST(to_syslog) };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
