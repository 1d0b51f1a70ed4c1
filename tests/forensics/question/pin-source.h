/*
 * The PIN that is asked for: --pin-source, spelt as in the provider's configuration.
 */
#ifndef MEMSCAN_PIN_SOURCE_H
#define MEMSCAN_PIN_SOURCE_H

#include <stdbool.h>

#include "../../../provider/failure.h"

/**
 * Reads the PIN from file:PATH, env:NAME, fd:N, credential:NAME or prompt, as the provider does.
 * @return false, with the reason in `why`; else `*pin` is NUL-terminated, in memory of
 * secret_alloc(), to be given to pin_source_free() as soon as a scanner was made of it
 */
bool pin_source_read(char **pin, const char *source, struct failure *why);

/** Wipes and frees; NULL is fine. */
void pin_source_free(char *pin);

#endif
