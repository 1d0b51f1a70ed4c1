/*
 * The set of findings (model/finding.[ch]): each thing once, the better one kept, in order; and so
 * with 100,000 of them.
 */
#include <pthread.h>
#include <string.h>

#include "scanning.h"

enum { MANY = 100000, THREADS = 4 };

static struct finding schedule_at(uint64_t address, uint32_t matched)
{
    return (struct finding){ .kind = FINDING_SCHEDULE,
                             .address = address,
                             .size = 16 * matched,
                             .key_bits = 256,
                             .matched = matched,
                             .of = 15,
                             .sought = -1 };
}

static void nothing_in_it(void **state)
{
    struct findings *findings = findings_new();

    (void)state;
    findings_settle(findings);
    assert_int_equal(findings_count(findings), 0);
    assert_false(findings_overflowed(findings));
    findings_free(findings);
    findings_free(NULL);
}

static void the_same_is_one_and_the_better_is_kept(void **state)
{
    struct findings *findings = findings_new();
    struct finding finding = schedule_at(64, 7);

    (void)state;
    findings_add(findings, &finding);
    finding.matched = 9;
    findings_add(findings, &finding);
    finding.matched = 8;
    findings_add(findings, &finding);
    assert_int_equal(findings_count(findings), 1);
    assert_int_equal(findings_at(findings, 0)->matched, 9);
    findings_settle(findings);
    findings_add(findings, &finding);
    assert_int_equal(findings_count(findings), 1);
    assert_int_equal(findings_at(findings, 0)->matched, 9);
    findings_free(findings);
}

/* Each member by which findings differ. */
static void what_differs_is_another(void **state)
{
    static const char same_text[] = "raw", same_text_elsewhere[] = "raw";
    struct findings *findings = findings_new();
    struct finding others[9];

    (void)state;
    for (int i = 0; i < 9; i++) {
        others[i] = schedule_at(64, 4);
        others[i].encoding = same_text;
    }
    others[1].address++;
    others[2].place++;
    others[3].kind = FINDING_KNOWN_KEY;
    others[4].order = ORDER_REVERSED;
    others[5].transform = TRANSFORM_INV_MIX_COLUMNS;
    others[6].bytes = BYTES_SWAPPED_32;
    others[7].encoding = "base64";
    others[8].key_bits = 128;
    for (int i = 0; i < 9; i++) {
        findings_add(findings, &others[i]);
        findings_add(findings, &others[i]);
        assert_int_equal(findings_count(findings), i + 1);
    }
    others[0].encoding = same_text_elsewhere;
    findings_add(findings, &others[0]);
    assert_int_equal(findings_count(findings), 9);
    others[0].encoding = NULL;
    findings_add(findings, &others[0]);
    assert_int_equal(findings_count(findings), 10);
    findings_free(findings);
}

static void sorted_by_place_and_address(void **state)
{
    static const struct {
        unsigned int place;
        uint64_t address;
    } given[] = { { 2, 0 }, { 1, 5000 }, { 0, 9000 }, { 1, 10 }, { 0, 100 } };
    struct findings *findings = findings_new();

    (void)state;
    for (int i = 0; i < 5; i++) {
        struct finding finding = schedule_at(given[i].address, 15);

        finding.place = given[i].place;
        findings_add(findings, &finding);
    }
    findings_settle(findings);
    for (size_t i = 1; i < 5; i++) {
        const struct finding *one = findings_at(findings, i - 1), *other = findings_at(findings, i);

        assert_true(one->place < other->place ||
                    (one->place == other->place && one->address < other->address));
    }
    findings_free(findings);
}

/* @return whether `small` is still there after `big` was found around or beside it */
static bool survives(const struct finding *small, const struct finding *big)
{
    struct findings *findings = findings_new();
    bool there = false;

    findings_add(findings, small);
    findings_add(findings, big);
    findings_settle(findings);
    for (size_t i = 0; i < findings_count(findings); i++)
        there |= findings_at(findings, i)->address == small->address &&
                 findings_at(findings, i)->matched == small->matched;
    findings_free(findings);
    return there;
}

static void parts_of_a_better_one_go(void **state)
{
    const struct finding whole = schedule_at(1000, 15);
    struct finding part = schedule_at(1064, 4);

    (void)state;
    assert_false(survives(&part, &whole));
    part = schedule_at(1000, 4);
    assert_false(survives(&part, &whole));
    part = schedule_at(1000, 9);
    part.transform = TRANSFORM_INV_MIX_COLUMNS;
    part.key[0] = 1;
    assert_false(survives(&part, &whole));
    part = schedule_at(1064, 6);
    assert_false(survives(&part, &whole)); /* the same key, seen less well */
}

static void what_is_of_its_own_stays(void **state)
{
    const struct finding whole = schedule_at(1000, 15);
    struct finding other = schedule_at(1240, 4);

    (void)state;
    assert_true(survives(&other, &whole)); /* behind it */
    other = schedule_at(1192, 4);
    assert_true(survives(&other, &whole)); /* half inside */
    other = schedule_at(1064, 6);
    other.key[0] = 1;
    assert_true(survives(&other, &whole)); /* inside, another key, more than a coincidence */
    other = schedule_at(1064, 4);
    other.place = 1;
    assert_true(survives(&other, &whole)); /* another place */
    other.place = 0;
    other.kind = FINDING_KNOWN_KEY;
    assert_true(survives(&other, &whole));
    other = schedule_at(1240, 11);
    other.transform = TRANSFORM_INV_MIX_COLUMNS;
    assert_true(survives(&other, &whole)); /* the decryption key after it */
}

static void *add_many(void *argument)
{
    struct findings *findings = argument;

    for (uint64_t i = 0; i < MANY; i++) {
        struct finding finding = schedule_at(i * 2654435761 % MANY * 3, 5 + (uint32_t)(i % 3));

        memcpy(finding.key, &i, sizeof(i));
        findings_add(findings, &finding);
    }
    return NULL;
}

/* The same ones from several threads. */
static void a_hundred_thousand(void **state)
{
    struct findings *findings = findings_new();
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, findings), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(findings_count(findings), MANY);
    assert_false(findings_overflowed(findings));
    findings_settle(findings);
    assert_int_equal(findings_count(findings), MANY);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(findings_at(findings, i)->address, 3 * i);
    findings_free(findings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_in_it),
        cmocka_unit_test(the_same_is_one_and_the_better_is_kept),
        cmocka_unit_test(what_differs_is_another),
        cmocka_unit_test(sorted_by_place_and_address),
        cmocka_unit_test(parts_of_a_better_one_go),
        cmocka_unit_test(what_is_of_its_own_stays),
        cmocka_unit_test(a_hundred_thousand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
