/*
 * Needles in messages that wait in sockets, and in files that are on their way through them.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "live-odd.h"

static void pair(int type, int ends[2])
{
    if (socketpair(AF_UNIX, type, 0, ends) != 0)
        fail("socketpair");
}

void behind_an_empty_datagram(void)
{
    int ends[2];

    pair(SOCK_DGRAM, ends);
    if (send(ends[0], "", 0, 0) != 0)
        fail("send");
    write_needle(ends[0]);
}

/* Each sender may have some 200 KB on its way, a receiver as many as ten datagrams. */
void behind_many_datagrams(void)
{
    enum { SENDERS = 5, SIZE = 150000 };
    struct sockaddr address = { .sa_family = AF_UNIX };
    struct sockaddr_storage bound;
    socklen_t length = sizeof(bound);
    const int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
    char *text = calloc(1, SIZE);

    /* The kernel finds a name. */
    if (receiver < 0 || bind(receiver, &address, sizeof(address.sa_family)) != 0 ||
        getsockname(receiver, (struct sockaddr *)&bound, &length) != 0)
        fail("bind");
    for (int i = 0; i <= SENDERS; i++) {
        const int sender = socket(AF_UNIX, SOCK_DGRAM, 0);

        if (sender < 0 || connect(sender, (struct sockaddr *)&bound, length) != 0)
            fail("connect");
        if (i == SENDERS)
            write_needle(sender);
        else if (write(sender, text, SIZE) != SIZE)
            fail("write");
        close(sender);
    }
    free(text);
}

static void send_file(int through, int fd, size_t bytes)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { { 0 } };
    struct iovec data = { .iov_base = (char[]){ 'x' }, .iov_len = bytes };
    struct msghdr message = { .msg_iov = &data,
                              .msg_iovlen = 1,
                              .msg_control = &control,
                              .msg_controllen = sizeof(control) };

    control.head = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    if (sendmsg(through, &message, 0) != (ssize_t)bytes)
        fail("sendmsg");
    close(fd);
}

/* A file that is open nowhere, for it is on its way. */
void sent_file(void)
{
    int ends[2];

    pair(SOCK_STREAM, ends);
    if (write(ends[0], "before", 6) != 6)
        fail("write");
    send_file(ends[0], new_memfd(), 1);
}

void sent_file_without_a_byte(void)
{
    int ends[2];

    pair(SOCK_DGRAM, ends);
    send_file(ends[0], new_memfd(), 0);
}

/* The same in a socket that is on its way itself. */
void sent_in_a_sent_socket(void)
{
    int outer[2], inner[2];

    pair(SOCK_STREAM, outer);
    pair(SOCK_STREAM, inner);
    write_needle(inner[0]);
    close(inner[0]);
    send_file(outer[0], inner[1], 1);
}

void sent_pipe(void)
{
    int ends[2], through[2];

    pair(SOCK_STREAM, through);
    if (pipe(ends) != 0)
        fail("pipe");
    write_needle(ends[1]);
    close(ends[1]);
    send_file(through[0], ends[0], 1);
}
