/*
 * Every form of schedule, of every key length, at every place in a 64-byte line: whole, and in
 * fragments that begin at every round key.
 */
#include <stdio.h>
#include <string.h>

#include "scanning.h"

enum { SLOT = 2048, LINE = 64 };

static const enum code_path paths[] = { PATH_PORTABLE, PATH_AVX2, PATH_AVX512 };

static struct scanner_settings settings_for(enum code_path path)
{
    return (struct scanner_settings){ .detectors = DETECT_SCHEDULES | DETECT_BITSLICED,
                                      .path = path };
}

/* A schedule's round keys `first` to `first` + `blocks` - 1 (0: all), one at each phase. */
struct planting {
    const struct planted_form *form;
    unsigned int key_bits;
    size_t first, blocks;
    unsigned char key[32];
};

static size_t plant(const struct planting *planting, unsigned char *memory, size_t at)
{
    unsigned char encoded[ENCODED_MAX];
    const size_t size = encode_schedule(planting->form, planting->key, planting->key_bits, encoded);
    const size_t block = planted_block(planting->form);
    const size_t part = planting->blocks == 0 ? size : planting->blocks * block;

    memcpy(memory + at, encoded + planting->first * block, part);
    return part;
}

static size_t place_of(size_t phase)
{
    return phase * SLOT + 512 + phase;
}

static void check_planting(const struct planting *planting, const struct scanner_settings *settings,
                           const unsigned char *background)
{
    unsigned char *memory = memory_new(LINE * SLOT);
    struct findings *findings;
    size_t part = 0;

    memcpy(memory, background, LINE * SLOT);
    for (size_t phase = 0; phase < LINE; phase++)
        part = plant(planting, memory, place_of(phase));
    findings = scan(settings, memory, LINE * SLOT, 0);
    for (size_t phase = 0; phase < LINE; phase++) {
        const struct finding *finding = find_schedule(findings, planting->form, planting->key,
                                                      planting->key_bits, place_of(phase));

        if (finding == NULL || finding->size != part)
            fail_msg("%s, AES-%u, round keys %zu + %zu, phase %zu: %s (%zu findings)",
                     planting->form->name, planting->key_bits, planting->first, planting->blocks,
                     phase, finding == NULL ? "not found" : "not whole", findings_count(findings));
        assert_int_equal(finding->matched, part / planted_block(planting->form));
    }
    assert_int_equal(findings_count(findings), LINE);
    findings_free(findings);
    memory_free(memory);
}

static unsigned char *background_new(bool random, uint64_t *seed)
{
    unsigned char *background = memory_new(LINE * SLOT);

    if (random)
        random_fill(background, LINE * SLOT, seed);
    return background;
}

static void whole_schedules(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (int random = 0; random < 2; random++) {
        unsigned char *background = background_new(random != 0, &seed);

        for (size_t i = 0; i < planted_form_count * 3 * 3; i++) {
            struct planting planting = { .form = &planted_forms[i / 9],
                                         .key_bits = 128 + 64 * (unsigned int)(i / 3 % 3) };
            const struct scanner_settings settings = settings_for(paths[i % 3]);
            unsigned char encoded[ENCODED_MAX];

            random_fill(planting.key, sizeof(planting.key), &seed);
            if (encode_schedule(planting.form, planting.key, planting.key_bits, encoded) != 0)
                check_planting(&planting, &settings, background);
        }
        memory_free(background);
    }
}

static void check_fragments(size_t blocks, bool thorough)
{
    uint64_t seed = 2;
    unsigned char *background = background_new(true, &seed);
    struct scanner_settings settings = settings_for(PATH_BEST);
    size_t count = 0;

    settings.thorough = thorough;
    for (size_t i = 0; i < planted_form_count * 3; i++) {
        struct planting planting = { .form = &planted_forms[i / 3],
                                     .key_bits = 128 + 64 * (unsigned int)(i % 3),
                                     .blocks = blocks };
        unsigned char encoded[ENCODED_MAX];
        size_t all;

        random_fill(planting.key, sizeof(planting.key), &seed);
        all = encode_schedule(planting.form, planting.key, planting.key_bits, encoded) /
              planted_block(planting.form);
        for (planting.first = 0; planting.first + blocks <= all; planting.first++, count += LINE)
            check_planting(&planting, &settings, background);
    }
    memory_free(background);
    print_message("%zu fragments of %zu round keys\n", count, blocks);
}

static void fragments_of_six_round_keys(void **state)
{
    (void)state;
    check_fragments(6, false);
}

static void fragments_of_four_round_keys(void **state)
{
    (void)state;
    check_fragments(4, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_schedules),
        cmocka_unit_test(fragments_of_six_round_keys),
        cmocka_unit_test(fragments_of_four_round_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
