/* Words for what went wrong: see trouble.h. */
#include "trouble.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool trouble_set(struct source_trouble *why, const char *format, ...)
{
    va_list args;

    if (why == NULL)
        return false;
    va_start(args, format);
    vsnprintf(why->text, sizeof(why->text), format, args);
    va_end(args);
    return false;
}

/* Appends a sentence, once, if it has room. */
static void append(char *text, size_t room, const char *sentence)
{
    const size_t used = strlen(text);

    if (strstr(text, sentence) == NULL && used + strlen(sentence) + 3 <= room)
        snprintf(text + used, room - used, "%s%s", used > 0 ? "; " : "", sentence);
}

void trouble_note(struct examination *examination, const char *format, ...)
{
    char sentence[sizeof(examination->trouble)];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    append(examination->trouble, sizeof(examination->trouble), sentence);
}

void trouble_remark(struct examination *examination, const char *format, ...)
{
    char sentence[sizeof(examination->remark)];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    append(examination->remark, sizeof(examination->remark), sentence);
}
