/*
 * CFB and OFB (cipher/feedback.[ch]) over blocks of AES: the bytes and states of OpenSSL's default
 * provider whatever the pieces, calls of the engine that are no more than the mode needs, and
 * nothing out after a failure.
 */
#include "testing.h"

#include <openssl/core_names.h>
#include <string.h>

#include "engine.h"

enum { LONGEST = 9000, BLANK = 0xb1, KINDS = 4 };

static const struct {
    enum machine_kind kind;
    const char *name;
} kinds[KINDS] = { { MACHINE_CFB, "AES-256-CFB" },
                   { MACHINE_CFB8, "AES-256-CFB8" },
                   { MACHINE_CFB1, "AES-256-CFB1" },
                   { MACHINE_OFB, "AES-256-OFB" } };

static const unsigned char key[32] = "a key of thirty-two bytes, known";
static const unsigned char iv[HSM_BLOCK] = "initial vector16";
static unsigned char data[LONGEST];

/* An engine over AES that counts, fails on command, and knows encryption only. */
struct counted {
    struct aes aes;
    unsigned int calls, fail_at;
};

static bool counted_blocks(void *argument, bool encrypt, unsigned char chain[HSM_BLOCK],
                           const struct hsm_data *blocks)
{
    struct counted *counted = argument;
    const struct machine_engine engine = aes_engine(&counted->aes);
    const size_t size = blocks->size + (blocks->head != NULL ? HSM_BLOCK : 0);

    CHECK(encrypt && size > 0 && size <= 4096);
    if (++counted->calls == counted->fail_at) {
        memset(blocks->out, 0, size);
        return false;
    }
    return engine.blocks(engine.argument, true, chain, blocks);
}

/* The machine and default's context, which get the same. */
struct rigs {
    struct counted counted;
    struct machine machine;
    EVP_CIPHER *cipher;
    EVP_CIPHER_CTX *theirs;
    unsigned char ours[LONGEST], expected[LONGEST];
};

static void open_rigs(struct rigs *rigs, size_t which, bool encrypt)
{
    memset(rigs, 0, sizeof(*rigs));
    aes_open(&rigs->counted.aes, MACHINE_ECB, key);
    machine_new(&rigs->machine, kinds[which].kind);
    machine_init(&rigs->machine, encrypt, iv);
    rigs->cipher = EVP_CIPHER_fetch(NULL, kinds[which].name, "provider=default");
    rigs->theirs = EVP_CIPHER_CTX_new();
    CHECK(rigs->cipher != NULL && rigs->theirs != NULL);
    CHECK(EVP_CipherInit_ex2(rigs->theirs, rigs->cipher, key, iv, encrypt, NULL) == 1);
}

static void close_rigs(struct rigs *rigs)
{
    aes_close(&rigs->counted.aes);
    EVP_CIPHER_CTX_free(rigs->theirs);
    EVP_CIPHER_free(rigs->cipher);
}

static enum machine_result update(struct rigs *rigs, const unsigned char *in, size_t size)
{
    const struct machine_engine engine = { &rigs->counted, counted_blocks, NULL, NULL };
    size_t written = LONGEST + 1;
    enum machine_result result =
        machine_update(&rigs->machine, &engine, rigs->ours, &written, size, in, size);

    assert_int_equal(written, result == MACHINE_DONE ? size : 0);
    return result;
}

/* One update on both, `size` in what the mode takes for it. */
static void both(struct rigs *rigs, const unsigned char *in, size_t size, bool in_place)
{
    unsigned char register_[HSM_BLOCK];
    int written;

    memset(rigs->ours, BLANK, LONGEST);
    memset(rigs->expected, BLANK, LONGEST);
    if (in_place)
        memcpy(rigs->ours, in, size);
    CHECK(EVP_CipherUpdate(rigs->theirs, rigs->expected, &written, in, (int)size) == 1);
    assert_int_equal(written, size);
    assert_int_equal(update(rigs, in_place ? rigs->ours : in, size), MACHINE_DONE);
    assert_memory_equal(rigs->ours, rigs->expected, in_place ? size : LONGEST);
    CHECK(EVP_CIPHER_CTX_get_updated_iv(rigs->theirs, register_, HSM_BLOCK) == 1);
    assert_memory_equal(rigs->machine.iv, register_, HSM_BLOCK);
    assert_int_equal(rigs->machine.num, EVP_CIPHER_CTX_get_num(rigs->theirs));
}

/* Calls `each` for every mode and direction. */
static void all(void (*each)(size_t which, bool encrypt))
{
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (unsigned char)(i * i + i / 7);
    for (size_t i = 0; i < 2 * KINDS; i++)
        each(i / 2, i % 2 == 0);
}

static void two_pieces(size_t which, bool encrypt)
{
    struct rigs rigs;

    for (size_t first = 0; first <= 36; first++) {
        for (size_t second = 0; second <= 36; second += which == 2 ? 7 : 1) {
            open_rigs(&rigs, which, encrypt);
            both(&rigs, data, first, false);
            both(&rigs, data + first, second, true);
            both(&rigs, data, 3, false);
            close_rigs(&rigs);
        }
    }
}

static void any_pieces(void **state)
{
    (void)state;
    all(two_pieces);
}

