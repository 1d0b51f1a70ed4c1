/*
 * CFB and OFB by a mechanism of the HSM's own (cipher/feedback.c): when it is believed, what is
 * told of it, and that what comes out is right whatever it does.
 */
#include "testing.h"

#include <string.h>

#include "native-fake.h"

static unsigned char plain[NATIVE_ROOM];

static struct native_fake fake_of(enum hsm_trust trust)
{
    return (struct native_fake){ .now = { .trust = trust } };
}

static const enum machine_kind feeding[] = { MACHINE_CFB, MACHINE_CFB8, MACHINE_CFB1, MACHINE_OFB };
enum { FEEDING = sizeof(feeding) / sizeof(feeding[0]) };

/* `size` bytes in two updates, the first of `first`; right in every byte unless it fails. */
static void feed(struct native_fake *fake, enum machine_kind kind, bool encrypt, size_t first,
                 size_t size, enum machine_result expected)
{
    const struct machine_engine engine = { fake, native_blocks, NULL, &native_fakes };
    const struct hsm_native before = fake->now;
    unsigned char theirs[NATIVE_ROOM], ours[NATIVE_ROOM];
    enum machine_result result = MACHINE_DONE;
    struct machine machine;
    size_t written;

    fake->cipher = native_name(kind);
    fake->blocks = fake->natives = 0;
    fake->judged = NOT_JUDGED;
    aes_open(&fake->aes, MACHINE_ECB, native_key);
    CHECK(native_by_default(fake->cipher, encrypt, native_iv, plain, size, theirs) == size);
    machine_new(&machine, kind);
    machine_init(&machine, encrypt, native_iv);
    memcpy(ours, plain, size); /* in place */
    if (first > 0)
        result = machine_update(&machine, &engine, ours, &written, first, ours, first);
    if (result == MACHINE_DONE)
        result = machine_update(&machine, &engine, ours + first, &written, size - first,
                                ours + first, size - first);
    assert_int_equal(result, expected);
    if (expected == MACHINE_DONE)
        assert_memory_equal(ours, theirs, size);
    fake->now = before;
    aes_close(&fake->aes);
}

static void all_feeding(struct native_fake *fake, int judged, bool native)
{
    static const size_t firsts[] = { 0, 1, 16, 21 }, sizes[] = { 64, 77, 700, 4096 };

    for (size_t i = 0; i < FEEDING; i++) {
        for (size_t j = 0; j < 4 * 4 * 2; j++) {
            feed(fake, feeding[i], j % 2 != 0, firsts[j / 2 % 4], sizes[j / 8], MACHINE_DONE);
            if (fake->natives > 0)
                assert_int_equal(fake->judged, judged);
            if (!native)
                assert_int_equal(fake->natives, 0);
        }
    }
}

static void feeding_is_right(void **state)
{
    struct native_fake fake = fake_of(HSM_TRUST_NOT);

    (void)state;
    all_feeding(&fake, NOT_JUDGED, false);
    fake = fake_of(HSM_TRUST_PROVEN);
    all_feeding(&fake, NOT_JUDGED, true);
    for (size_t i = 0; i < FEEDING; i++) {
        feed(&fake, feeding[i], true, 0, 512, MACHINE_DONE);
        assert_true(fake.natives == 1 && fake.blocks == 0);
    }
}

static void feeding_is_compared(void **state)
{
    static const int wrong[] = { WRONG_BYTES, REFUSES, UNFIT, STOPS };
    struct native_fake fake = fake_of(HSM_TRUST_UNPROVEN);

    (void)state;
    for (size_t i = 0; i < FEEDING; i++) {
        feed(&fake, feeding[i], true, 0, 512, MACHINE_DONE);
        assert_true(fake.natives == 2 && fake.judged == true && fake.blocks > 0);
        for (size_t j = 0; j < sizeof(wrong) / sizeof(wrong[0]); j++) {
            fake.how = wrong[j];
            feed(&fake, feeding[i], true, 0, 512, MACHINE_DONE);
            assert_true(fake.natives == 1 && fake.judged == false);
        }
        fake.how = HONEST;
    }
}

static void feeding_that_stops(void **state)
{
    struct native_fake fake = fake_of(HSM_TRUST_PROVEN);

    (void)state;
    fake.how = STOPS;
    all_feeding(&fake, false, true);
    fake.how = UNFIT;
    all_feeding(&fake, false, true);
    fake.how = FAILS;
    feed(&fake, MACHINE_CFB, true, 0, 512, MACHINE_ENGINE_FAILED);
    assert_int_equal(fake.judged, NOT_JUDGED);
    fake.how = UNFIT;
    fake.no_blocks = true;
    feed(&fake, MACHINE_CFB, true, 0, 512, MACHINE_ENGINE_FAILED);
    assert_int_equal(fake.judged, NOT_JUDGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feeding_is_right),
        cmocka_unit_test(feeding_is_compared),
        cmocka_unit_test(feeding_that_stops),
    };

    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (unsigned char)(i * 11 + i / 256);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
