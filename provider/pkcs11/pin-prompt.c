/*
 * Asks for a PIN on the terminal: see pin.h.
 *
 * Not OpenSSL's UI, nor getpass(): both read through stdio, whose buffer keeps the PIN on the heap.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "pkcs11/pin.h"

enum {
    INTERRUPT = 3, /* Control-C, as a byte: the terminal makes no signal of it meanwhile */
};

static void say(int fd, const char *text)
{
    const ssize_t written = write(fd, text, strlen(text));

    (void)written; /* a terminal that takes no prompt still may give the answer */
}

/* One line, byte by byte, into the PIN's own memory. */
static bool read_line(int fd, struct pin *pin, struct failure *why)
{
    for (pin->size = 0; pin->size < PIN_MAX;) {
        const ssize_t got = read(fd, pin->bytes + pin->size, 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || pin->bytes[pin->size] == INTERRUPT)
            return failure_set(why, FAILURE_PIN, "the PIN prompt was cancelled");
        if (pin->bytes[pin->size] == '\n')
            return pin->size > 0 || failure_set(why, FAILURE_PIN, "no PIN was entered");
        pin->size++;
    }
    return failure_set(why, FAILURE_PIN, "the PIN that was entered is too long");
}

bool pin_prompt(struct pin *pin, const char *token, struct failure *why)
{
    const int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    struct termios before, quiet;
    char question[100];
    bool result;

    if (fd < 0)
        return failure_set(why, FAILURE_PIN, "pin-source 'prompt' needs a terminal: /dev/tty: %s",
                           strerror(errno));
    if (tcgetattr(fd, &before) != 0) {
        close(fd);
        return failure_set(why, FAILURE_PIN, "pin-source 'prompt': the terminal: %s",
                           strerror(errno));
    }
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
    quiet.c_lflag |= ECHONL;
    quiet.c_cc[VEOL] = INTERRUPT; /* comes at once, not with the line that it is in */
    snprintf(question, sizeof(question), "PIN for token '%s': ", token);
    result = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    if (result) {
        say(fd, question);
        result = read_line(fd, pin, why);
        tcsetattr(fd, TCSAFLUSH, &before);
    } else {
        failure_set(why, FAILURE_PIN, "pin-source 'prompt': the terminal: %s", strerror(errno));
    }
    close(fd);
    return result;
}
