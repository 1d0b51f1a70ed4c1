/*
 * PIN sources.  What is kept is where the PIN comes from; the PIN itself is read when it is needed,
 * into locked memory, and wiped after C_Login.
 */
#ifndef HSMZKE_PKCS11_PIN_H
#define HSMZKE_PKCS11_PIN_H

#include <stddef.h>

#include "failure.h"

enum {
    PIN_MAX = 4000,    /* longest PIN, in bytes, for services that log in with a credential */
    PIN_BUFFER = 4096, /* with what may follow it in its source */
};

/** A PIN in memory for secrets. */
struct pin {
    unsigned char *bytes; /* secret_alloc(PIN_BUFFER); NULL: none */
    size_t size;
};

/**
 * Reads the PIN of token `token` (its label, for prompts and messages) from `source`:
 * file:PATH, env:NAME, fd:N, credential:NAME in directory `credentials`, prompt.  Bytes from the
 * first line end on are no part of it.
 * @return false, with the reason in `why`; else pin_wipe() is due
 */
bool pin_read(struct pin *pin, const char *source, const char *credentials, const char *token,
              struct failure *why);

/** Takes `value` (a URI's pin-value) as the PIN. */
bool pin_copy(struct pin *pin, const char *value, struct failure *why);

/** Wipes and frees it. */
void pin_wipe(struct pin *pin);

/** Asks on the terminal, without echo (pin-prompt.c).  @return false, with the reason in `why` */
bool pin_prompt(struct pin *pin, const char *token, struct failure *why);

#endif
