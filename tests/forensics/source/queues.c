/*
 * What waits in pipes and sockets, read without taking it out: tee(2) doubles a pipe's pages,
 * MSG_PEEK looks into a socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pages.h"
#include "stream.h"
#include "target.h"
#include "trouble.h"

#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

enum {
    FILES_MOST = 253, /* SCM_MAX_FD: that one message may bring */
    CMSG_ROOM_FOR_OTHERS = 512,
    WAITING_MOST = 16 << 20,
    EMPTY_MOST = 10000, /* messages without a byte; a queue has fewer */
};

/* Doubles what is in a pipe. @return how much got into our own, of which `out` is to be read */
static uint64_t double_pipe(int fd, int *out)
{
    const int size = fcntl(fd, F_GETPIPE_SZ);
    ssize_t got = -1;
    int own[2];

    if (pipe2(own, O_CLOEXEC | O_NONBLOCK) != 0)
        return 0;
    /* Ours must have as many pages; more than a limit only root may have. */
    (void)fcntl(own[1], F_SETPIPE_SZ, size);
    do {
        got = tee(fd, own[1], 1 << 30, SPLICE_F_NONBLOCK);
    } while (got < 0 && errno == EINTR);
    close(own[1]);
    *out = own[0];
    if (got > 0)
        return (uint64_t)got;
    close(own[0]);
    return 0;
}

void target_pipe(struct feed *feed, struct place *place, int fd, struct examination *examination)
{
    struct place_bytes rest = { 0 };
    uint64_t doubled;
    unsigned int index;
    int waiting = 0, out = -1;

    if (ioctl(fd, FIONREAD, &waiting) != 0 || waiting <= 0)
        return;
    place->end = (uint64_t)waiting;
    index = feed_place(feed, place);
    doubled = double_pipe(fd, &out);
    if (doubled > 0) {
        stream_pipe(feed, out, index, NULL);
        close(out);
    }
    if (doubled < (uint64_t)waiting) {
        rest.mapped = rest.unreadable = (uint64_t)waiting - doubled;
        trouble_note(examination, "%s of process %d cannot be read: run as root", place->name,
                     place->process);
    }
    feed_account(feed, index, &rest);
}

/* A number of a socket's own; -1 if it has none. */
static int option(int fd, int which)
{
    int value = -1;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, which, &value, &size) == 0 ? value : -1;
}

/* What waits in a socket, as far as there is room for it. */
struct waiting {
    struct target *target;
    struct target_process *process;
    struct feed *feed;
    struct examination *examination;
    int fd, type;
    unsigned char *bytes;
    size_t used, room;
    bool cut; /* there is more than was seen */
};

/* Files that came with a message are open in this program now. */
static void look_at_files(const struct waiting *waiting, struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head != NULL;
         head = CMSG_NXTHDR(message, head)) {
        const bool files = head->cmsg_type == SCM_RIGHTS;

        /* Who sent it, as a pidfd, is closed only. */
        if (head->cmsg_level != SOL_SOCKET || (!files && head->cmsg_type != SCM_PIDFD))
            continue;
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= head->cmsg_len; at += sizeof(int)) {
            int fd;

            memcpy(&fd, (const unsigned char *)head + at, sizeof(fd));
            if (files)
                target_sent_file(waiting->target, waiting->process, waiting->feed, fd,
                                 waiting->examination);
            close(fd);
        }
    }
}

