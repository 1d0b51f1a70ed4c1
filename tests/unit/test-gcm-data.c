/*
 * The state machine under AES-256-GCM: which calls data take of the HSM, on a module that streams
 * and one that does not; limits; copies; and failures, after which nothing was given out.
 */
#include "testing.h"

#include "gcm-fake.h"

#include <stdlib.h>
#include <string.h>

enum { LARGE = GCM_FIRST_MOST + 4321 };

static const unsigned char aad[7] = "more of";
static unsigned char plain[RIG_MOST], sealed[RIG_MOST], out[RIG_MOST], seal_tag[16];

static void seal(size_t size)
{
    gcm_software(aad, sizeof(aad), plain, size, sealed, seal_tag);
}

static void ready(struct gcm_rig *rig, bool encrypt)
{
    gcm_rig_ready(rig, encrypt);
    assert_int_equal(gcm_aad(&rig->machine, &rig->engine, aad, sizeof(aad)), GCM_OK);
    memset(out, RIG_BLANK, sizeof(out));
}

static enum gcm_result data(struct gcm_rig *rig, size_t from, size_t to)
{
    const unsigned char *in = rig->machine.encrypt ? plain : sealed;

    return gcm_data(&rig->machine, &rig->engine, in + from, out + from, to - from);
}

static bool blank(size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (out[i] != RIG_BLANK)
            return false;
    return true;
}

static bool wiped(const struct gcm_machine *machine)
{
    static const unsigned char none[HSM_BLOCK];

    return !machine->held && memcmp(machine->held_tag, none, HSM_BLOCK) == 0;
}

/* Ends an encryption of `size` bytes with the tag of software. */
static void ends_right(struct gcm_rig *rig, size_t size)
{
    unsigned char tag[16];

    seal(size);
    assert_int_equal(gcm_get_tag(&rig->machine, tag, 16), GCM_WRONG_STATE);
    assert_int_equal(gcm_end(&rig->machine, &rig->engine), GCM_OK);
    assert_int_equal(gcm_get_tag(&rig->machine, tag, 16), GCM_OK);
    assert_memory_equal(tag, seal_tag, 16);
    assert_memory_equal(out, sealed, size);
    assert_true(wiped(&rig->machine));
}

/* ---- encryption ---- */

static void encrypt_in_one(void **state)
{
    struct gcm_rig rig;

    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        ready(&rig, true);
        rig.fake.streams = streams == 1;
        assert_int_equal(data(&rig, 0, GCM_FIRST_MOST), GCM_OK);
        ends_right(&rig, GCM_FIRST_MOST);
        assert_int_equal(rig.fake.calls, 1); /* nothing but one C_Encrypt */
        gcm_rig_close(&rig);

        ready(&rig, true);
        rig.fake.streams = streams == 1;
        assert_int_equal(data(&rig, 0, LARGE), GCM_OK);
        assert_int_equal(rig.fake.encrypted, !streams);
        assert_int_equal(rig.fake.open, streams);
        ends_right(&rig, LARGE);
        gcm_rig_close(&rig);
    }
}

/* The first piece comes back by its tag, so that no CTR is needed; the tag is seen by nobody. */
static void encrypt_more_streaming(void **state)
{
    struct gcm_rig rig;

    (void)state;
    ready(&rig, true);
    rig.fake.streams = rig.fake.no_ctr = true;
    assert_int_equal(data(&rig, 0, 100), GCM_OK);
    assert_true(rig.machine.held);
    assert_int_equal(data(&rig, 100, 133), GCM_OK);
    assert_true(wiped(&rig.machine));
    assert_int_equal(rig.fake.decrypted, 1);
    assert_int_equal(rig.fake.begun, 1);
    assert_int_equal(rig.fake.updated, 2); /* the first piece again, and the second */
    assert_int_equal(data(&rig, 133, 70000), GCM_OK);
    assert_int_equal(rig.fake.updated, 3);
    ends_right(&rig, 70000);
    assert_int_equal(rig.fake.finished, 1);
    assert_int_equal(rig.fake.counted, 0);
    gcm_rig_close(&rig);
}

/* A stream that does not say what the whole message said is not gone on with. */
static void stream_differs(void **state)
{
    struct gcm_rig rig;

    (void)state;
    ready(&rig, true);
    rig.fake.streams = rig.fake.differs = true;
    assert_int_equal(data(&rig, 0, 100), GCM_OK);
    assert_int_equal(data(&rig, 100, 200), GCM_OK); /* by CTR */
    assert_int_equal(rig.fake.open, 0);
    assert_int_equal(rig.fake.dropped, 1);
    rig.fake.streams = false;
    ends_right(&rig, 200);
    gcm_rig_close(&rig);
}

