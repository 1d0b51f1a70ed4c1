/*
 * Text that others may read, without the PIN that a PKCS#11 URI in it may hold.  Pure.
 */
#ifndef HSMZKE_SHOWN_H
#define HSMZKE_SHOWN_H

#include <stddef.h>

enum {
    SHOWN_MOST = 600, /* what shown_text() keeps, with its NUL; more than any failure's words */
};

/** Puts stars in the place of every pin-value in `text`. */
void shown_hide_pin(char *text);

/** Copies `text`, cut off if it is long, without its pin-values. */
void shown_text(char shown[SHOWN_MOST], const char *text);

#endif
