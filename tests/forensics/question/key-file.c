/*
 * Key files: see key-file.h.
 */
#include "key-file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "secret.h"

enum {
    KEY = 32,
    ROOM = 512, /* what is read of a file; more is no key */
};

static bool read_all(const char *path, unsigned char bytes[ROOM], size_t *size, struct failure *why)
{
    const bool standard = strcmp(path, "-") == 0;
    const int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t got = fd < 0 ? -1 : 1;

    *size = 0;
    while (fd >= 0 && *size < ROOM && got != 0 && (got > 0 || errno == EINTR)) {
        got = read(fd, bytes + *size, ROOM - *size);
        *size += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        failure_set(why, FAILURE_OPERATION, "the key file %s cannot be read: %s", path,
                    strerror(errno));
    if (fd >= 0 && !standard)
        close(fd);
    return got >= 0;
}

static int digit(unsigned char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    character |= 0x20;
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

/* 64 digits with white space before and behind. */
static bool decode(const unsigned char *bytes, size_t size, unsigned char key[KEY])
{
    while (size > 0 && isspace(bytes[0])) {
        bytes++;
        size--;
    }
    while (size > 0 && isspace(bytes[size - 1]))
        size--;
    for (size_t i = 0; i < KEY && size == 2 * KEY; i++) {
        const int high = digit(bytes[2 * i]), low = digit(bytes[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        key[i] = (unsigned char)(high << 4 | low);
    }
    return size == 2 * KEY;
}

static bool one_value(const unsigned char key[KEY])
{
    for (int i = 1; i < KEY; i++)
        if (key[i] != key[0])
            return false;
    return true;
}

static bool take(unsigned char *key, const unsigned char *bytes, size_t size, const char *path,
                 struct failure *why)
{
    if (size == KEY)
        memcpy(key, bytes, KEY);
    else if (!decode(bytes, size, key))
        return failure_set(why, FAILURE_RAW_KEY,
                           "the key file %s holds %s%zu bytes: it must be an AES-256 key, as 32 "
                           "bytes or as 64 hexadecimal digits",
                           path, size == ROOM ? "at least " : "", size);
    if (memcmp(key, "hsmzke:", 7) == 0)
        return failure_set(why, FAILURE_RAW_KEY,
                           "the key file %s holds a reference, which is no key: ask for it with "
                           "--reference",
                           path);
    if (one_value(key))
        return failure_set(why, FAILURE_RAW_KEY,
                           "the key file %s holds one byte 32 times, which is everywhere in "
                           "memory: take a random key (openssl rand 32)",
                           path);
    return true;
}

bool key_file_read(unsigned char **key, const char *path, struct failure *why)
{
    unsigned char *bytes = secret_alloc(ROOM, why);
    size_t size;
    bool good;

    *key = NULL;
    if (bytes == NULL)
        return false;
    *key = secret_alloc(KEY, why);
    good = *key != NULL && read_all(path, bytes, &size, why) && take(*key, bytes, size, path, why);
    secret_free(bytes, ROOM);
    if (!good) {
        key_file_free(*key);
        *key = NULL;
    }
    return good;
}

void key_file_free(unsigned char *key)
{
    secret_free(key, KEY);
}
