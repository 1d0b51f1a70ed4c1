/* Why something failed, in words: see failure.h. */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool failure_set(struct failure *why, enum failure_reason reason, const char *format, ...)
{
    va_list arguments;

    why->reason = reason;
    va_start(arguments, format);
    vsnprintf(why->text, sizeof(why->text), format, arguments);
    va_end(arguments);
    return false;
}

void failure_prefix(struct failure *why, const char *format, ...)
{
    char prefix[100], text[sizeof(why->text)];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(prefix, sizeof(prefix), format, arguments);
    va_end(arguments);
    memcpy(text, why->text, sizeof(text));
    snprintf(why->text, sizeof(why->text), "%s: %.*s", prefix,
             (int)(sizeof(why->text) - sizeof(prefix) - 2), text);
}

bool failure_memory(struct failure *why)
{
    return failure_set(why, FAILURE_MEMORY, "out of memory");
}
