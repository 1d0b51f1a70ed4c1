/*
 * PIN sources: the provider's own reader, for a PIN that is looked for and not used.
 */
#include "pin-source.h"

#include <stdlib.h>
#include <string.h>

#include "pkcs11/pin.h"
#include "secret.h"

bool pin_source_read(char **result, const char *source, struct failure *why)
{
    struct pin pin;
    char *text;

    *result = NULL;
    if (!pin_read(&pin, source, secure_getenv("CREDENTIALS_DIRECTORY"), "to look for", why))
        return false;
    if (memchr(pin.bytes, '\0', pin.size) != NULL) {
        pin_wipe(&pin);
        return failure_set(why, FAILURE_PIN,
                           "the PIN from pin-source '%s' has a NUL byte: only "
                           "PINs that are text can be looked for",
                           source);
    }
    text = secret_alloc(PIN_BUFFER, why);
    if (text != NULL)
        memcpy(text, pin.bytes, pin.size);
    pin_wipe(&pin);
    *result = text;
    return text != NULL;
}

void pin_source_free(char *pin)
{
    secret_free(pin, PIN_BUFFER);
}
