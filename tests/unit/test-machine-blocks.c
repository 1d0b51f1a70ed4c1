/*
 * The state machine (cipher/machine.[ch]) of ECB and CBC: which bytes go to the engine at which
 * event, what is held back, and the padding against its plain definition (RFC 5652, 6.3).
 */
#include "testing.h"

#include <string.h>

#include "engine.h"

static const unsigned char iv[HSM_BLOCK] = "initial vector16";
static unsigned char data[256];

static int number_the_data(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * 7 + 1);
    return 0;
}

static void unmask(unsigned char *to, const unsigned char *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[i] ^ TOY_MASK;
}

/* Updates one after the other; `sizes` ends with -1.  Each gives `expected` bytes. */
static void updates(bool encrypt, bool padding, const int *sizes, const size_t *expected)
{
    struct rig rig;
    size_t consumed = 0, produced = 0;
    unsigned char plain[RIG_ROOM];

    rig_open(&rig, MACHINE_CBC, encrypt, iv);
    rig.machine.padding = padding;
    for (; *sizes >= 0; sizes++, expected++) {
        const unsigned int calls = rig.toy.calls;

        assert_int_equal(rig_update(&rig, data + consumed, (size_t)*sizes), MACHINE_DONE);
        assert_int_equal(rig.written, *expected);
        assert_true(rig_rest_is_blank(&rig));
        assert_int_equal(rig.toy.calls, calls + (*expected > 0 ? 1 : 0)); /* in one go */
        unmask(plain, rig.out, rig.written);
        assert_memory_equal(plain, data + produced, rig.written);
        consumed += (size_t)*sizes;
        produced += *expected;
    }
}

static void encryption_gives_whole_blocks(void **state)
{
    static const int sizes[] = { 5, 11, 16, 0, 40, 7, 1, 15, 1, 32, 0, -1 };
    static const size_t expected[] = { 0, 16, 16, 0, 32, 0, 16, 0, 16, 32, 0 };

    (void)state;
    updates(true, true, sizes, expected);
    updates(true, false, sizes, expected);
    updates(false, false, sizes, expected);
}

/* With padding the last block is held, as it may be the one with the padding. */
static void decryption_holds_a_block(void **state)
{
    static const int sizes[] = { 5, 11, 0, 1, 15, 16, 40, 8, 0, 31, 17, 1, -1 };
    static const size_t expected[] = { 0, 0, 0, 16, 0, 16, 48, 0, 0, 32, 16, 16 };

    (void)state;
    updates(false, true, sizes, expected);
}

/* The caller's memory goes to the engine as it is; only what waited, with its rest, is copied. */
static void nothing_is_copied(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_CBC, true, iv);
    assert_int_equal(rig_update(&rig, data, 37), MACHINE_DONE);
    assert_ptr_equal(rig.toy.data.head, NULL);
    assert_ptr_equal(rig.toy.data.in, data);
    assert_ptr_equal(rig.toy.data.out, rig.out);
    assert_int_equal(rig.toy.data.size, 32);
    assert_int_equal(rig_update(&rig, data + 37, 47), MACHINE_DONE);
    assert_non_null(rig.toy.data.head);
    assert_memory_equal(rig.toy.head, data + 32, HSM_BLOCK);
    assert_ptr_equal(rig.toy.data.in, data + 48);
    assert_ptr_equal(rig.toy.data.out, rig.out);
    assert_int_equal(rig.toy.data.size, 32);
    assert_int_equal(rig.written, 48);
}

/* A whole block that was held goes first by itself. */
static void held_block_goes_first(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_CBC, false, iv);
    assert_int_equal(rig_update(&rig, data, 16), MACHINE_DONE);
    assert_int_equal(rig_update(&rig, data + 16, 33), MACHINE_DONE);
    assert_memory_equal(rig.toy.head, data, HSM_BLOCK);
    assert_ptr_equal(rig.toy.data.in, data + 16);
    assert_int_equal(rig.toy.data.size, 32);
    assert_int_equal(rig.written, 48);
    assert_int_equal(rig.machine.waiting, 1);
}

