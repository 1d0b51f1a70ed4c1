/*
 * Key references as the tests of them see them: a text of up to 32 characters, and the same as the
 * 32 bytes.
 */
#ifndef HSMZKE_REFERENCE_FORMS_H
#define HSMZKE_REFERENCE_FORMS_H

#include "testing.h"

#include "reference.h"

enum {
    PREFIX = HSMZKE_REFERENCE_PREFIX_SIZE,
    WHOLE = HSMZKE_REFERENCE_SIZE,
    ID = HSMZKE_REFERENCE_ID_SIZE,
};

/** An id in text form, whose check character is right. */
#define COUNTING "hsmzke:AAECAwQFBgcICQoLDA0ODxARo"

/** Parses both forms of a text, which must be refused, with words. */
void reference_refused(const char *text_form, const char *words);
/** Parses both forms of a text, which must be taken for the same. */
void reference_taken(struct reference *reference, const char *text_form);

#endif
