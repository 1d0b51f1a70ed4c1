/* Why something failed, in words: see failure.h. */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Names come from tokens and programs: what a terminal or a log would obey is not passed on. */
static void make_printable(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
    }
}

bool failure_set(struct failure *why, enum failure_reason reason, const char *format, ...)
{
    va_list arguments;

    why->reason = reason;
    va_start(arguments, format);
    vsnprintf(why->text, sizeof(why->text), format, arguments);
    va_end(arguments);
    make_printable(why->text);
    return false;
}

void failure_prefix(struct failure *why, const char *format, ...)
{
    char prefix[100], text[sizeof(why->text)];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);
    make_printable(prefix);
    memcpy(text, why->text, sizeof(text));
    snprintf(why->text, sizeof(why->text), "%s: %.*s", prefix,
             (int)(sizeof(why->text) - sizeof(prefix) - 2), text);
}

bool failure_memory(struct failure *why)
{
    return failure_set(why, FAILURE_MEMORY, "out of memory");
}
