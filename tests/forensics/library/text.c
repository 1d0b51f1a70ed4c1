/* A text from a pipe: see text.h. */
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    ROOM_FIRST = 64 * 1024,
    ROOM_MOST = 1 << 30,
};

static bool make_room(struct text *text)
{
    const size_t room = text->room == 0 ? ROOM_FIRST : 2 * text->room;
    char *bytes;

    if (text->size + 1 < text->room)
        return true;
    bytes = room <= ROOM_MOST ? realloc(text->bytes, room) : NULL;
    if (bytes == NULL)
        return false;
    text->bytes = bytes;
    text->room = room;
    return true;
}

bool memscan_text_read(struct text *text, int fd)
{
    ssize_t size;

    if (!make_room(text)) {
        text->failed = true;
        return false;
    }
    size = read(fd, text->bytes + text->size, text->room - text->size - 1);
    if (size < 0 && errno == EINTR)
        return true;
    text->failed = size < 0;
    text->size += size > 0 ? (size_t)size : 0;
    text->bytes[text->size] = '\0';
    return size > 0;
}

void memscan_text_free(struct text *text)
{
    free(text->bytes);
    *text = (struct text){ 0 };
}

/* SIGPIPE goes to the thread that writes: it is blocked there, and taken off again. */
bool memscan_text_write(int fd, const char *bytes, size_t size)
{
    static const struct timespec at_once;
    sigset_t pipe_signal, before, pending;
    ssize_t written;

    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    do
        written = write(fd, bytes, size);
    while (written < 0 && errno == EINTR);
    if (written < 0 && errno == EPIPE && sigismember(&pending, SIGPIPE) == 0)
        (void)sigtimedwait(&pipe_signal, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return written == (ssize_t)size;
}