static void encrypt_more_by_ctr(void **state)
{
    static const size_t first[] = { 1, 15, 16, 17, 100, LARGE };
    struct gcm_rig rig;

    (void)state;
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
        ready(&rig, true);
        assert_int_equal(data(&rig, 0, first[i]), GCM_OK);
        assert_int_equal(data(&rig, first[i], first[i] + 3), GCM_OK);
        assert_true(wiped(&rig.machine));
        assert_int_equal(data(&rig, first[i] + 3, first[i] + 60), GCM_OK);
        assert_int_equal(rig.fake.encrypted, 1);
        ends_right(&rig, first[i] + 60);
        assert_int_equal(rig.fake.encrypted, 2);
        assert_int_equal(rig.fake.begun, 0);
        gcm_rig_close(&rig);
    }
}

static void no_ctr(void **state)
{
    struct gcm_rig rig;

    (void)state;
    ready(&rig, true);
    rig.fake.no_ctr = true;
    assert_int_equal(data(&rig, 0, 16), GCM_OK);
    assert_int_equal(data(&rig, 16, 32), GCM_ENGINE_FAILED);
    assert_true(blank(16, 32));
    assert_int_equal(rig.machine.state, GCM_ONE);
    ends_right(&rig, 16);
    gcm_rig_close(&rig);
}

static void zeros_twice(void **state)
{
    struct gcm_rig rig;

    (void)state;
    for (int streams = 0; streams < 2; streams++) {
        for (size_t first = 16; first < 128; first += 16) {
            ready(&rig, true);
            rig.fake.streams = streams == 1;
            memset(plain, 0, 128);
            assert_int_equal(data(&rig, 0, first), GCM_OK);
            assert_int_equal(data(&rig, first, 128), GCM_OK);
            for (size_t i = 0; i < 128; i += 16)
                for (size_t j = 0; j < i; j += 16)
                    assert_memory_not_equal(out + i, out + j, 16);
            gcm_rig_close(&rig);
        }
    }
}

/* ---- decryption ---- */

static void decrypt_in_order(bool tag_first, size_t first, size_t size, enum gcm_one_shot one_shot,
                             unsigned decryptions)
{
    struct gcm_rig rig;

    seal(size);
    ready(&rig, false);
    rig.limits.one_shot = one_shot;
    if (tag_first)
        assert_int_equal(gcm_set_tag(&rig.machine, seal_tag, 16), GCM_OK);
    assert_int_equal(data(&rig, 0, first), GCM_OK);
    assert_int_equal(rig.machine.verified, tag_first && first == size && one_shot == 0);
    if (first < size)
        assert_int_equal(data(&rig, first, size), GCM_OK);
    assert_memory_equal(out, plain, size);
    if (!tag_first) {
        assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_NO_TAG);
        assert_int_equal(gcm_set_tag(&rig.machine, seal_tag, 16), GCM_OK);
    }
    assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_OK);
    assert_int_equal(rig.fake.decrypted, decryptions);
    gcm_rig_close(&rig);
}

static void decrypt(void **state)
{
    (void)state;
    decrypt_in_order(true, 100, 100, GCM_ONE_SHOT_AUTO, 1);
    decrypt_in_order(false, 100, 100, GCM_ONE_SHOT_AUTO, 1);
    decrypt_in_order(true, 37, 100, GCM_ONE_SHOT_AUTO, 2); /* a trial that fails */
    decrypt_in_order(false, 37, 100, GCM_ONE_SHOT_AUTO, 1);
    decrypt_in_order(true, 100, 100, GCM_ONE_SHOT_NEVER, 1);
    decrypt_in_order(true, 37, 100, GCM_ONE_SHOT_NEVER, 1);
    decrypt_in_order(true, LARGE, 2 * LARGE, GCM_ONE_SHOT_AUTO, 2);
}

/* "verified" is worth nothing with another tag, or with more data. */
static void verified_then_changed(void **state)
{
    unsigned char wrong[16];
    struct gcm_rig rig;

    (void)state;
    seal(100);
    memcpy(wrong, seal_tag, 16);
    wrong[15] ^= 1;
    ready(&rig, false);
    assert_int_equal(gcm_set_tag(&rig.machine, seal_tag, 16), GCM_OK);
    assert_int_equal(data(&rig, 0, 100), GCM_OK);
    assert_int_equal(gcm_set_tag(&rig.machine, wrong, 16), GCM_OK);
    assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_TAG_DIFFERS);
    gcm_rig_close(&rig);

    ready(&rig, false);
    assert_int_equal(gcm_set_tag(&rig.machine, seal_tag, 16), GCM_OK);
    assert_int_equal(data(&rig, 0, 100), GCM_OK);
    assert_int_equal(data(&rig, 100, 101), GCM_OK);
    assert_false(rig.machine.verified);
    assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_TAG_DIFFERS);
    gcm_rig_close(&rig);
}

