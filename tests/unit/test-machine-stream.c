/*
 * The state machine (cipher/machine.[ch]) of CTR: positions inside a block, the key stream that is
 * kept, and what the parameter `num` may be set to.
 */
#include "testing.h"

#include <limits.h>
#include <string.h>

#include "engine.h"

static const unsigned char iv[HSM_BLOCK] = "initial vector16";
static const unsigned char data[256] =
    "data that are long enough for some blocks and a rest of one";

/* What the toy makes of `data`. */
static unsigned char expected(size_t at)
{
    return (unsigned char)(data[at] ^ TOY_MASK ^ (iv[0] + at / HSM_BLOCK));
}

static void check(const unsigned char *out, size_t from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        assert_int_equal(out[i], expected(from + i));
}

/* As much comes out as goes in; the engine begins at block boundaries, and only where it must. */
static void pieces(void **state)
{
    struct prng prng = { 3686 };
    struct rig rig;

    (void)state;
    for (int round = 0; round < 500; round++) {
        size_t at = 0;

        rig_open(&rig, MACHINE_CTR, prng_one_in(&prng, 2), iv);
        while (at < sizeof(data)) {
            const size_t size = prng_upto(&prng, sizeof(data) - at < 50 ? sizeof(data) - at : 49);
            const size_t boundary = (at + HSM_BLOCK - 1) / HSM_BLOCK * HSM_BLOCK;
            const unsigned int calls = rig.toy.calls;

            assert_int_equal(rig_update(&rig, data + at, size), MACHINE_DONE);
            assert_int_equal(rig.written, size);
            assert_true(rig_rest_is_blank(&rig));
            check(rig.out, at, size);
            assert_int_equal(rig.toy.calls, calls + (at + size > boundary ? 1 : 0));
            if (at + size > boundary) {
                assert_ptr_equal(rig.toy.data.in, data + boundary);
                assert_int_equal(rig.toy.data.size, at + size - boundary);
                assert_int_equal(rig.toy.encrypt, rig.machine.encrypt);
            }
            at += size;
            assert_int_equal(rig.machine.num, at % HSM_BLOCK);
        }
        assert_int_equal(rig_final(&rig), MACHINE_DONE);
        assert_int_equal(rig.written, 0);
        assert_true(rig_rest_is_blank(&rig));
    }
}

static void at_once_is_an_update(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_CTR, true, iv);
    assert_int_equal(rig_update(&rig, data, 5), MACHINE_DONE);
    assert_int_equal(rig_at_once(&rig, data + 5, 33), MACHINE_DONE);
    assert_int_equal(rig.written, 33);
    check(rig.out, 5, 33);
    assert_int_equal(rig.machine.num, 38 % HSM_BLOCK);
    assert_int_equal(rig_update(&rig, data + 38, 3), MACHINE_DONE);
    check(rig.out, 38, 3);
}

static void padding_means_nothing(void **state)
{
    struct rig rig;

    (void)state;
    for (int padding = 0; padding < 2; padding++) {
        rig_open(&rig, MACHINE_CTR, false, iv);
        rig.machine.padding = padding == 1;
        assert_int_equal(rig_update(&rig, data, 33), MACHINE_DONE);
        assert_int_equal(rig.written, 33);
        assert_int_equal(rig_final(&rig), MACHINE_DONE);
        assert_int_equal(rig.written, 0);
    }
}

static void in_place(void **state)
{
    struct prng prng = { 65 };
    unsigned char buffer[sizeof(data) + 64];
    struct toy toy;
    const struct machine_engine engine = toy_engine(&toy);

    (void)state;
    for (int round = 0; round < 1000; round++) {
        const size_t lag = prng_one_in(&prng, 2) ? 0 : prng_upto(&prng, 64);
        size_t at = 0, written;
        struct machine machine;

        toy = (struct toy){ 0 };
        memcpy(buffer + lag, data, sizeof(data));
        machine_new(&machine, MACHINE_CTR);
        machine_init(&machine, true, iv);
        while (at < sizeof(data)) {
            const size_t size = prng_upto(&prng, sizeof(data) - at < 50 ? 0 : 49) + 1;

            assert_int_equal(machine_update(&machine, &engine, buffer + at, &written,
                                            sizeof(data) - at, buffer + lag + at, size),
                             MACHINE_DONE);
            at += size;
        }
        check(buffer, 0, sizeof(data));
    }
}

