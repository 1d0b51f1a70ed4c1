/*
 * Images of 64 MiB: all that was planted is found, and nothing else; by all code paths, in pieces
 * of any size.
 */
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "scanning.h"

enum { SIZE = 64 << 20, PLANTED = 6000 };

struct images {
    unsigned char *unplanted, *planted;
    struct planted plants[PLANTED], fragments[PLANTED];
    unsigned char *fragmented;
};

static const enum code_path paths[] = { PATH_PORTABLE, PATH_AVX2, PATH_AVX512 };

static struct scanner_settings settings_for(enum code_path path, bool thorough)
{
    return (struct scanner_settings){ .detectors = DETECT_SCHEDULES | DETECT_BITSLICED,
                                      .path = path,
                                      .thorough = thorough };
}

static int make_images(void **state)
{
    struct images *images = calloc(1, sizeof(*images));

    if (images == NULL)
        return -1;
    images->unplanted = memory_new(SIZE);
    images->planted = memory_new(SIZE);
    images->fragmented = memory_new(SIZE);
    image_fill(images->unplanted, SIZE, 11);
    memcpy(images->planted, images->unplanted, SIZE);
    memcpy(images->fragmented, images->unplanted, SIZE);
    image_plant(images->planted, SIZE, 12, 6, images->plants, PLANTED);
    image_plant(images->fragmented, SIZE, 13, 4, images->fragments, PLANTED);
    *state = images;
    return 0;
}

static int free_images(void **state)
{
    struct images *images = *state;

    memory_free(images->unplanted);
    memory_free(images->planted);
    memory_free(images->fragmented);
    free(images);
    return 0;
}

static void nothing_is_found_where_nothing_is(void **state)
{
    const struct images *images = *state;

    for (int i = 0; i < 6; i++) {
        const struct scanner_settings settings = settings_for(paths[i / 2], i % 2 != 0);
        struct findings *findings = scan(&settings, images->unplanted, SIZE, 0);

        assert_int_equal(findings_count(findings), 0);
        findings_free(findings);
    }
}

/* Both are in the order of addresses. */
static void assert_found(const struct findings *findings, const struct planted *plants)
{
    for (size_t i = 0; i < PLANTED; i++) {
        const struct planted *plant = &plants[i];
        const struct finding *finding;

        if (i >= findings_count(findings) || findings_at(findings, i)->address != plant->at)
            fail_msg("%s, AES-%u, round keys %zu + %zu at %zx: found is what is at %zx",
                     plant->form->name, plant->key_bits, plant->first, plant->blocks, plant->at,
                     i < findings_count(findings) ? (size_t)findings_at(findings, i)->address : 0);
        finding = findings_at(findings, i);
        assert_int_equal(finding->size, plant->size);
        assert_int_equal(finding->matched, plant->blocks);
        assert_int_equal(finding->key_bits, plant->key_bits);
        assert_int_equal(finding->transform, plant->form->transform);
        assert_int_equal(finding->order, plant->form->order);
        assert_int_equal(finding->bytes, plant->form->bytes);
        assert_memory_equal(finding->key, plant->key, plant->key_bits / 8);
    }
    assert_int_equal(findings_count(findings), PLANTED);
}

static void all_that_is_planted_is_found(void **state)
{
    const struct images *images = *state;

    for (int i = 0; i < 3; i++) {
        const struct scanner_settings settings = settings_for(paths[i], false);
        struct findings *findings = scan(&settings, images->planted, SIZE, 0);

        assert_found(findings, images->plants);
        findings_free(findings);
    }
}

static void small_fragments_are_found_by_a_thorough_scan(void **state)
{
    const struct images *images = *state;

    for (int i = 0; i < 3; i++) {
        const struct scanner_settings settings = settings_for(paths[i], true);
        struct findings *findings = scan(&settings, images->fragmented, SIZE, 0);

        assert_found(findings, images->fragments);
        findings_free(findings);
    }
}

static void pieces_of_any_size_say_the_same(void **state)
{
    static const size_t sizes[] = { 4096, 10007, 1 << 20, (4 << 20) - 13 };
    const struct images *images = *state;

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        const struct scanner_settings settings = settings_for(PATH_BEST, false);
        struct findings *findings = scan(&settings, images->planted, SIZE, sizes[i]);

        assert_found(findings, images->plants);
        findings_free(findings);
    }
}

/* Planted or not, of whatever length: what one path finds, all find. */
static void all_paths_find_the_same_of_small_fragments(void **state)
{
    const struct images *images = *state;
    struct findings *findings[3];

    for (int i = 0; i < 3; i++) {
        const struct scanner_settings settings = settings_for(paths[i], false);

        findings[i] = scan(&settings, images->fragmented, SIZE, 0);
    }
    assert_true(findings_count(findings[0]) > PLANTED / 2);
    assert_same_findings(findings[0], findings[1]);
    assert_same_findings(findings[0], findings[2]);
    for (int i = 0; i < 3; i++)
        findings_free(findings[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_found_where_nothing_is),
        cmocka_unit_test(all_that_is_planted_is_found),
        cmocka_unit_test(small_fragments_are_found_by_a_thorough_scan),
        cmocka_unit_test(pieces_of_any_size_say_the_same),
        cmocka_unit_test(all_paths_find_the_same_of_small_fragments),
    };

    return cmocka_run_group_tests(tests, make_images, free_images);
}
