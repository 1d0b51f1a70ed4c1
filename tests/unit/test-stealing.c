/*
 * Ciphertext stealing (cipher/stealing.[ch]) over CBC of AES: the bytes and chain values of
 * OpenSSL's default provider, one message for each init, and nothing out after a failure.
 */
#include "testing.h"

#include <openssl/core_names.h>
#include <string.h>

#include "engine.h"

enum { LONGEST = 100, ROOM = LONGEST + 32, BLANK = 0xb1, VARIANTS = 3 };

static const char *const names[VARIANTS] = { "CS1", "CS2", "CS3" };
static const unsigned char key[32] = "a key of thirty-two bytes, known";
static const unsigned char iv[HSM_BLOCK] = "initial vector16";
static const unsigned char data[LONGEST] =
    "data that are long enough for a few blocks, of which the last one is mostly no whole one";

struct counted {
    struct aes aes;
    unsigned int calls, fail_at;
};

static bool counted_blocks(void *argument, bool encrypt, unsigned char chain[HSM_BLOCK],
                           const struct hsm_data *blocks)
{
    struct counted *counted = argument;
    const struct machine_engine engine = aes_engine(&counted->aes);

    CHECK(blocks->head == NULL && blocks->size > 0);
    if (++counted->calls == counted->fail_at) {
        memset(blocks->out, 0, blocks->size);
        return false;
    }
    return engine.blocks(engine.argument, encrypt, chain, blocks);
}

/* What one message gave. */
struct result {
    enum machine_result result;
    unsigned char out[ROOM], chain[HSM_BLOCK];
    size_t written;
    unsigned int calls;
};

static void run(enum machine_stealing variant, bool encrypt, unsigned int fail_at, bool in_place,
                const unsigned char *in, size_t size, struct result *result)
{
    struct counted counted = { .fail_at = fail_at };
    const struct machine_engine engine = { &counted, counted_blocks, NULL, NULL };
    struct machine machine;

    aes_open(&counted.aes, MACHINE_CBC, key);
    machine_new(&machine, MACHINE_CTS);
    machine.stealing = variant;
    machine_init(&machine, encrypt, iv);
    memset(result->out, BLANK, ROOM);
    if (in_place)
        memcpy(result->out, in, size);
    result->result = machine_update(&machine, &engine, result->out, &result->written, size,
                                    in_place ? result->out : in, size);
    result->calls = counted.calls;
    memcpy(result->chain, machine.iv, HSM_BLOCK);
    assert_int_equal(machine.ended, result->result == MACHINE_DONE);
    aes_close(&counted.aes);
}

static void theirs(enum machine_stealing variant, bool encrypt, const unsigned char *in,
                   size_t size, unsigned char *out, unsigned char chain[HSM_BLOCK])
{
    char name[] = "CS1";
    OSSL_PARAM params[] = { OSSL_PARAM_utf8_string(OSSL_CIPHER_PARAM_CTS_MODE, name, 3),
                            OSSL_PARAM_END };
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC-CTS", "provider=default");
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int written = -1;

    memcpy(name, names[variant], 3);
    CHECK(cipher != NULL && ctx != NULL);
    CHECK(EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt, NULL) == 1);
    CHECK(EVP_CIPHER_CTX_set_params(ctx, params) == 1);
    CHECK(EVP_CipherUpdate(ctx, out, &written, in, (int)size) == 1 && written == (int)size);
    CHECK(EVP_CIPHER_CTX_get_updated_iv(ctx, chain, HSM_BLOCK) == 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
}

/* Calls `each` for all variants and sizes. */
static void all(void (*each)(enum machine_stealing variant, size_t size))
{
    for (unsigned int variant = 0; variant < VARIANTS; variant++) {
        for (size_t size = HSM_BLOCK; size <= LONGEST; size++)
            each((enum machine_stealing)variant, size);
    }
}

