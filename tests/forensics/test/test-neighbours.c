/*
 * Keys whose user shows in what lies beside them (scan/neighbours.[ch]): OpenSSL's CTR-DRBG.
 */
#include <string.h>

#include "../scan/neighbours.h"
#include "scanning.h"

static void add(struct findings *findings, uint64_t address, unsigned int first_byte,
                unsigned int place)
{
    struct finding finding = { .kind = FINDING_SCHEDULE,
                               .place = place,
                               .address = address,
                               .size = 240,
                               .key_bits = 256,
                               .matched = 15,
                               .of = 15,
                               .sought = -1 };

    for (unsigned int i = 0; i < 32; i++)
        finding.key[i] = (unsigned char)(first_byte + i);
    findings_add(findings, &finding);
}

/* @return which findings have a user, as bits, in the order of place and address */
static unsigned int named(struct findings *findings)
{
    unsigned int bits = 0;

    findings_settle(findings);
    neighbours_name(findings);
    for (size_t i = 0; i < findings_count(findings); i++)
        if (findings_at(findings, i)->used_by != NULL)
            bits |= 1u << i;
    findings_free(findings);
    return bits;
}

/* At the distances of OpenSSL 3.0; the derivation function's key has no user of its own. */
static void two_generators(void **state)
{
    struct findings *findings = findings_new();

    (void)state;
    add(findings, 0x9710, 100, 1);
    add(findings, 0x98e0, 100, 1);
    add(findings, 0x9b70, 0, 1);
    add(findings, 0xa1a0, 7, 1);
    add(findings, 0xa370, 7, 1);
    add(findings, 0xa600, 0, 1);
    assert_int_equal(named(findings), 0x1b);
}

static void a_key_between_is_another(void **state)
{
    struct findings *findings = findings_new();

    (void)state;
    add(findings, 0x1000, 100, 1);
    add(findings, 0x1200, 50, 1);
    add(findings, 0x1400, 100, 1);
    add(findings, 0x1800, 0, 1);
    assert_int_equal(named(findings), 0x5);
}

/* As in OpenSSL 3.5: the ECB context found room elsewhere on the heap. */
static void one_of_two_lies_elsewhere(void **state)
{
    struct findings *findings = findings_new();

    (void)state;
    add(findings, 0x2e750, 100, 1);
    add(findings, 0x40000, 50, 1);
    add(findings, 0x60110, 100, 1);
    add(findings, 0x603b0, 0, 1);
    add(findings, 0x60110, 100, 2);
    assert_int_equal(named(findings), 0x5);
}

static void one_alone_is_not_enough(void **state)
{
    struct findings *findings = findings_new();

    (void)state;
    add(findings, 0x1000, 100, 1);
    add(findings, 0x1200, 50, 1);
    add(findings, 0x1400, 0, 1);
    assert_int_equal(named(findings), 0);
}

static void far_away_is_not_enough(void **state)
{
    struct findings *findings = findings_new();

    (void)state;
    add(findings, 0x1000, 100, 1);
    add(findings, 0x1200, 100, 1);
    add(findings, 0x2400, 0, 1);
    add(findings, 0x1000, 9, 2);
    add(findings, 0x1200, 9, 2);
    add(findings, 0x1400, 0, 3);
    assert_int_equal(named(findings), 0);
}

static void without_the_derivation_function(void **state)
{
    struct findings *findings = findings_new();

    (void)state;
    add(findings, 0x1000, 100, 1);
    add(findings, 0x1200, 100, 1);
    assert_int_equal(named(findings), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_generators),
        cmocka_unit_test(a_key_between_is_another),
        cmocka_unit_test(one_of_two_lies_elsewhere),
        cmocka_unit_test(one_alone_is_not_enough),
        cmocka_unit_test(far_away_is_not_enough),
        cmocka_unit_test(without_the_derivation_function),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
