/*
 * The state machine (cipher/machine.[ch]), what holds for all modes: IV, room, failures of the
 * engine, copies, a new message, EVP_Cipher().  The engine is a toy that records what it is asked.
 */
#include "testing.h"

#include <string.h>

#include "engine.h"

static const unsigned char iv[HSM_BLOCK] = "initial vector16";
static const unsigned char other_iv[HSM_BLOCK] = "another vector16";
static const unsigned char data[200] =
    "data that are long enough for some blocks and a rest of one";
static const enum machine_kind kinds[] = { MACHINE_ECB, MACHINE_CBC, MACHINE_CTR };

enum { KINDS = 3 };

static void new_machine(void **state)
{
    struct machine machine;

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        memset(&machine, 0xff, sizeof(machine));
        machine_new(&machine, kinds[i]);
        assert_int_equal(machine.kind, kinds[i]);
        assert_true(machine.encrypt);
        assert_true(machine.padding);
        assert_false(machine.iv_set);
        assert_int_equal(machine.waiting, 0);
        assert_int_equal(machine.num, 0);
    }
}

static void iv_missing(void **state)
{
    struct rig rig;

    (void)state;
    for (size_t i = 1; i < KINDS; i++) { /* ECB has none */
        for (int encrypt = 0; encrypt < 2; encrypt++) {
            rig_open(&rig, kinds[i], encrypt == 1, NULL);
            assert_int_equal(rig_update(&rig, data, 16), MACHINE_NO_IV);
            assert_int_equal(rig.written, 0);
            assert_int_equal(rig_at_once(&rig, data, 16), MACHINE_NO_IV);
            assert_int_equal(rig.written, 0);
            assert_int_equal(rig_final(&rig),
                             kinds[i] == MACHINE_CTR ? MACHINE_DONE : MACHINE_NO_IV);
            assert_int_equal(rig.written, 0);
            assert_true(rig_rest_is_blank(&rig));
            assert_int_equal(rig.toy.calls, 0);
            machine_init(&rig.machine, encrypt == 1, iv);
            assert_int_equal(rig_update(&rig, data, 17), MACHINE_DONE);
        }
    }
}

static void ecb_has_no_iv(void **state)
{
    static const unsigned char none[HSM_BLOCK];
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_ECB, true, iv);
    assert_memory_equal(rig.machine.iv, none, HSM_BLOCK);
    assert_memory_equal(rig.machine.original_iv, none, HSM_BLOCK);
    assert_int_equal(rig_update(&rig, data, 16), MACHINE_DONE);
    assert_int_equal(rig.written, 16);
}

/* With one byte less than needed nothing happens, and with just enough everything. */
static void room_for_update(void **state)
{
    struct rig rig;
    struct machine before;

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        const size_t needed = kinds[i] == MACHINE_CTR ? 40 : 32;

        rig_open(&rig, kinds[i], true, iv);
        assert_int_equal(rig_update(&rig, data, 5), MACHINE_DONE);
        rig.toy.calls = 0;
        memcpy(&before, &rig.machine, sizeof(before));
        for (rig.room = 0; rig.room < needed; rig.room++) {
            assert_int_equal(rig_update(&rig, data + 5, 40), MACHINE_NO_ROOM);
            assert_int_equal(rig.written, 0);
            assert_true(rig_rest_is_blank(&rig));
            assert_memory_equal(&before, &rig.machine, sizeof(before));
        }
        assert_int_equal(rig.toy.calls, 0);
        assert_int_equal(rig_update(&rig, data + 5, 40), MACHINE_DONE);
        assert_int_equal(rig.written, needed);
        assert_true(rig_rest_is_blank(&rig));
    }
}

static void room_for_at_once(void **state)
{
    struct rig rig;
    struct machine before;

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        rig_open(&rig, kinds[i], false, iv);
        memcpy(&before, &rig.machine, sizeof(before));
        for (rig.room = 0; rig.room < 48; rig.room++) {
            assert_int_equal(rig_at_once(&rig, data, 48), MACHINE_NO_ROOM);
            assert_int_equal(rig.written, 0);
            assert_true(rig_rest_is_blank(&rig));
            assert_memory_equal(&before, &rig.machine, sizeof(before));
        }
        assert_int_equal(rig.toy.calls, 0);
        assert_int_equal(rig_at_once(&rig, data, 48), MACHINE_DONE);
        assert_int_equal(rig.written, 48);
    }
}

