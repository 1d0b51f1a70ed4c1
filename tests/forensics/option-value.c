/* Values of options: see option-value.h. */
#include "option-value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

bool option_bad(FILE *error, const char *format, ...)
{
    va_list arguments;

    fputs("hsmzke-memscan: ", error);
    va_start(arguments, format);
    vfprintf(error, format, arguments);
    va_end(arguments);
    fputs("\nINCONCLUSIVE: nothing was scanned; see hsmzke-memscan --help\n", error);
    return false;
}

bool option_digits(const char *text, uint64_t most, uint64_t *number, char **end)
{
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *number = strtoull(text, end, 10);
    return errno == 0 && *number <= most;
}

bool option_number(const char *name, const char *text, uint64_t least, uint64_t most,
                   unsigned int *number, FILE *error)
{
    uint64_t value;
    char *end;

    if (!option_digits(text, most, &value, &end) || *end != '\0' || value < least)
        return option_bad(error, "--%s %s: must be a number from %llu to %llu", name, text,
                          (unsigned long long)least, (unsigned long long)most);
    *number = (unsigned int)value;
    return true;
}

bool option_size(const char *text, uint64_t *size, FILE *error)
{
    static const char units[] = "KMGT";
    uint64_t value;
    char *end;
    const char *unit;
    unsigned int shift = 0;

    if (!option_digits(text, UINT64_MAX, &value, &end))
        return option_bad(error, "--snapshot %s: must be a number of bytes, such as 64M or 4G",
                          text);
    unit = *end != '\0' ? strchr(units, *end) : NULL;
    if (unit != NULL) {
        shift = 10 * (unsigned int)(unit - units + 1);
        end++;
    }
    if (*end != '\0' || value > UINT64_MAX >> shift)
        return option_bad(error, "--snapshot %s: must be a number of bytes, such as 64M or 4G",
                          text);
    *size = value << shift;
    return true;
}

bool option_text(const char **text, const char *name, const char *value, FILE *error)
{
    if (*value == '\0')
        return option_bad(error, "--%s must not be empty", name);
    if (*text != NULL)
        return option_bad(error, "--%s was given twice", name);
    *text = value;
    return true;
}