static void agrees(enum machine_stealing variant, size_t size)
{
    unsigned char expected[ROOM], chain[HSM_BLOCK];
    struct result forth, back;

    for (int in_place = 0; in_place < 2; in_place++) {
        theirs(variant, true, data, size, expected, chain);
        run(variant, true, 0, in_place == 1, data, size, &forth);
        assert_int_equal(forth.result, MACHINE_DONE);
        assert_int_equal(forth.written, size);
        assert_memory_equal(forth.out, expected, size);
        assert_int_equal(forth.out[size], BLANK);
        assert_memory_equal(forth.chain, chain, HSM_BLOCK);

        theirs(variant, false, forth.out, size, expected, chain);
        run(variant, false, 0, in_place == 1, forth.out, size, &back);
        assert_int_equal(back.result, MACHINE_DONE);
        assert_int_equal(back.written, size);
        assert_memory_equal(back.out, data, size);
        assert_int_equal(back.out[size], BLANK);
        assert_memory_equal(back.chain, chain, HSM_BLOCK);
    }
}

static void same_as_default(void **state)
{
    (void)state;
    all(agrees);
}

static void each_call_fails(enum machine_stealing variant, size_t size)
{
    struct result whole, result;

    for (int encrypt = 0; encrypt < 2; encrypt++) {
        run(variant, encrypt == 1, 0, false, data, size, &whole);
        assert_true(whole.calls >= 1 && whole.calls <= 3);
        for (unsigned int at = 1; at <= whole.calls; at++) {
            run(variant, encrypt == 1, at, false, data, size, &result);
            assert_int_equal(result.result, MACHINE_ENGINE_FAILED);
            assert_int_equal(result.written, 0);
            assert_int_equal(result.calls, at);
            assert_memory_equal(result.chain, iv, HSM_BLOCK);
            for (size_t i = 0; i < ROOM; i++)
                assert_true(result.out[i] == BLANK || result.out[i] == 0);
        }
    }
}

static void engine_fails(void **state)
{
    (void)state;
    all(each_call_fails);
}

static void one_update(void **state)
{
    struct counted counted = { .calls = 0 };
    const struct machine_engine engine = { &counted, counted_blocks, NULL, NULL };
    struct machine machine;
    unsigned char first[ROOM], second[ROOM];
    size_t written;

    (void)state;
    aes_open(&counted.aes, MACHINE_CBC, key);
    machine_new(&machine, MACHINE_CTS);
    assert_int_equal(machine_update(&machine, &engine, first, &written, 20, data, 20),
                     MACHINE_NO_IV);
    machine_init(&machine, true, iv);
    for (size_t size = 0; size < HSM_BLOCK; size++)
        assert_int_equal(machine_update(&machine, &engine, first, &written, 20, data, size),
                         MACHINE_BAD_SIZE);
    assert_int_equal(machine_update(&machine, &engine, first, &written, 19, data, 20),
                     MACHINE_NO_ROOM);
    assert_int_equal(machine_update(&machine, &engine, NULL, &written, 20, data, 20), MACHINE_DONE);
    assert_int_equal(written, 20);
    assert_int_equal(counted.calls, 0);
    assert_int_equal(machine_update(&machine, &engine, first, &written, 20, data, 20),
                     MACHINE_DONE);
    assert_int_equal(machine_update(&machine, &engine, second, &written, 20, data, 20),
                     MACHINE_ENDED);
    assert_int_equal(written, 0);
    assert_int_equal(machine_final(&machine, &engine, NULL, &written, 0), MACHINE_DONE);
    assert_int_equal(written, 0);
    machine_init(&machine, true, NULL); /* from the first IV */
    assert_int_equal(machine_update(&machine, &engine, second, &written, 20, data, 20),
                     MACHINE_DONE);
    assert_memory_equal(first, second, 20);
    aes_close(&counted.aes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_default),
        cmocka_unit_test(engine_fails),
        cmocka_unit_test(one_update),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