typedef enum machine_result event_fn(struct rig *rig);

static enum machine_result update_event(struct rig *rig)
{
    return rig_update(rig, data + 100, 43);
}

static enum machine_result at_once_event(struct rig *rig)
{
    return rig_at_once(rig, data + 100, 48);
}

/*
 * The engine fails at an event after `size` bytes: nothing comes out, nothing has changed, and the
 * event again gives what it gives where nothing ever failed.
 */
static void fail_and_retry(enum machine_kind kind, bool encrypt, bool padding, size_t size,
                           event_fn *event)
{
    struct rig rig, healthy;
    struct machine before;

    rig_open(&rig, kind, encrypt, iv);
    rig.machine.padding = padding;
    assert_int_equal(rig_update(&rig, data, size), MACHINE_DONE);
    healthy = rig;
    memcpy(&before, &rig.machine, sizeof(before));
    for (int again = 0; again < 2; again++) {
        rig.toy.fail_at = rig.toy.calls + 1;
        assert_int_equal(event(&rig), MACHINE_ENGINE_FAILED);
        assert_int_equal(rig.written, 0);
        assert_memory_equal(&before, &rig.machine, sizeof(before));
    }
    assert_int_equal(event(&rig), event(&healthy));
    assert_int_equal(rig.written, healthy.written);
    assert_memory_equal(rig.out, healthy.out, sizeof(rig.out));
    assert_memory_equal(&rig.machine, &healthy.machine, sizeof(before));
}

static void engine_fails(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        for (size_t size = 0; size < 35; size++) {
            for (int flags = 0; flags < 4; flags++) {
                const bool encrypt = (flags & 1) != 0, padding = (flags & 2) != 0;

                fail_and_retry(kinds[i], encrypt, padding, size, update_event);
                fail_and_retry(kinds[i], encrypt, padding, size, at_once_event);
            }
        }
    }
}

static void engine_fails_at_final(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS - 1; i++) { /* CTR's end needs no engine */
        for (size_t size = 0; size < 35; size++)
            fail_and_retry(kinds[i], true, true, size, rig_final);
        fail_and_retry(kinds[i], false, true, 16, rig_final);
        fail_and_retry(kinds[i], false, true, 48, rig_final);
    }
}

/* A copy by assignment goes on by itself, and what it does is nothing to the other. */
static void copies(void **state)
{
    struct rig rig, copy, alone;

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        for (size_t size = 0; size < 35; size++) {
            rig_open(&rig, kinds[i], true, iv);
            assert_int_equal(rig_update(&rig, data, size), MACHINE_DONE);
            alone = rig;
            copy = rig;
            copy.machine = rig.machine;
            assert_int_equal(rig_update(&copy, data + 60, 50), MACHINE_DONE);
            assert_int_equal(rig_final(&copy), MACHINE_DONE);
            machine_wipe(&copy.machine);
            assert_int_equal(rig_update(&rig, data + size, 21), MACHINE_DONE);
            assert_int_equal(rig_update(&alone, data + size, 21), MACHINE_DONE);
            assert_int_equal(rig.written, alone.written);
            assert_memory_equal(rig.out, alone.out, sizeof(rig.out));
            assert_int_equal(rig_final(&rig), MACHINE_DONE);
            assert_int_equal(rig_final(&alone), MACHINE_DONE);
            assert_memory_equal(rig.out, alone.out, sizeof(rig.out));
        }
    }
}

/* What waited is dropped by a new message, its direction counts, and the IV that was given. */
static void new_message(void **state)
{
    struct rig rig;

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        rig_open(&rig, kinds[i], true, iv);
        assert_int_equal(rig_update(&rig, data, 37), MACHINE_DONE);
        machine_init(&rig.machine, false, other_iv);
        assert_int_equal(rig.machine.waiting, 0);
        assert_int_equal(rig.machine.num, 0);
        rig.machine.padding = false;
        assert_int_equal(rig_update(&rig, data + 64, 16), MACHINE_DONE);
        assert_int_equal(rig.written, 16);
        assert_false(rig.toy.encrypt);
        assert_ptr_equal(rig.toy.data.head, NULL);
        assert_ptr_equal(rig.toy.data.in, data + 64);
        if (kinds[i] != MACHINE_ECB) {
            assert_memory_equal(rig.toy.chain, other_iv, HSM_BLOCK);
            assert_memory_equal(rig.machine.original_iv, other_iv, HSM_BLOCK);
        }
    }
}

