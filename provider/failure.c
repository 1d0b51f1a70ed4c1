/* Why something failed, in words: see failure.h. */
#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

bool failure_set(struct failure *why, enum failure_reason reason, const char *format, ...)
{
    va_list arguments;

    why->reason = reason;
    va_start(arguments, format);
    vsnprintf(why->text, sizeof(why->text), format, arguments);
    va_end(arguments);
    return false;
}

bool failure_memory(struct failure *why)
{
    return failure_set(why, FAILURE_MEMORY, "out of memory");
}
