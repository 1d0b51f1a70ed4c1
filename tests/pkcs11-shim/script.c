/*
 * The shim's script: statements of words, with ";" or a new line between them, from
 * HSMZKE_SPY_SCRIPT, from a test program in the same process (control.h), and from the file that
 * HSMZKE_SPY_FILE names, which may come, change and go at any time.  It is read anew at each
 * call: what it says now is what counts.
 */
#include "shim.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STATEMENT = 256, LONGEST = 2048 };

/* As it was when this thread's call came in. */
static _Thread_local char script[1 + 2 * LONGEST];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char told[LONGEST]; /* by script_set() */
static bool is_told;

/* A script that was cut off would say something else. */
static void copy(char to[LONGEST], const char *text)
{
    const size_t size = strlen(text) + 1;

    if (size > LONGEST) {
        fprintf(stderr, "spy: the script is longer than %d bytes\n", LONGEST - 1);
        abort();
    }
    memcpy(to, text, size);
}

void script_set(const char *text)
{
    pthread_mutex_lock(&lock);
    is_told = text != NULL;
    copy(told, text == NULL ? "" : text);
    pthread_mutex_unlock(&lock);
}

void script_take(void)
{
    const char *path = getenv("HSMZKE_SPY_FILE"), *text = getenv("HSMZKE_SPY_SCRIPT");
    const int fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = 0;

    if (fd >= 0) {
        size = read(fd, script, LONGEST - 1);
        close(fd);
    }
    size = size < 0 ? 0 : size;
    script[size++] = ';';
    pthread_mutex_lock(&lock);
    copy(script + size, is_told ? told : text == NULL ? "" : text);
    pthread_mutex_unlock(&lock);
}

/* The next statement, without blanks around it; false at the end. */
static bool next(const char **at, char statement[STATEMENT])
{
    size_t length;

    *at += strspn(*at, "; \n");
    length = strcspn(*at, ";\n");
    if (**at == '\0')
        return false;
    snprintf(statement, STATEMENT, "%.*s", (int)length, *at);
    *at += length;
    for (length = strlen(statement); length > 0 && statement[length - 1] == ' '; length--)
        statement[length - 1] = '\0';
    return true;
}

/* What follows the first word, if that is `verb`; else NULL. */
static const char *after(const char *statement, const char *verb)
{
    const size_t length = strlen(verb);

    if (strncmp(statement, verb, length) != 0 || strchr(" ", statement[length]) == NULL)
        return NULL;
    return statement + length + strspn(statement + length, " ");
}

bool script_says(const char *verb, char *rest, size_t room)
{
    char statement[STATEMENT];
    const char *at = script;

    while (next(&at, statement)) {
        const char *found = after(statement, verb);

        if (found == NULL)
            continue;
        if (rest != NULL)
            snprintf(rest, room, "%s", found);
        return true;
    }
    return false;
}

bool script_has(const char *verb, const char *word)
{
    char statement[STATEMENT];
    const char *at = script;

    while (next(&at, statement)) {
        const char *found = after(statement, verb);

        if (found != NULL && after(found, word) != NULL)
            return true;
    }
    return false;
}

/* Whether FUNCTION:N[+][:ARGUMENT] is this call. */
static bool is_for(const char *found, const struct call *call, char argument[WORD])
{
    const char *function = call_name(call->function);
    const size_t length = strcspn(found, ":");
    const bool any = length == 1 && *found == '*' && call->function != FUNCTION_C_GetFunctionList;
    const unsigned number = any ? call->of_all : call->number;
    char *end;
    unsigned long nth;
    bool onwards;

    if (found[length] != ':' ||
        (!any && (strlen(function) != length || strncmp(found, function, length) != 0)))
        return false;
    nth = strtoul(found + length + 1, &end, 10);
    onwards = *end == '+';
    end += onwards;
    if (onwards ? number < nth : number != nth)
        return false;
    if (argument != NULL)
        snprintf(argument, WORD, "%s", *end == ':' ? end + 1 : "");
    return true;
}

bool script_at(const char *verb, const struct call *call, char argument[WORD])
{
    char statement[STATEMENT];
    const char *at = script;

    while (next(&at, statement)) {
        const char *found = after(statement, verb);

        if (found != NULL && is_for(found, call, argument))
            return true;
    }
    return false;
}