static void chain_goes_on(void **state)
{
    struct rig rig;

    (void)state;
    rig_open(&rig, MACHINE_CBC, true, iv);
    assert_int_equal(rig_update(&rig, data, 37), MACHINE_DONE);
    assert_memory_equal(rig.toy.chain, iv, HSM_BLOCK);
    assert_int_equal(rig_update(&rig, data, 43), MACHINE_DONE);
    assert_int_equal(rig.toy.chain[0], iv[0] + 2);
    assert_int_equal(rig_final(&rig), MACHINE_DONE);
    assert_int_equal(rig.toy.chain[0], iv[0] + 5);
    assert_memory_equal(rig.machine.original_iv, iv, HSM_BLOCK);
}

static void padding_is_added(void **state)
{
    struct rig rig;
    unsigned char plain[HSM_BLOCK];

    (void)state;
    for (size_t size = 0; size < 50; size++) {
        const size_t rest = size % HSM_BLOCK;

        rig_open(&rig, MACHINE_ECB, true, NULL);
        assert_int_equal(rig_update(&rig, data, size), MACHINE_DONE);
        for (rig.room = 0; rig.room < HSM_BLOCK; rig.room++) {
            assert_int_equal(rig_final(&rig), MACHINE_NO_ROOM);
            assert_int_equal(rig.written, 0);
            assert_true(rig_rest_is_blank(&rig));
        }
        assert_int_equal(rig_final(&rig), MACHINE_DONE);
        assert_int_equal(rig.written, HSM_BLOCK);
        assert_true(rig_rest_is_blank(&rig));
        assert_true(rig.toy.encrypt);
        unmask(plain, rig.out, HSM_BLOCK);
        assert_memory_equal(plain, data + size - rest, rest);
        for (size_t i = rest; i < HSM_BLOCK; i++)
            assert_int_equal(plain[i], HSM_BLOCK - rest);
        assert_int_equal(rig.machine.waiting, 0);
    }
}

/* Decrypts what becomes `plain` and compares with the definition. */
static void check_padding(const unsigned char plain[HSM_BLOCK], size_t before)
{
    const unsigned int last = plain[HSM_BLOCK - 1];
    bool right = last >= 1 && last <= HSM_BLOCK;
    unsigned char cipher[HSM_BLOCK];
    struct rig rig;

    for (size_t i = HSM_BLOCK - last; right && i < HSM_BLOCK; i++)
        right = plain[i] == last;
    unmask(cipher, plain, HSM_BLOCK);
    rig_open(&rig, MACHINE_CBC, false, iv);
    assert_int_equal(rig_update(&rig, data, before), MACHINE_DONE);
    assert_int_equal(rig_update(&rig, cipher, HSM_BLOCK), MACHINE_DONE);
    assert_int_equal(rig.written, before > 0 ? HSM_BLOCK : 0);
    assert_int_equal(rig_final(&rig), right ? MACHINE_DONE : MACHINE_BAD_DECRYPT);
    assert_int_equal(rig.written, right ? HSM_BLOCK - last : 0);
    assert_memory_equal(rig.out, plain, rig.written);
    assert_true(rig_rest_is_blank(&rig));
}

static void every_last_byte(void **state)
{
    struct prng prng = { 5652 };
    unsigned char plain[HSM_BLOCK];

    (void)state;
    for (unsigned int last = 0; last < 256; last++) {
        for (int filler = 0; filler < 256; filler += 15) { /* 0 and 255 too */
            memset(plain, filler, HSM_BLOCK);
            plain[HSM_BLOCK - 1] = (unsigned char)last;
            check_padding(plain, 0);
        }
        memset(plain, (int)last, HSM_BLOCK);
        check_padding(plain, 16);
        for (int i = 0; i < 20; i++) {
            prng_fill(&prng, plain, HSM_BLOCK);
            plain[HSM_BLOCK - 1] = (unsigned char)last;
            check_padding(plain, 0);
        }
    }
}

