/*
 * Key references by id (reference.[ch]).  The oracle is a second implementation: OpenSSL's base64,
 * and the check character as a sum of products in GF(64) instead of shifts.
 */
#include <stdio.h>
#include <string.h>

#include "reference-forms.h"

enum {
    CHARACTERS = 25, /* after the prefix, the check character included */
    RANDOM_IDS = 500,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

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

static void is_id(const char *text_form, const unsigned char id[ID])
{
    struct reference reference;

    reference_taken(&reference, text_form);
    assert_int_equal(reference.kind, REFERENCE_BY_ID);
    assert_memory_equal(reference.id, id, ID);
    assert_string_equal(reference.name, "");
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
                    reference_refused(changed, "check character");
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
                reference_refused(changed, "check character");
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
            memcpy(changed, COUNTING, sizeof(changed));
            changed[at] = (char)c;
            snprintf(words, sizeof(words), "character %d is none", at - PREFIX + 1);
            reference_refused(changed, at < WHOLE - 1 ? words : "check character");
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
        reference_refused(right, "one repeated byte");
        for (int at = 0; at < ID; at++) {
            id[at] ^= 1;
            oracle(right, id);
            is_id(right, id);
            id[at] ^= 1;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_examples),      cmocka_unit_test(round_trip),
        cmocka_unit_test(single_wrong_characters), cmocka_unit_test(swapped_characters),
        cmocka_unit_test(other_characters),        cmocka_unit_test(id_of_one_repeated_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