/* When the engine fails at what follows, the kept key stream is not used up either. */
static void failure_uses_no_stream_up(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_CTR, true, iv);
    assert_int_equal(rig_update(&rig, data, 5), MACHINE_DONE);
    rig.toy.fail_at = 2;
    assert_int_equal(rig_update(&rig, data + 5, 50), MACHINE_ENGINE_FAILED);
    assert_int_equal(rig.machine.num, 5);
    assert_int_equal(rig.out[0], RIG_BLANK); /* half an answer is none */
    assert_int_equal(rig_update(&rig, data + 5, 11), MACHINE_DONE);
    check(rig.out, 5, 11);
    assert_int_equal(rig.toy.calls, 2);
    assert_int_equal(rig_update(&rig, data + 16, 50), MACHINE_DONE);
    check(rig.out, 16, 50);
}

/* A position may not be set: what would be there is no key stream, or key stream used before. */
static void num_is_not_to_be_set(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_CTR, true, iv);
    for (size_t at = 0; at < 40; at++) {
        const unsigned int before = rig.machine.num;

        for (unsigned int num = 1; num < 40; num++)
            assert_int_equal(machine_set_num(&rig.machine, num), MACHINE_NO_STREAM);
        assert_int_equal(machine_set_num(&rig.machine, UINT_MAX), MACHINE_NO_STREAM);
        assert_int_equal(rig.machine.num, before);
        assert_int_equal(rig_update(&rig, data + at, 1), MACHINE_DONE);
        check(rig.out, at, 1);
    }
}

/* But for 0: on to the next block. */
static void num_0_leaves_the_rest_unused(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_CTR, true, iv);
    assert_int_equal(machine_set_num(&rig.machine, 0), MACHINE_DONE);
    assert_int_equal(rig_update(&rig, data, 21), MACHINE_DONE);
    check(rig.out, 0, 21);
    assert_int_equal(machine_set_num(&rig.machine, 0), MACHINE_DONE);
    assert_int_equal(rig.machine.num, 0);
    assert_int_equal(rig_update(&rig, data + 32, 16), MACHINE_DONE);
    check(rig.out, 32, 16);
}

/* The key stream of one message is not there for the next, which may have another key or IV. */
static void new_message(void **state)
{
    static const unsigned char zeros[HSM_BLOCK];
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_CTR, true, iv);
    assert_int_equal(rig_update(&rig, data, 21), MACHINE_DONE);
    machine_init(&rig.machine, true, NULL);
    assert_int_equal(rig.machine.num, 0);
    assert_memory_equal(rig.machine.partial, zeros, HSM_BLOCK);
    assert_int_equal(rig_update(&rig, data + 32, 16), MACHINE_DONE);
    check(rig.out, 32, 16); /* at the block that follows the broken one */
}

/* ECB and CBC keep the number and do nothing with it, as the default provider does. */
static void num_of_block_modes(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_CBC, true, iv);
    assert_int_equal(machine_set_num(&rig.machine, 7), MACHINE_DONE);
    assert_int_equal(rig.machine.num, 7);
    assert_int_equal(rig_update(&rig, data, 16), MACHINE_DONE);
    assert_int_equal(rig.out[0], data[0] ^ TOY_MASK);
    machine_init(&rig.machine, true, iv);
    assert_int_equal(rig.machine.num, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(at_once_is_an_update),
        cmocka_unit_test(padding_means_nothing),
        cmocka_unit_test(in_place),
        cmocka_unit_test(failure_uses_no_stream_up),
        cmocka_unit_test(num_is_not_to_be_set),
        cmocka_unit_test(num_0_leaves_the_rest_unused),
        cmocka_unit_test(new_message),
        cmocka_unit_test(num_of_block_modes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