/* Right padding of every length with one bit wrong, inside it or before it. */
static void every_wrong_bit(void **state)
{
    unsigned char plain[HSM_BLOCK];

    (void)state;
    for (size_t length = 1; length <= HSM_BLOCK; length++) {
        memset(plain, 0xe7, HSM_BLOCK);
        memset(plain + HSM_BLOCK - length, (int)length, length);
        check_padding(plain, 0);
        for (size_t bit = 0; bit < 8 * HSM_BLOCK; bit++) {
            plain[bit / 8] ^= (unsigned char)(1U << bit % 8);
            check_padding(plain, 0);
            plain[bit / 8] ^= (unsigned char)(1U << bit % 8);
        }
    }
}

/* The last piece does not fit: an error, and no byte of it is given out. */
static void no_room_for_the_rest(void **state)
{
    struct rig rig;
    unsigned char cipher[HSM_BLOCK];

    (void)state;
    for (size_t size = 1; size < HSM_BLOCK; size++) {
        memset(cipher, (int)(HSM_BLOCK - size), HSM_BLOCK);
        unmask(cipher, cipher, HSM_BLOCK);
        for (size_t room = 0; room <= size; room++) {
            rig_open(&rig, MACHINE_CBC, false, iv);
            assert_int_equal(rig_update(&rig, cipher, HSM_BLOCK), MACHINE_DONE);
            rig.room = room;
            assert_int_equal(rig_final(&rig), room < size ? MACHINE_NO_ROOM : MACHINE_DONE);
            assert_int_equal(rig.written, room < size ? 0 : size);
            assert_true(rig_rest_is_blank(&rig));
        }
    }
}

static void wrong_lengths(void **state)
{
    struct rig rig;

    (void)state;
    for (size_t size = 0; size < 50; size++) {
        for (int flags = 0; flags < 3; flags++) { /* encryption with padding takes any length */
            const bool encrypt = flags == 1, padding = flags == 2;
            unsigned int calls;

            rig_open(&rig, MACHINE_CBC, encrypt, iv);
            rig.machine.padding = padding;
            assert_int_equal(rig_update(&rig, data, size), MACHINE_DONE);
            if (size % HSM_BLOCK == 0 && (size > 0 || !padding))
                continue;
            calls = rig.toy.calls;
            assert_int_equal(rig_final(&rig), MACHINE_WRONG_LENGTH);
            assert_int_equal(rig.written, 0);
            assert_true(rig_rest_is_blank(&rig));
            assert_int_equal(rig.toy.calls, calls);
        }
    }
}

static void unpadded_end(void **state)
{
    struct rig rig;

    (void)state;
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        rig_open(&rig, MACHINE_ECB, encrypt == 1, NULL);
        rig.machine.padding = false;
        assert_int_equal(rig_final(&rig), MACHINE_DONE);
        assert_int_equal(rig.written, 0);
        assert_int_equal(rig_update(&rig, data, 64), MACHINE_DONE);
        assert_int_equal(rig.written, 64);
        assert_int_equal(rig_final(&rig), MACHINE_DONE);
        assert_int_equal(rig.written, 0);
        assert_int_equal(rig.toy.calls, 1);
    }
}

/* Padding switched off while a block is held: it comes out whole, with more data or at the end. */
static void padding_switched_off(void **state)
{
    static const size_t more[] = { 0, 1, 16, 20 };
    struct rig rig;
    unsigned char plain[RIG_ROOM];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        rig_open(&rig, MACHINE_CBC, false, iv);
        assert_int_equal(rig_update(&rig, data, 32), MACHINE_DONE);
        assert_int_equal(rig.written, 16);
        rig.machine.padding = false;
        assert_int_equal(rig_update(&rig, data + 32, more[i]), MACHINE_DONE);
        assert_int_equal(rig.written, (16 + more[i]) / HSM_BLOCK * HSM_BLOCK);
        unmask(plain, rig.out, rig.written);
        assert_memory_equal(plain, data + 16, rig.written);
    }
    rig_open(&rig, MACHINE_CBC, false, iv);
    assert_int_equal(rig_update(&rig, data, 32), MACHINE_DONE);
    rig.machine.padding = false;
    assert_int_equal(rig_final(&rig), MACHINE_DONE);
    assert_int_equal(rig.written, 16);
    unmask(plain, rig.out, 16);
    assert_memory_equal(plain, data + 16, 16);
}

