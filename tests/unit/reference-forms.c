/* Both forms of a key reference: see reference-forms.h. */
#include "reference-forms.h"

#include <string.h>

/* The 32 bytes of a reference that is written as text. */
static void pad(unsigned char bytes[WHOLE], const char *text_form)
{
    memset(bytes, 0, WHOLE);
    memcpy(bytes, text_form, strlen(text_form));
}

void reference_refused(const char *text_form, const char *words)
{
    struct reference reference;
    struct failure why;
    unsigned char bytes[WHOLE];

    if (reference_from_text(&reference, text_form, &why))
        fail_msg("'%s' was taken as text", text_form);
    assert_int_equal(why.reason, FAILURE_REFERENCE);
    CHECK_HAS(why.text, words);
    pad(bytes, text_form);
    if (reference_from_bytes(&reference, bytes, WHOLE, &why))
        fail_msg("'%s' was taken as bytes", text_form);
    assert_int_equal(why.reason, FAILURE_REFERENCE);
    CHECK_HAS(why.text, words);
}

void reference_taken(struct reference *reference, const char *text_form)
{
    struct reference from_bytes;
    struct failure why;
    unsigned char bytes[WHOLE];

    if (!reference_from_text(reference, text_form, &why))
        fail_msg("'%s' was refused as text: %s", text_form, why.text);
    assert_string_equal(reference->text, text_form);
    pad(bytes, text_form);
    if (!reference_from_bytes(&from_bytes, bytes, WHOLE, &why))
        fail_msg("'%s' was refused as bytes: %s", text_form, why.text);
    assert_int_equal(from_bytes.kind, reference->kind);
    assert_string_equal(from_bytes.text, reference->text);
    assert_string_equal(from_bytes.name, reference->name);
    assert_memory_equal(from_bytes.id, reference->id, ID);
}
