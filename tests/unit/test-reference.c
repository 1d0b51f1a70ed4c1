/*
 * Key references (reference.[ch]): names, and what is no reference.  Ids: test-reference-id.c.
 */
#include <stdio.h>
#include <string.h>

#include "reference-forms.h"

static void is_name(const char *name)
{
    struct reference reference;
    char text_form[WHOLE + 1];

    snprintf(text_form, sizeof(text_form), "hsmzke:%s", name);
    reference_taken(&reference, text_form);
    assert_int_equal(reference.kind, REFERENCE_BY_NAME);
    assert_string_equal(reference.name, name);
}

static void names_of_every_length(void **state)
{
    char name[HSMZKE_REFERENCE_NAME_MAX + 1] = "";

    (void)state;
    for (size_t length = 1; length <= HSMZKE_REFERENCE_NAME_MAX; length++) {
        name[length - 1] = (char)('a' + length - 1);
        is_name(name);
    }
    is_name("AAECAwQFBgcICQoLDA0ODxAR"); /* an id without its check character is a name */
}

static void names_of_every_byte(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++)
        is_name((const char[]){ (char)c, '\0' });
}

static void names_are_literal(void **state)
{
    static const char *const names[] = {
        " gold",
        "gold ",
        "gold\n",
        "\tgold",
        "go%6cd",
        "%67old",
        "gold%00",
        "gold;",
        "go/ld",
        "gold?",
        "hsmzke:gold",
        "GOLD",
        "pkcs11:object=gold",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        is_name(names[i]);
}

static void empty(void **state)
{
    (void)state;
    reference_refused("hsmzke:", "names no key");
}

static void text_too_long(void **state)
{
    struct reference reference;
    struct failure why;
    char long_text[200];

    (void)state;
    for (size_t length = WHOLE + 1; length < sizeof(long_text); length++) {
        memset(long_text, 'A', sizeof(long_text));
        memcpy(long_text, COUNTING, WHOLE);
        long_text[length] = '\0';
        assert_false(reference_from_text(&reference, long_text, &why));
        assert_int_equal(why.reason, FAILURE_REFERENCE);
        CHECK_HAS(why.text, "too long");
    }
}

static void bytes_after_nul(void **state)
{
    struct reference reference;
    struct failure why;
    unsigned char bytes[WHOLE];

    (void)state;
    for (int nul = PREFIX; nul < WHOLE - 1; nul++) {
        for (int at = nul + 1; at < WHOLE; at++) {
            memset(bytes, 0, sizeof(bytes));
            memset(bytes, 'n', (size_t)nul);
            memcpy(bytes, "hsmzke:", PREFIX);
            bytes[at] = at % 2 == 0 ? ' ' : 0x80;
            assert_false(reference_from_bytes(&reference, bytes, WHOLE, &why));
            assert_int_equal(why.reason, FAILURE_REFERENCE);
            CHECK_HAS(why.text, "after its first NUL");
        }
    }
}

static void wrong_sizes(void **state)
{
    struct reference reference;
    struct failure why;
    unsigned char bytes[2 * WHOLE] = { 0 };

    (void)state;
    memcpy(bytes, "hsmzke:gold", 11);
    for (size_t size = 0; size <= sizeof(bytes); size++) {
        const bool accepted = reference_from_bytes(&reference, bytes, size, &why);

        assert_int_equal(accepted, size == WHOLE);
        if (accepted)
            continue;
        assert_int_equal(why.reason, FAILURE_REFERENCE);
        CHECK_HAS(why.text, "32 bytes");
    }
}

static void prefix_is_exact(void **state)
{
    struct reference reference;
    struct failure why;
    unsigned char bytes[WHOLE] = "hsmzke:gold";

    (void)state;
    assert_true(reference_has_prefix(bytes, WHOLE));
    assert_true(reference_has_prefix(bytes, PREFIX));
    for (size_t size = 0; size < PREFIX; size++)
        assert_false(reference_has_prefix(bytes, size));
    assert_false(reference_has_prefix(NULL, WHOLE));
    for (size_t at = 0; at < PREFIX; at++) {
        for (unsigned char bit = 1; bit != 0; bit = (unsigned char)(bit << 1)) {
            bytes[at] ^= bit;
            assert_false(reference_has_prefix(bytes, WHOLE));
            assert_false(reference_from_bytes(&reference, bytes, WHOLE, &why));
            assert_int_equal(why.reason, FAILURE_REFERENCE);
            bytes[at] ^= bit;
        }
    }
    reference_refused(" hsmzke:gold", "begin");
    reference_refused("gold", "begin");
    reference_refused("hsmzke", "begin");
    reference_refused("", "begin");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_every_length), cmocka_unit_test(names_of_every_byte),
        cmocka_unit_test(names_are_literal),     cmocka_unit_test(empty),
        cmocka_unit_test(text_too_long),         cmocka_unit_test(bytes_after_nul),
        cmocka_unit_test(wrong_sizes),           cmocka_unit_test(prefix_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
