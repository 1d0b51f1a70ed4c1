/* What the fuzz targets share: see fuzz.h. */
#include "fuzz.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fuzz_finding(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: finding: this is not so: %s\n", file, line, condition);
    ERR_print_errors_fp(stderr);
    abort();
}

void fuzz_trace(const char *format, ...)
{
    static int wanted = -1;
    va_list arguments;

    if (wanted < 0)
        wanted = getenv("HSMZKE_FUZZ_TRACE") != NULL;
    if (!wanted)
        return;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
}

bool has_words(const struct failure *why)
{
    const size_t length = strnlen(why->text, sizeof(why->text));

    return why->reason >= FAILURE_CONFIGURATION && why->reason <= FAILURE_POLICY && length > 0 &&
           length < sizeof(why->text);
}

unsigned int input_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

size_t input_upto(struct input *input, size_t most)
{
    size_t value = input_byte(input);

    if (most > 0xff)
        value = value << 8 | input_byte(input);
    if (most > 0xffff)
        value = value << 16 | (size_t)input_byte(input) << 8 | input_byte(input);
    return most < SIZE_MAX ? value % (most + 1) : value;
}

void input_fill(struct input *input, void *out, size_t size)
{
    const size_t there = size < input->left ? size : input->left;

    memset(out, 0, size);
    if (there > 0)
        memcpy(out, input->at, there);
    input->at += there;
    input->left -= there;
}

char *input_text(struct input *input, unsigned char end)
{
    const unsigned char *found = input->left > 0 ? memchr(input->at, end, input->left) : NULL;
    const size_t size = found != NULL ? (size_t)(found - input->at) : input->left;
    char *text = malloc(size + 1);

    EXPECT(text != NULL);
    input_fill(input, text, size);
    text[size] = '\0';
    if (found != NULL)
        input_byte(input);
    return text;
}

void *exact(const void *bytes, size_t size)
{
    void *copy = malloc(size > 0 ? size : 1);

    EXPECT(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}