/* `out` is `in`, or so many bytes before it, as programs do that work in one buffer. */
static void in_place(void **state)
{
    struct prng prng = { 16 };
    unsigned char buffer[sizeof(data) + 64], plain[sizeof(data)];
    struct toy toy;
    const struct machine_engine engine = toy_engine(&toy);

    (void)state;
    for (int round = 0; round < 2000; round++) {
        const size_t lag = prng_one_in(&prng, 2) ? 0 : prng_upto(&prng, 64);
        size_t consumed = 0, produced = 0, written;
        struct machine machine;

        toy = (struct toy){ 0 };
        memcpy(buffer + lag, data, sizeof(data));
        machine_new(&machine, MACHINE_CBC);
        machine_init(&machine, prng_one_in(&prng, 2), iv);
        machine.padding = prng_one_in(&prng, 2);
        while (consumed < sizeof(data)) {
            const size_t size = prng_upto(&prng, sizeof(data) - consumed < 50 ? 0 : 49) + 1;

            assert_int_equal(machine_update(&machine, &engine, buffer + produced, &written,
                                            sizeof(buffer) - produced, buffer + lag + consumed,
                                            size),
                             MACHINE_DONE);
            consumed += size;
            produced += written;
        }
        assert_true(produced >= sizeof(data) - HSM_BLOCK);
        unmask(plain, buffer, produced);
        assert_memory_equal(plain, data, produced);
    }
}

/* `out` is `in` while bytes wait, so that what comes out overtakes what is read. */
static void in_place_behind_what_waits(void **state)
{
    unsigned char buffer[64], plain[RIG_ROOM];
    struct toy toy;
    const struct machine_engine engine = toy_engine(&toy);
    size_t written;

    (void)state;
    for (size_t waits = 1; waits < HSM_BLOCK; waits++) {
        for (size_t size = HSM_BLOCK; size < sizeof(buffer); size++) {
            const size_t whole = (waits + size) / HSM_BLOCK * HSM_BLOCK;
            struct machine machine;

            toy = (struct toy){ 0 };
            machine_new(&machine, MACHINE_CBC);
            machine_init(&machine, true, iv);
            assert_int_equal(machine_update(&machine, &engine, plain, &written, 0, data, waits),
                             MACHINE_DONE);
            memcpy(buffer, data + waits, size);
            assert_int_equal(
                machine_update(&machine, &engine, buffer, &written, sizeof(buffer), buffer, size),
                MACHINE_DONE);
            assert_int_equal(written, whole);
            unmask(plain, buffer, whole);
            assert_memory_equal(plain, data, whole);
            assert_int_equal(machine.waiting, waits + size - whole);
            assert_memory_equal(machine.partial, data + whole, machine.waiting);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encryption_gives_whole_blocks),
        cmocka_unit_test(decryption_holds_a_block),
        cmocka_unit_test(nothing_is_copied),
        cmocka_unit_test(held_block_goes_first),
        cmocka_unit_test(chain_goes_on),
        cmocka_unit_test(padding_is_added),
        cmocka_unit_test(every_last_byte),
        cmocka_unit_test(every_wrong_bit),
        cmocka_unit_test(no_room_for_the_rest),
        cmocka_unit_test(wrong_lengths),
        cmocka_unit_test(unpadded_end),
        cmocka_unit_test(padding_switched_off),
        cmocka_unit_test(in_place),
        cmocka_unit_test(in_place_behind_what_waits),
    };

    return cmocka_run_group_tests(tests, number_the_data, NULL);
}