/* @return what recvmsg() does; files of the message are looked at */
static ssize_t peek_message(struct waiting *waiting)
{
    union {
        struct cmsghdr head;
        unsigned char room[CMSG_SPACE(FILES_MOST * sizeof(int)) + CMSG_ROOM_FOR_OTHERS];
    } control;
    struct iovec data = { .iov_base = waiting->bytes + waiting->used,
                          .iov_len = waiting->room - waiting->used };
    struct msghdr message = { .msg_iov = &data,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof(control) };
    ssize_t got;

    do {
        got = recvmsg(waiting->fd, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return got;
    waiting->cut |= (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0;
    look_at_files(waiting, &message);
    return got;
}

/*
 * Looks at all that waits, one message after the other.  Each look begins where the last one ended;
 * that is put back as it was.  An empty message is seen only once so, but the first one always
 * without.  Of datagrams nothing but EAGAIN is the end.
 */
static void peek_all(struct waiting *waiting)
{
    const int before = option(waiting->fd, SO_PEEK_OFF), from = 0, none = -1;
    const bool datagrams = waiting->type == SOCK_DGRAM;
    unsigned int empty = 0;
    ssize_t got;

    if (setsockopt(waiting->fd, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof(from)) != 0) {
        got = peek_message(waiting);
        waiting->used = got > 0 ? (size_t)got : 0;
        waiting->cut |= got >= 0 && datagrams;
        return;
    }
    if (waiting->type != SOCK_STREAM) {
        (void)setsockopt(waiting->fd, SOL_SOCKET, SO_PEEK_OFF, &none, sizeof(none));
        (void)peek_message(waiting);
        (void)setsockopt(waiting->fd, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof(from));
    }
    do {
        got = peek_message(waiting);
        waiting->used += got > 0 ? (size_t)got : 0;
        empty += got == 0;
    } while (got > 0 ? waiting->used < waiting->room : got == 0 && datagrams && empty < EMPTY_MOST);
    waiting->cut |= got > 0 || (got == 0 && datagrams);
    (void)setsockopt(waiting->fd, SOL_SOCKET, SO_PEEK_OFF, &before, sizeof(before));
}

static void add_waiting(const struct waiting *waiting, struct place *place)
{
    int told = 0;
    size_t all = waiting->used;

    if (ioctl(waiting->fd, FIONREAD, &told) == 0 && told > 0 && (size_t)told > all)
        all = (size_t)told;
    if (waiting->cut)
        trouble_note(waiting->examination, "not all that waits in %s of process %d could be read",
                     place->name, place->process);
    if (all == 0)
        return;
    place->end = place->bytes.mapped = all;
    place->bytes.read = waiting->used;
    place->bytes.unreadable = all - waiting->used;
    feed_bytes(waiting->feed, feed_place(waiting->feed, place), 0, waiting->bytes, waiting->used);
}

/* @return false without memory, which is told */
static bool peek_into(struct waiting *waiting, const struct place *place)
{
    waiting->bytes = pages_map(waiting->room);
    waiting->used = 0;
    waiting->cut = false;
    if (waiting->bytes != NULL)
        peek_all(waiting);
    else
        trouble_note(waiting->examination, "there is no memory for what waits in %s of process %d",
                     place->name, place->process);
    return waiting->bytes != NULL;
}

void target_socket(struct target *target, struct target_process *process, struct feed *feed,
                   struct place *place, int fd, struct examination *examination)
{
    const int domain = option(fd, SO_DOMAIN), buffer = option(fd, SO_RCVBUF);
    struct waiting waiting = { .target = target,
                               .process = process,
                               .feed = feed,
                               .examination = examination,
                               .fd = fd,
                               .type = option(fd, SO_TYPE) };

    if ((domain != AF_UNIX && domain != AF_INET && domain != AF_INET6) ||
        option(fd, SO_ACCEPTCONN) == 1)
        return;
    waiting.room = buffer > 0 ? (size_t)buffer + (1 << 16) : 1 << 20;
    if (peek_into(&waiting, place) && waiting.cut && waiting.room < WAITING_MOST) {
        /* Of datagrams so much may wait as those may send who send: they have buffers, too. */
        pages_unmap(waiting.bytes, waiting.room, waiting.used);
        waiting.room = WAITING_MOST;
        (void)peek_into(&waiting, place);
    }
    add_waiting(&waiting, place);
    pages_unmap(waiting.bytes, waiting.room, waiting.used);
}
