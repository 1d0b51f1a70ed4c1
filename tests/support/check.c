/*
 * Failed checks, strings, and the error queue as text.  What text() and keep() give out stays
 * reachable until the process ends, so that tests can be written without clean-up code and leak
 * checkers still see only the provider's leaks.
 */
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>

struct kept {
    struct kept *next;
    unsigned char bytes[];
};
/* Used by one thread of a test program only. */
static struct kept *all_kept;

void *keep(size_t size)
{
    struct kept *kept = calloc(1, sizeof(*kept) + size);

    if (kept == NULL) {
        perror("calloc");
        exit(99);
    }
    kept->next = all_kept;
    all_kept = kept;
    return kept->bytes;
}

const char *text(const char *format, ...)
{
    char *string;
    va_list arguments;
    int size;

    va_start(arguments, format);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    string = keep((size_t)size + 1);
    va_start(arguments, format);
    vsnprintf(string, (size_t)size + 1, format, arguments);
    va_end(arguments);
    return string;
}

enum { BLANK = 0xa5 };

void blank_fill(void *buffer, size_t size)
{
    memset(buffer, BLANK, size);
}

bool still_blank(const void *buffer, size_t size)
{
    const unsigned char *bytes = buffer;

    for (size_t i = 0; i < size; i++)
        if (bytes[i] != BLANK && bytes[i] != 0)
            return false;
    return true;
}

const char *hex(const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    char *string = keep(2 * size + 1);

    for (size_t i = 0; i < size; i++)
        snprintf(string + 2 * i, 3, "%02x", from[i]);
    return string;
}

size_t unhex(const char *digits, void *out, size_t room)
{
    unsigned char *to = out;
    size_t size = strlen(digits) / 2;
    unsigned value;

    CHECK(strlen(digits) % 2 == 0 && size <= room);
    for (size_t i = 0; i < size; i++) {
        CHECK(sscanf(digits + 2 * i, "%2x", &value) == 1);
        to[i] = (unsigned char)value;
    }
    return size;
}

const char *error_text(void)
{
    BIO *memory = BIO_new(BIO_s_mem());
    const char *result;
    char *bytes;
    long size;

    if (memory == NULL)
        return "";
    ERR_print_errors(memory);
    size = BIO_get_mem_data(memory, &bytes);
    result = text("%.*s", (int)size, bytes);
    BIO_free(memory);
    return result;
}

void testing_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: failed: %s\n", file, line, condition);
    ERR_print_errors_fp(stderr);
    if (in_child()) {
        fflush(NULL);
        _Exit(99);
    }
    _fail(file, line);
}

void testing_check_has(const char *file, int line, const char *whole, const char *part)
{
    if (strstr(whole, part) != NULL)
        return;
    testing_failed(file, line, text("\"%s\" holds \"%s\"", whole, part));
}