/* As many calls as the mode needs: one for each block, byte or bit, or for 4 KiB of blocks. */
static void long_message(size_t which, bool encrypt)
{
    const size_t size = which == 2 ? 700 : LONGEST, most = 4096;
    struct rigs rigs;
    size_t calls = (size + HSM_BLOCK - 1) / HSM_BLOCK;

    open_rigs(&rigs, which, encrypt);
    both(&rigs, data, size, false);
    if (kinds[which].kind == MACHINE_CFB8)
        calls = encrypt ? size : (size * HSM_BLOCK + most - 1) / most;
    else if (kinds[which].kind == MACHINE_CFB1)
        calls = encrypt ? size * 8 : (size * 8 * HSM_BLOCK + most - 1) / most;
    else if (kinds[which].kind == MACHINE_CFB && !encrypt)
        calls = (size + most - 1) / most;
    assert_int_equal(rigs.counted.calls, calls);
    both(&rigs, data, size, true);
    close_rigs(&rigs);
}

static void long_messages(void **state)
{
    (void)state;
    all(long_message);
}

/* CFB1 can be told sizes in bits; the other bits of the last byte stay as they are. */
static void sizes_in_bits(void **state)
{
    struct rigs rigs;
    unsigned int on = 1;
    const OSSL_PARAM params[] = { OSSL_PARAM_uint(OSSL_CIPHER_PARAM_USE_BITS, &on),
                                  OSSL_PARAM_END };

    (void)state;
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        for (size_t bits = 0; bits <= 600; bits += bits < 40 ? 1 : 37) {
            open_rigs(&rigs, 2, encrypt == 1);
            CHECK(EVP_CIPHER_CTX_set_params(rigs.theirs, params) == 1);
            rigs.machine.bits = true;
            both(&rigs, data, bits, false);
            both(&rigs, data, 13, false);
            close_rigs(&rigs);
        }
    }
}

/* Whichever call fails: nothing is out, nothing has changed, and it can be done again. */
static void each_call_fails(size_t which, bool encrypt)
{
    const size_t size = which == 2 ? 70 : which == 1 ? 600 : LONGEST;
    struct rigs rigs;
    struct machine before;
    unsigned int calls;

    open_rigs(&rigs, which, encrypt);
    both(&rigs, data, 5, false);
    rigs.counted.calls = 0;
    memcpy(&before, &rigs.machine, sizeof(before));
    assert_int_equal(update(&rigs, data, size), MACHINE_DONE);
    calls = rigs.counted.calls;
    for (unsigned int at = 1; at <= calls; at += at < 5 ? 1 : 29) {
        memcpy(&rigs.machine, &before, sizeof(before));
        memset(rigs.ours, BLANK, LONGEST);
        rigs.counted.calls = 0;
        rigs.counted.fail_at = at;
        assert_int_equal(update(&rigs, data, size), MACHINE_ENGINE_FAILED);
        assert_memory_equal(&rigs.machine, &before, sizeof(before));
        for (size_t i = 0; i < LONGEST; i++)
            assert_true(rigs.ours[i] == BLANK || rigs.ours[i] == 0);
    }
    memcpy(&rigs.machine, &before, sizeof(before));
    rigs.counted.fail_at = 0;
    both(&rigs, data, size, false);
    close_rigs(&rigs);
}

static void engine_fails(void **state)
{
    (void)state;
    all(each_call_fails);
}

/* Without an IV it is from the first one, in mid-block too. */
static void begun_again(size_t which, bool encrypt)
{
    struct rigs rigs;

    open_rigs(&rigs, which, encrypt);
    both(&rigs, data, 21, false);
    machine_init(&rigs.machine, !encrypt, NULL);
    CHECK(EVP_CipherInit_ex2(rigs.theirs, NULL, NULL, NULL, !encrypt, NULL) == 1);
    both(&rigs, data, 21, false);
    close_rigs(&rigs);
}

static void new_message(void **state)
{
    (void)state;
    all(begun_again);
}

static void small_things(size_t which, bool encrypt)
{
    struct counted none = { .calls = 0 };
    const struct machine_engine engine = { &none, counted_blocks, NULL, NULL };
    struct machine machine;
    unsigned char out[32];
    size_t written = 1;

    machine_new(&machine, kinds[which].kind);
    assert_int_equal(machine_update(&machine, &engine, out, &written, 1, data, 1), MACHINE_NO_IV);
    machine_init(&machine, encrypt, iv);
    assert_int_equal(machine_update(&machine, &engine, out, &written, 15, data, 16),
                     MACHINE_NO_ROOM);
    assert_int_equal(written, 0);
    assert_int_equal(machine_final(&machine, &engine, NULL, &written, 0), MACHINE_DONE);
    assert_int_equal(written, 0);
    assert_int_equal(machine_set_num(&machine, 15), MACHINE_DONE);
    assert_int_equal(machine_set_num(&machine, 16), MACHINE_NO_STREAM);
    assert_int_equal(machine.num, 15);
    assert_int_equal(none.calls, 0);
}

static void no_iv_no_room(void **state)
{
    (void)state;
    all(small_things);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_pieces),    cmocka_unit_test(long_messages),
        cmocka_unit_test(sizes_in_bits), cmocka_unit_test(engine_fails),
        cmocka_unit_test(new_message),   cmocka_unit_test(no_iv_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
