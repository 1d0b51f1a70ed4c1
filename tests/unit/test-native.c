/*
 * Key wrap by a mechanism of the HSM's own (cipher/native.[ch]): when it is believed, what is told
 * of it, and that what comes out is right whatever it does.
 */
#include "testing.h"

#include <string.h>

#include "native-fake.h"

static unsigned char plain[NATIVE_ROOM];

/* One update. */
struct job {
    enum machine_kind kind;
    bool encrypt;
    const unsigned char *iv, *in;
    size_t size;
    bool in_place;
};

struct outcome {
    enum machine_result result;
    unsigned char out[NATIVE_ROOM];
    size_t written;
};

static void run(struct native_fake *fake, const struct job *job, struct outcome *outcome)
{
    const struct machine_engine engine = { fake, native_blocks, NULL, &native_fakes };
    struct machine machine;

    aes_open(&fake->aes, MACHINE_ECB, native_key);
    fake->blocks = fake->natives = 0;
    fake->judged = NOT_JUDGED;
    machine_new(&machine, job->kind);
    machine_init(&machine, job->encrypt, job->iv);
    memset(outcome->out, 0, NATIVE_ROOM);
    if (job->in_place)
        memcpy(outcome->out, job->in, job->size);
    outcome->result =
        machine_update(&machine, &engine, outcome->out, &outcome->written, job->size + 16,
                       job->in_place ? outcome->out : job->in, job->size);
    aes_close(&fake->aes);
}

static struct native_fake fake_of(enum hsm_trust trust)
{
    return (struct native_fake){ .now = { .trust = trust } };
}

enum { GENUINE = 0, FORGED = 1 };

/* Wraps or unwraps 32 bytes; what comes out must be right, or nothing. */
static void wrapping(struct native_fake *fake, bool encrypt, unsigned int forged,
                     const unsigned char *iv, enum machine_result expected)
{
    for (unsigned int bits = 0; bits < 4; bits++) {
        const enum machine_kind kind = (bits & 1) != 0 ? MACHINE_WRAP_PAD : MACHINE_WRAP;
        const struct hsm_native before = fake->now;
        unsigned char wrapped[NATIVE_ROOM];
        const size_t size = native_by_default(native_name(kind), true, iv, plain, 32, wrapped);
        struct job job = {
            kind, encrypt, iv, encrypt ? plain : wrapped, encrypt ? 32 : size, (bits & 2) != 0
        };
        struct outcome outcome;

        wrapped[20] ^= (unsigned char)forged;
        fake->cipher = native_name(kind);
        run(fake, &job, &outcome);
        assert_int_equal(outcome.result, expected);
        assert_int_equal(outcome.written, expected != MACHINE_DONE ? 0 : encrypt ? size : 32);
        assert_memory_equal(outcome.out, encrypt ? wrapped : plain, outcome.written);
        fake->now = before;
    }
}

static void proven_is_believed(void **state)
{
    struct native_fake fake = fake_of(HSM_TRUST_PROVEN);

    (void)state;
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        wrapping(&fake, encrypt != 0, GENUINE, NULL, MACHINE_DONE);
        assert_int_equal(fake.blocks, 0);
        assert_int_equal(fake.natives, 1);
        assert_int_equal(fake.judged, NOT_JUDGED);
        assert_null(fake.iv);
        wrapping(&fake, encrypt != 0, GENUINE, native_iv, MACHINE_DONE);
        assert_int_equal(fake.blocks, 0);
        assert_non_null(fake.iv);
    }
}

static void none_is_not_called(void **state)
{
    struct native_fake fake = fake_of(HSM_TRUST_NOT);

    (void)state;
    wrapping(&fake, true, GENUINE, NULL, MACHINE_DONE);
    assert_int_equal(fake.natives, 0);
}

