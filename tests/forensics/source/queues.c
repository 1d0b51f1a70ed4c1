/*
 * What waits in pipes and sockets, read without taking it out: tee(2) doubles a pipe's pages,
 * MSG_PEEK looks into a socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pages.h"
#include "stream.h"
#include "target.h"
#include "trouble.h"

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

/* Looks at all that waits, one datagram after the other. @return bytes */
static size_t peek(int fd, unsigned char *to, size_t room, bool moves)
{
    size_t used = 0;
    ssize_t got;

    do {
        got = recv(fd, to + used, room - used, MSG_PEEK | MSG_DONTWAIT);
        if (got > 0)
            used += (size_t)got;
    } while ((got > 0 && moves && used < room) || (got < 0 && errno == EINTR));
    return used;
}

/* A number of a socket's own; -1 if it has none. */
static int option(int fd, int which)
{
    int value = -1;
    socklen_t size = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, which, &value, &size) == 0 ? value : -1;
}

void target_socket(struct feed *feed, struct place *place, int fd, struct examination *examination)
{
    const int domain = option(fd, SO_DOMAIN), before = option(fd, SO_PEEK_OFF), from = 0;
    const int buffer = option(fd, SO_RCVBUF);
    const bool stream = option(fd, SO_TYPE) == SOCK_STREAM;
    const size_t room = buffer > 0 ? (size_t)buffer + (1 << 16) : 1 << 20;
    bool moves;
    unsigned char *bytes;
    int waiting = 0;

    if ((domain != AF_UNIX && domain != AF_INET && domain != AF_INET6) ||
        option(fd, SO_ACCEPTCONN) == 1 || ioctl(fd, FIONREAD, &waiting) != 0 || waiting <= 0)
        return;
    bytes = pages_map(room);
    if (bytes == NULL)
        return;
    /* With an offset each look begins where the last one ended; it is put back as it was. */
    moves = setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &from, sizeof(from)) == 0;
    const size_t got = peek(fd, bytes, room, moves);
    if (moves)
        (void)setsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &before, sizeof(before));
    else if (!stream)
        trouble_note(examination, "of a socket's datagrams only the first could be read");
    place->end = place->bytes.mapped = got > (size_t)waiting ? got : (size_t)waiting;
    place->bytes.read = got;
    place->bytes.unreadable = place->bytes.mapped - got;
    feed_bytes(feed, feed_place(feed, place), 0, bytes, got);
    pages_unmap(bytes, room, got);
}
