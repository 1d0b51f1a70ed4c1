/* The names of an algorithm: for the OpenSSL-facing rooms. */
#ifndef HSMZKE_ALGORITHM_H
#define HSMZKE_ALGORITHM_H

#include <stdbool.h>
#include <string.h>

/** Whether `name` is the first of `names`, an OSSL_ALGORITHM's ("FIRST:second:1.2.3"). */
static inline bool algorithm_is(const char *names, const char *name)
{
    const size_t length = strlen(name);

    return strncmp(names, name, length) == 0 && (names[length] == ':' || names[length] == '\0');
}

#endif