/* Without an IV, CBC starts again from the one that it was given, and CTR goes on. */
static void new_message_without_iv(void **state)
{
    static const enum machine_kind with_iv[] = { MACHINE_CBC, MACHINE_CTR };
    struct rig rig;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        unsigned char expected[HSM_BLOCK];

        rig_open(&rig, with_iv[i], true, iv);
        assert_int_equal(rig_update(&rig, data, 37), MACHINE_DONE);
        memcpy(expected, iv, sizeof(expected));
        if (with_iv[i] == MACHINE_CTR)
            expected[0] = (unsigned char)(expected[0] + 3); /* three blocks were begun */
        assert_memory_not_equal(rig.machine.iv, iv, HSM_BLOCK);
        machine_init(&rig.machine, true, NULL);
        assert_int_equal(rig_update(&rig, data, 16), MACHINE_DONE);
        assert_memory_equal(rig.toy.chain, expected, HSM_BLOCK);
        assert_int_equal(rig.toy.data.size, 16);
        assert_memory_equal(rig.machine.original_iv, iv, HSM_BLOCK);
    }
}

static void padding_outlives_a_message(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_CBC, true, iv);
    rig.machine.padding = false;
    machine_init(&rig.machine, true, iv);
    assert_false(rig.machine.padding);
    assert_int_equal(rig_final(&rig), MACHINE_DONE);
    assert_int_equal(rig.written, 0);
}

static void whole_blocks_at_once(void **state)
{
    struct rig rig;

    (void)state;
    for (size_t i = 0; i < KINDS - 1; i++) {
        rig_open(&rig, kinds[i], true, iv);
        assert_int_equal(rig_update(&rig, data, 5), MACHINE_DONE);
        assert_int_equal(rig_at_once(&rig, data + 16, 64), MACHINE_DONE);
        assert_int_equal(rig.written, 64);
        assert_int_equal(rig.toy.calls, 1);
        assert_ptr_equal(rig.toy.data.head, NULL);
        assert_ptr_equal(rig.toy.data.in, data + 16);
        assert_ptr_equal(rig.toy.data.out, rig.out);
        assert_int_equal(rig.toy.data.size, 64);
        assert_int_equal(rig.machine.waiting, 5); /* passed by */
        assert_int_equal(rig_at_once(&rig, data, 0), MACHINE_DONE);
        assert_int_equal(rig.written, 0);
        for (size_t size = 1; size < 50; size++) {
            if (size % HSM_BLOCK == 0)
                continue;
            assert_int_equal(rig_at_once(&rig, data, size), MACHINE_WRONG_LENGTH);
            assert_int_equal(rig.written, 0);
            assert_true(rig_rest_is_blank(&rig));
        }
        assert_int_equal(rig.toy.calls, 1);
    }
}

static void wiped(void **state)
{
    static const unsigned char zeros[sizeof(struct machine)];
    struct rig rig;

    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        rig_open(&rig, kinds[i], true, iv);
        assert_int_equal(rig_update(&rig, data, 21), MACHINE_DONE);
        machine_wipe(&rig.machine);
        assert_memory_equal(&rig.machine, zeros, sizeof(zeros));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_machine),
        cmocka_unit_test(iv_missing),
        cmocka_unit_test(ecb_has_no_iv),
        cmocka_unit_test(room_for_update),
        cmocka_unit_test(room_for_at_once),
        cmocka_unit_test(engine_fails),
        cmocka_unit_test(engine_fails_at_final),
        cmocka_unit_test(copies),
        cmocka_unit_test(new_message),
        cmocka_unit_test(new_message_without_iv),
        cmocka_unit_test(padding_outlives_a_message),
        cmocka_unit_test(whole_blocks_at_once),
        cmocka_unit_test(wiped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