static void one_shot_always(void **state)
{
    struct gcm_rig rig;

    (void)state;
    ready(&rig, true);
    rig.fake.streams = true;
    rig.limits.one_shot = GCM_ONE_SHOT_ALWAYS;
    assert_int_equal(data(&rig, 0, LARGE), GCM_OK);
    assert_int_equal(rig.fake.begun, 0);
    assert_int_equal(data(&rig, LARGE, LARGE + 1), GCM_ONE_SHOT_ONLY);
    assert_true(blank(LARGE, LARGE + 1));
    ends_right(&rig, LARGE);
    gcm_rig_close(&rig);

    ready(&rig, false);
    rig.limits.one_shot = GCM_ONE_SHOT_ALWAYS;
    assert_int_equal(data(&rig, 0, LARGE), GCM_ONE_SHOT_ONLY); /* no tag yet */
    seal_tag[0] ^= 1;
    assert_int_equal(gcm_set_tag(&rig.machine, seal_tag, 16), GCM_OK);
    assert_int_equal(data(&rig, 0, LARGE), GCM_ONE_SHOT_ONLY);
    assert_true(blank(0, LARGE));
    seal_tag[0] ^= 1;
    assert_int_equal(gcm_set_tag(&rig.machine, seal_tag, 16), GCM_OK);
    assert_int_equal(data(&rig, 0, LARGE), GCM_OK);
    assert_int_equal(data(&rig, LARGE, LARGE + 1), GCM_ONE_SHOT_ONLY);
    assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_OK);
    gcm_rig_close(&rig);
}

/* ---- limits ---- */

static void buffer(void **state)
{
    struct gcm_machine copy;
    struct gcm_rig rig;

    (void)state;
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        ready(&rig, encrypt == 1);
        rig.limits.buffer = 100;
        assert_int_equal(data(&rig, 0, 60), GCM_OK);
        assert_int_equal(data(&rig, 60, 101), GCM_BUFFER_FULL);
        assert_true(blank(60, 101));
        assert_int_equal(data(&rig, 60, 100), GCM_OK);
        gcm_rig_close(&rig);
    }
    ready(&rig, true); /* a stream goes on beyond it, but cannot be copied */
    rig.fake.streams = true;
    rig.limits.buffer = 100;
    assert_int_equal(data(&rig, 0, 60), GCM_OK);
    assert_int_equal(data(&rig, 60, 120), GCM_OK);
    assert_int_equal(gcm_copy(&copy, &rig.machine), GCM_BUFFER_FULL);
    ends_right(&rig, 120);
    gcm_rig_close(&rig);
    gcm_rig_ready(&rig, true);
    rig.limits.buffer = 100;
    assert_int_equal(gcm_aad(&rig.machine, &rig.engine, plain, 101), GCM_BUFFER_FULL);
    assert_int_equal(rig.machine.state, GCM_READY);
    gcm_rig_close(&rig);
}

static void longest_message(void **state)
{
    const uint64_t most = (1ULL << 36) - 32;
    struct gcm_rig rig;

    (void)state;
    ready(&rig, true);
    rig.fake.streams = true;
    assert_int_equal(data(&rig, 0, 16), GCM_OK);
    rig.machine.total = most - 16;
    assert_int_equal(data(&rig, 16, 33), GCM_TOO_LONG);
    assert_true(blank(16, 33));
    assert_int_equal(data(&rig, 16, 32), GCM_OK);
    assert_true(rig.machine.total == most);
    assert_int_equal(data(&rig, 32, 33), GCM_TOO_LONG);
    gcm_rig_close(&rig);
}

static void other_iv_lengths(void **state)
{
    struct gcm_rig rig;

    (void)state;
    for (size_t size = 1; size <= GCM_IV_MOST; size++) {
        if (size == GCM_IV_USUAL)
            continue;
        gcm_rig_open(&rig);
        gcm_init(&rig.machine, &rig.engine, true, true, plain, size);
        memset(out, RIG_BLANK, 32);
        assert_int_equal(data(&rig, 0, 16), GCM_OK);
        assert_int_equal(data(&rig, 16, 32), GCM_IV_LENGTH);
        assert_true(blank(16, 32));
        assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_OK);
        gcm_rig_close(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encrypt_in_one),  cmocka_unit_test(encrypt_more_streaming),
        cmocka_unit_test(stream_differs),  cmocka_unit_test(encrypt_more_by_ctr),
        cmocka_unit_test(no_ctr),          cmocka_unit_test(zeros_twice),
        cmocka_unit_test(decrypt),         cmocka_unit_test(verified_then_changed),
        cmocka_unit_test(one_shot_always), cmocka_unit_test(buffer),
        cmocka_unit_test(longest_message), cmocka_unit_test(other_iv_lengths),
    };

    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (unsigned char)(i * 31 + i / 256);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
