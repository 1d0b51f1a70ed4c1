/*
 * Key references (reference.[ch]): both forms, and everything that must be refused.  The oracle is
 * a second implementation: OpenSSL's base64, and the check character as a sum of products in GF(64)
 * instead of shifts.
 */
#include "testing.h"

#include <stdio.h>
#include <string.h>

#include "reference.h"

enum {
    PREFIX = HSMZKE_REFERENCE_PREFIX_SIZE,
    WHOLE = HSMZKE_REFERENCE_SIZE,
    ID = HSMZKE_REFERENCE_ID_SIZE,
    CHARACTERS = 25, /* of an id reference after the prefix, the check character included */
    RANDOM_IDS = 500,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char counting[] = "hsmzke:AAECAwQFBgcICQoLDA0ODxARo";

/* The product of two polynomials over GF(2), then the remainder modulo x^6 + x + 1. */
static unsigned int product(unsigned int a, unsigned int b)
{
    unsigned int result = 0;

    for (int bit = 0; bit < 6; bit++)
        result ^= (b >> bit & 1) * (a << bit);
    for (int bit = 10; bit >= 6; bit--)
        result ^= (result >> bit & 1) * (0x43U << (bit - 6));
    return result;
}

/* The check character: the sum of value i times x^(24 - i). */
static char oracle_check(const char characters[24])
{
    unsigned int sum = 0, weight = 2;

    for (int i = 23; i >= 0; i--) {
        sum ^= product((unsigned int)(strchr(alphabet, characters[i]) - alphabet), weight);
        weight = product(weight, 2);
    }
    return alphabet[sum];
}

static void oracle(char text_form[WHOLE + 1], const unsigned char id[ID])
{
    char *tail = text_form + PREFIX;

    memcpy(text_form, "hsmzke:", PREFIX);
    EVP_EncodeBlock((unsigned char *)tail, id, ID);
    for (int i = 0; i < CHARACTERS - 1; i++) {
        if (tail[i] == '+')
            tail[i] = '-';
        else if (tail[i] == '/')
            tail[i] = '_';
    }
    tail[CHARACTERS - 1] = oracle_check(tail);
    tail[CHARACTERS] = '\0';
}

/* The 32 bytes of a reference that is written as text. */
static void pad(unsigned char bytes[WHOLE], const char *text_form)
{
    memset(bytes, 0, WHOLE);
    memcpy(bytes, text_form, strlen(text_form));
}

/* Parses both forms of a text of up to 32 characters, which must be refused, with words. */
static void refused(const char *text_form, const char *words)
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

/* Parses both forms of a text of up to 32 characters, which must be taken for the same. */
static void taken(struct reference *reference, const char *text_form)
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

static void is_id(const char *text_form, const unsigned char id[ID])
{
    struct reference reference;

    taken(&reference, text_form);
    assert_int_equal(reference.kind, REFERENCE_BY_ID);
    assert_memory_equal(reference.id, id, ID);
    assert_string_equal(reference.name, "");
}

static void is_name(const char *name)
{
    struct reference reference;
    char text_form[WHOLE + 1];

    snprintf(text_form, sizeof(text_form), "hsmzke:%s", name);
    taken(&reference, text_form);
    assert_int_equal(reference.kind, REFERENCE_BY_NAME);
    assert_string_equal(reference.name, name);
}

static void published_examples(void **state)
{
    static const char *const examples[][2] = {
        { "000102030405060708090a0b0c0d0e0f1011", "hsmzke:AAECAwQFBgcICQoLDA0ODxARo" },
        { "cb829cb5d70546c194367553aee067af18b1", "hsmzke:y4KctdcFRsGUNnVTruBnrxixw" },
    };
    struct reference reference;
    struct failure why;
    unsigned char id[ID];
    char expected[WHOLE + 1];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(unhex(examples[i][0], id, sizeof(id)), ID);
        assert_true(reference_from_id(&reference, id, &why));
        assert_string_equal(reference.text, examples[i][1]);
        is_id(examples[i][1], id);
        oracle(expected, id);
        assert_string_equal(expected, examples[i][1]);
    }
}

