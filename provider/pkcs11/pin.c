/* PIN sources: see pin.h. */
#include "pkcs11/pin.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "secret.h"

static bool begins(const char *text, const char *prefix, const char **rest)
{
    const size_t length = strlen(prefix);

    *rest = text + length;
    return strncmp(text, prefix, length) == 0;
}

/* The PIN ends at the first line end: editors and `echo` add one. */
static bool finish(struct pin *pin, size_t size, const char *source, struct failure *why)
{
    const unsigned char *end = memchr(pin->bytes, '\n', size);

    pin->size = end != NULL ? (size_t)(end - pin->bytes) : size;
    if (pin->size > 0 && pin->bytes[pin->size - 1] == '\r')
        pin->size--;
    if (pin->size == 0)
        return failure_set(why, FAILURE_PIN,
                           "the PIN from pin-source '%s' is empty: its first line must be the PIN",
                           source);
    if (pin->size > PIN_MAX)
        return failure_set(why, FAILURE_PIN,
                           "the PIN from pin-source '%s' is too long: it has at most %d bytes",
                           source, PIN_MAX);
    return true;
}

static bool read_descriptor(struct pin *pin, int fd, const char *source, struct failure *why)
{
    size_t size = 0;
    ssize_t got;

    /* To the line end, not to the end: the writer may keep a pipe open. */
    do {
        got = read(fd, pin->bytes + size, PIN_BUFFER - size);
        if (got > 0)
            size += (size_t)got;
    } while ((got > 0 && size < PIN_BUFFER && memchr(pin->bytes, '\n', size) == NULL) ||
             (got < 0 && errno == EINTR));
    if (got < 0)
        return failure_set(why, FAILURE_PIN, "the PIN cannot be read from pin-source '%s': %s",
                           source, strerror(errno));
    return finish(pin, size, source, why);
}

static bool read_file(struct pin *pin, const char *path, const char *source, struct failure *why)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    bool result;

    if (fd < 0)
        return failure_set(why, FAILURE_PIN,
                           "the PIN file of pin-source '%s' cannot be opened by this user: %s",
                           source, strerror(errno));
    result = read_descriptor(pin, fd, source, why);
    close(fd);
    return result;
}

static bool read_credential(struct pin *pin, const char *name, const char *credentials,
                            const char *source, struct failure *why)
{
    char path[PATH_MAX];
    int length;

    if (credentials == NULL)
        return failure_set(why, FAILURE_PIN,
                           "pin-source '%s' needs CREDENTIALS_DIRECTORY, which systemd sets for a "
                           "unit with LoadCredential=",
                           source);
    if (strchr(name, '/') != NULL)
        return failure_set(why, FAILURE_PIN, "pin-source '%s': a credential's name has no '/'",
                           source);
    length = snprintf(path, sizeof(path), "%s/%s", credentials, name);
    if (length < 0 || (size_t)length >= sizeof(path))
        return failure_set(why, FAILURE_PIN, "pin-source '%s': the path is too long", source);
    return read_file(pin, path, source, why);
}

/* A descriptor of a regular file is read from its start each time; a pipe gives its PIN once. */
static bool read_number(struct pin *pin, const char *text, const char *source, struct failure *why)
{
    char *end;
    const long fd = strtol(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0' || fd > INT_MAX)
        return failure_set(why, FAILURE_CONFIGURATION,
                           "configuration: pin-source = '%s': fd: takes a descriptor's number",
                           source);
    (void)lseek((int)fd, 0, SEEK_SET);
    return read_descriptor(pin, (int)fd, source, why);
}

static bool read_environment(struct pin *pin, const char *name, const char *source,
                             struct failure *why)
{
    const char *value = secure_getenv(name);
    size_t size;

    if (value == NULL)
        return failure_set(why, FAILURE_PIN,
                           "pin-source '%s': the environment variable is not set (or the program "
                           "took it out of its environment)",
                           source);
    size = strnlen(value, PIN_BUFFER);
    memcpy(pin->bytes, value, size);
    return finish(pin, size, source, why);
}

static bool read_source(struct pin *pin, const char *source, const char *credentials,
                        const char *token, struct failure *why)
{
    const char *rest;

    if (begins(source, "file:", &rest))
        return read_file(pin, rest, source, why);
    if (begins(source, "credential:", &rest))
        return read_credential(pin, rest, credentials, source, why);
    if (begins(source, "fd:", &rest))
        return read_number(pin, rest, source, why);
    if (begins(source, "env:", &rest))
        return read_environment(pin, rest, source, why);
    if (strcmp(source, "prompt") == 0)
        return pin_prompt(pin, token, why);
    /* What was written may be the PIN itself, by mistake: it is not shown. */
    return failure_set(why, FAILURE_CONFIGURATION,
                       "configuration: pin-source is none of file:PATH, env:NAME, fd:N, "
                       "credential:NAME and prompt");
}

bool pin_read(struct pin *pin, const char *source, const char *credentials, const char *token,
              struct failure *why)
{
    pin->bytes = secret_alloc(PIN_BUFFER, why);
    pin->size = 0;
    if (pin->bytes == NULL)
        return false;
    if (read_source(pin, source, credentials, token, why))
        return true;
    pin_wipe(pin);
    return false;
}

bool pin_copy(struct pin *pin, const char *value, struct failure *why)
{
    const size_t size = strlen(value);

    pin->bytes = NULL;
    if (size == 0 || size > PIN_MAX)
        return failure_set(why, FAILURE_PIN, "the URI's pin-value is empty or too long");
    pin->bytes = secret_alloc(PIN_BUFFER, why);
    pin->size = size;
    if (pin->bytes == NULL)
        return false;
    memcpy(pin->bytes, value, size);
    return true;
}

void pin_wipe(struct pin *pin)
{
    secret_free(pin->bytes, PIN_BUFFER);
    *pin = (struct pin){ 0 };
}