/* What is told of a mechanism after one message. */
static void unproven_is_compared(void **state)
{
    static const struct {
        int how;
        int wrapping, unwrapping, forged; /* what is told */
    } rows[] = {
        { HONEST, true, true, NOT_JUDGED },       { WRONG_BYTES, false, false, NOT_JUDGED },
        { WRONG_SIZE, false, false, NOT_JUDGED }, { REFUSES, false, false, NOT_JUDGED },
        { UNFIT, false, false, NOT_JUDGED },      { TRUSTING, true, false, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct native_fake fake = fake_of(HSM_TRUST_UNPROVEN);

        fake.how = rows[i].how;
        wrapping(&fake, true, GENUINE, NULL, MACHINE_DONE);
        assert_int_equal(fake.judged, rows[i].wrapping);
        wrapping(&fake, false, GENUINE, NULL, MACHINE_DONE);
        assert_int_equal(fake.judged, rows[i].unwrapping);
        wrapping(&fake, false, FORGED, NULL, MACHINE_NOT_GENUINE);
        assert_int_equal(fake.judged, rows[i].forged);
        assert_true(fake.blocks > 0);
    }
}

static void large_data_are_no_trial(void **state)
{
    struct native_fake fake = fake_of(HSM_TRUST_UNPROVEN);
    const struct job job = { MACHINE_WRAP, true, NULL, plain, NATIVE_TRIAL_MOST + 8, false };
    struct outcome outcome;

    (void)state;
    fake.cipher = native_name(MACHINE_WRAP);
    run(&fake, &job, &outcome);
    assert_int_equal(outcome.result, MACHINE_DONE);
    assert_int_equal(fake.natives, 0);
}

/* A proven one that fails: the blocks tell, and a mechanism that failed alone is found out. */
static void proven_is_looked_after(void **state)
{
    struct native_fake fake = fake_of(HSM_TRUST_PROVEN);

    (void)state;
    for (fake.how = REFUSES; fake.how <= UNFIT; fake.how++) {
        wrapping(&fake, true, GENUINE, NULL, MACHINE_DONE);
        assert_int_equal(fake.judged, false);
        wrapping(&fake, false, GENUINE, NULL, MACHINE_DONE);
        assert_int_equal(fake.judged, false);
        wrapping(&fake, false, FORGED, NULL, MACHINE_NOT_GENUINE);
        assert_int_equal(fake.judged, NOT_JUDGED);
        assert_true(fake.blocks > 0);
    }
}

static void a_lost_hsm_teaches_nothing(void **state)
{
    struct native_fake fake = fake_of(HSM_TRUST_NOT);

    (void)state;
    fake.how = FAILS;
    for (int trust = HSM_TRUST_UNPROVEN; trust <= HSM_TRUST_PROVEN; trust++) {
        fake.now.trust = (enum hsm_trust)trust;
        wrapping(&fake, true, GENUINE, NULL, MACHINE_ENGINE_FAILED);
        wrapping(&fake, false, GENUINE, NULL, MACHINE_ENGINE_FAILED);
        assert_int_equal(fake.judged, NOT_JUDGED);
        assert_int_equal(fake.blocks, 0);
    }
}

static void without_blocks(void **state)
{
    struct native_fake fake = fake_of(HSM_TRUST_UNPROVEN);

    (void)state;
    fake.no_blocks = true;
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        wrapping(&fake, encrypt != 0, GENUINE, NULL, MACHINE_DONE);
        assert_true(fake.judged == true && fake.judged_alone);
        wrapping(&fake, encrypt != 0, GENUINE, native_iv, MACHINE_ENGINE_FAILED);
        assert_int_equal(fake.judged, NOT_JUDGED);
    }
    for (fake.how = WRONG_BYTES; fake.how <= TRUSTING; fake.how++) {
        wrapping(&fake, true, GENUINE, NULL, MACHINE_ENGINE_FAILED);
        assert_int_equal(fake.judged, NOT_JUDGED);
    }
    fake = fake_of(HSM_TRUST_PROVEN);
    fake.no_blocks = true;
    wrapping(&fake, false, FORGED, NULL, MACHINE_NOT_GENUINE);
    fake.now.alone = true;
    wrapping(&fake, false, FORGED, NULL, MACHINE_NOT_GENUINE);
    assert_int_equal(fake.blocks, 0);
    fake.how = UNFIT;
    wrapping(&fake, true, GENUINE, NULL, MACHINE_ENGINE_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proven_is_believed),     cmocka_unit_test(none_is_not_called),
        cmocka_unit_test(unproven_is_compared),   cmocka_unit_test(large_data_are_no_trial),
        cmocka_unit_test(proven_is_looked_after), cmocka_unit_test(a_lost_hsm_teaches_nothing),
        cmocka_unit_test(without_blocks),
    };

    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (unsigned char)(i * 11 + i / 256);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
