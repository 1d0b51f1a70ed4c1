/*
 * The known-key search finds the round keys of the key, whole schedules and each alone, in every
 * form; each by the code that is for it.
 */
#include "scanning.h"

#include <stdio.h>
#include <string.h>

#include "../scan/encodings.h"
#include "../scan/known.h"

enum { SIZE = 4096 };

static unsigned char key[32];
static struct sought sought = { .key = key };
static struct scanner_settings settings = { .sought = &sought, .sought_count = 1 };

static int make_key(void **state)
{
    uint64_t seed = 41; /* bytes next to round keys agree by chance */

    (void)state;
    random_fill(key, sizeof(key), &seed);
    return 0;
}

static struct findings *search(const unsigned char *memory, size_t border, unsigned int set)
{
    return search_by(known_detector_with(&settings, set), memory, SIZE, border);
}

static bool has_words(const char *encoding, const struct planted_form *form)
{
    static const char *const transforms[] = { "", "InvMixColumns", "vpaes encrypt",
                                              "vpaes decrypt" };

    return strstr(encoding, transforms[form->transform]) != NULL &&
           (strstr(encoding, "bswap32") != NULL) == (form->bytes == BYTES_SWAPPED_32) &&
           (strstr(encoding, "reversed bytes") != NULL) == (form->bytes == BYTES_REVERSED);
}

/* The longest finding; some forms share a round key or two. */
static const struct finding *best(const struct findings *findings)
{
    const struct finding *longest = NULL;

    for (size_t i = 0; i < findings_count(findings); i++)
        if (longest == NULL || findings_at(findings, i)->matched > longest->matched)
            longest = findings_at(findings, i);
    return longest;
}

static void whole_schedules_are_found(void **state)
{
    unsigned char *memory = memory_new(SIZE), schedule[ENCODED_MAX];
    size_t forms_tried = 0;

    (void)state;
    for (size_t i = 0; i < planted_form_count; i++) {
        const struct planted_form *form = &planted_forms[i];
        const bool vpaes = form->transform == TRANSFORM_VPAES_ENCRYPT ||
                           form->transform == TRANSFORM_VPAES_DECRYPT;
        const size_t size = encode_schedule(form, key, 256, schedule);
        struct findings *findings;

        if (planted_block(form) != 16 || size == 0)
            continue;
        memset(memory, 0, SIZE);
        memcpy(memory + 1001, schedule, size);
        findings = search(memory, 1050, ENCODING_KEY_ALL);
        if (best(findings) == NULL || best(findings)->matched < (vpaes ? 208 : 240) ||
            strstr(best(findings)->encoding, "key schedule") == NULL ||
            !has_words(best(findings)->encoding, form))
            fail_msg("%s: %s", form->name,
                     best(findings) == NULL ? "nothing" : best(findings)->encoding);
        findings_free(findings);
        forms_tried++;
    }
    assert_true(forms_tried >= 10);
    memory_free(memory);
}

/* Which ENCODING_ROUND_KEYS* a form is. */
static unsigned int set_of(const struct planted_form *form)
{
    return form->transform == TRANSFORM_PLAIN             ? ENCODING_ROUND_KEYS
           : form->transform == TRANSFORM_INV_MIX_COLUMNS ? ENCODING_ROUND_KEYS_MIXED
                                                          : ENCODING_ROUND_KEYS_VPAES;
}

/* Each of the middle ones, which are like no bytes of the key; and none without its code. */
static void each_round_key_is_found(const struct planted_form *form)
{
    unsigned char *memory = memory_new(SIZE), schedule[ENCODED_MAX];

    encode_schedule(form, key, 256, schedule);
    for (unsigned int i = 2; i <= 12; i++) {
        const unsigned int round = form->order == ORDER_REVERSED ? 14 - i : i;
        struct findings *findings;
        char name[32];

        memset(memory, 0, SIZE);
        memcpy(memory + 777 + i, schedule + 16 * (size_t)i, 16);
        findings = search(memory, 700, ENCODING_KEY_ALL);
        snprintf(name, sizeof(name), "round key %u", round);
        assert_int_equal(findings_count(findings), 1);
        if (strncmp(findings_at(findings, 0)->encoding, name, strlen(name)) != 0 ||
            !has_words(findings_at(findings, 0)->encoding, form))
            fail_msg("%s: %s is %s", form->name, name, findings_at(findings, 0)->encoding);
        assert_int_equal(findings_at(findings, 0)->address, 777 + i);
        assert_int_equal(findings_at(findings, 0)->matched, 16);
        assert_int_equal(findings_at(findings, 0)->of, 16);
        findings_free(findings);
        findings = search(memory, 700, ENCODING_KEY_ALL & ~set_of(form));
        assert_int_equal(findings_count(findings), 0);
        findings_free(findings);
    }
    memory_free(memory);
}

static void single_round_keys_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < planted_form_count; i++)
        if (planted_block(&planted_forms[i]) == 16 && !planted_forms[i].one_too_many)
            each_round_key_is_found(&planted_forms[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_schedules_are_found),
        cmocka_unit_test(single_round_keys_are_found),
    };

    return cmocka_run_group_tests(tests, make_key, NULL);
}