static void round_trip(void **state)
{
    struct prng prng = { 18 };
    struct reference reference;
    struct failure why;
    unsigned char id[ID];
    char expected[WHOLE + 1];

    (void)state;
    for (int i = 0; i < RANDOM_IDS; i++) {
        prng_fill(&prng, id, sizeof(id));
        oracle(expected, id);
        assert_true(reference_from_id(&reference, id, &why));
        assert_int_equal(reference.kind, REFERENCE_BY_ID);
        assert_memory_equal(reference.id, id, ID);
        assert_string_equal(reference.name, "");
        assert_string_equal(reference.text, expected);
        is_id(expected, id);
    }
}

/* Every character of the alphabet at every position; only the right one is taken. */
static void single_wrong_characters(void **state)
{
    struct prng prng = { 25 };
    unsigned char id[ID];
    char right[WHOLE + 1], changed[WHOLE + 1];

    (void)state;
    for (int i = 0; i < 20; i++) {
        prng_fill(&prng, id, sizeof(id));
        oracle(right, id);
        for (int at = PREFIX; at < WHOLE; at++) {
            for (const char *c = alphabet; *c != '\0'; c++) {
                memcpy(changed, right, sizeof(changed));
                changed[at] = *c;
                if (changed[at] == right[at])
                    is_id(changed, id);
                else
                    refused(changed, "check character");
            }
        }
    }
}

/* Any two different characters change places, the check character among them. */
static void swapped_characters(void **state)
{
    struct prng prng = { 2 };
    unsigned char id[ID];
    char right[WHOLE + 1], changed[WHOLE + 1];

    (void)state;
    for (int i = 0; i < 100; i++) {
        prng_fill(&prng, id, sizeof(id));
        oracle(right, id);
        for (int a = PREFIX; a < WHOLE; a++) {
            for (int b = a + 1; b < WHOLE; b++) {
                if (right[a] == right[b])
                    continue;
                memcpy(changed, right, sizeof(changed));
                changed[a] = right[b];
                changed[b] = right[a];
                refused(changed, "check character");
            }
        }
    }
}

/* Every byte that is none of the alphabet, NUL apart, at every position. */
static void other_characters(void **state)
{
    char changed[WHOLE + 1], words[40];

    (void)state;
    for (int c = 1; c < 256; c++) {
        if (strchr(alphabet, c) != NULL)
            continue;
        for (int at = PREFIX; at < WHOLE; at++) {
            memcpy(changed, counting, sizeof(changed));
            changed[at] = (char)c;
            snprintf(words, sizeof(words), "character %d is none", at - PREFIX + 1);
            refused(changed, at < WHOLE - 1 ? words : "check character");
        }
    }
}

static void id_of_one_repeated_byte(void **state)
{
    struct reference reference;
    struct failure why;
    unsigned char id[ID];
    char right[WHOLE + 1];

    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        memset(id, byte, sizeof(id));
        assert_false(reference_from_id(&reference, id, &why));
        assert_int_equal(why.reason, FAILURE_REFERENCE);
        CHECK_HAS(why.text, "one repeated byte");
        oracle(right, id);
        refused(right, "one repeated byte");
        for (int at = 0; at < ID; at++) {
            id[at] ^= 1;
            oracle(right, id);
            is_id(right, id);
            id[at] ^= 1;
        }
    }
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
    refused("hsmzke:", "names no key");
}

static void text_too_long(void **state)
{
    struct reference reference;
    struct failure why;
    char long_text[200];

    (void)state;
    for (size_t length = WHOLE + 1; length < sizeof(long_text); length++) {
        memset(long_text, 'A', sizeof(long_text));
        memcpy(long_text, counting, WHOLE);
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
    refused(" hsmzke:gold", "begin");
    refused("gold", "begin");
    refused("hsmzke", "begin");
    refused("", "begin");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(single_wrong_characters),
        cmocka_unit_test(swapped_characters),
        cmocka_unit_test(other_characters),
        cmocka_unit_test(id_of_one_repeated_byte),
        cmocka_unit_test(names_of_every_length),
        cmocka_unit_test(names_of_every_byte),
        cmocka_unit_test(names_are_literal),
        cmocka_unit_test(empty),
        cmocka_unit_test(text_too_long),
        cmocka_unit_test(bytes_after_nul),
        cmocka_unit_test(wrong_sizes),
        cmocka_unit_test(prefix_is_exact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
