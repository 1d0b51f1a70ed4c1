/* Text without PINs: see shown.h. */
#include "shown.h"

#include <ctype.h>
#include <stdio.h>

/* Where `word` ends at the start of `text`, with blanks anywhere in between; NULL: it is not there.
 */
static char *skip(char *text, const char *word)
{
    for (; *word != '\0'; word++, text++) {
        while (isspace((unsigned char)*text))
            text++;
        if (*text != *word)
            return NULL;
    }
    return text;
}

/* p11-kit's parser passes blanks over. */
void shown_hide_pin(char *text)
{
    for (; *text != '\0'; text++) {
        char *pin = skip(text, "pin-value");

        if (pin == NULL)
            continue;
        for (; *pin != '\0' && *pin != '='; pin++)
            continue;
        for (pin += *pin == '='; *pin != '\0' && *pin != '&'; pin++)
            *pin = '*';
    }
}

void shown_text(char shown[SHOWN_MOST], const char *text)
{
    /* All that is kept was looked at whole, so no PIN is cut in two and shown in part. */
    snprintf(shown, SHOWN_MOST, "%s", text);
    shown_hide_pin(shown);
}
