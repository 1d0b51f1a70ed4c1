/*
 * Key wrap (cipher/wrap.[ch]) over single blocks of AES: the same bytes as OpenSSL's default
 * provider, nothing out after a failure, and no change that is not found.
 */
#include "testing.h"

#include <string.h>

#include "engine.h"

enum { LONGEST = 72, ROOM = LONGEST + 32, BLANK = 0xb1 };

static const unsigned char key[32] = "a key of thirty-two bytes, known";
static const unsigned char given_iv[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
static const unsigned char data[LONGEST] =
    "data that are long enough for some semiblocks and a few more bytes..";

/* An engine over AES that counts, fails on command, and can have AES's functions change places. */
struct counted {
    struct aes aes;
    unsigned int calls, fail_at;
    bool inverse;
};

static bool counted_blocks(void *argument, bool encrypt, unsigned char chain[HSM_BLOCK],
                           const struct hsm_data *blocks)
{
    struct counted *counted = argument;
    const struct machine_engine engine = aes_engine(&counted->aes);

    CHECK(blocks->head == NULL && blocks->size == HSM_BLOCK);
    if (++counted->calls == counted->fail_at) {
        memset(blocks->out, 0, HSM_BLOCK);
        return false;
    }
    return engine.blocks(engine.argument, encrypt != counted->inverse, chain, blocks);
}

/* What one unwrapping or wrapping gave. */
struct result {
    enum machine_result result;
    unsigned char out[ROOM];
    size_t written;
    unsigned int calls;
};

struct job {
    enum machine_kind kind;
    bool encrypt, inverse;
    const unsigned char *iv;
    unsigned int fail_at;
    bool in_place;
};

static void run(const struct job *job, const unsigned char *in, size_t size, struct result *result)
{
    struct counted counted = { .fail_at = job->fail_at, .inverse = job->inverse };
    const struct machine_engine engine = { &counted, counted_blocks, NULL, NULL };
    struct machine machine, before;

    aes_open(&counted.aes, MACHINE_ECB, key);
    machine_new(&machine, job->kind);
    machine_init(&machine, job->encrypt, job->iv);
    memcpy(&before, &machine, sizeof(before));
    memset(result->out, BLANK, sizeof(result->out));
    if (job->in_place)
        memcpy(result->out, in, size);
    result->written = ROOM + 1;
    result->result = machine_update(&machine, &engine, result->out, &result->written, size + 8,
                                    job->in_place ? result->out : in, size);
    result->calls = counted.calls;
    assert_memory_equal(&machine, &before, sizeof(before));
    aes_close(&counted.aes);
}

/* The default provider's answer, which must be a success. */
static size_t theirs(const struct job *job, const unsigned char *in, size_t size,
                     unsigned char *out)
{
    const char *name = text("AES-256-WRAP%s%s", job->kind == MACHINE_WRAP_PAD ? "-PAD" : "",
                            job->inverse ? "-INV" : "");
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, "provider=default");
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int written = -1;

    CHECK(cipher != NULL && ctx != NULL);
    CHECK(EVP_CipherInit_ex2(ctx, cipher, key, job->iv, job->encrypt, NULL) == 1);
    CHECK(EVP_CipherUpdate(ctx, out, &written, in, (int)size) == 1);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return (size_t)written;
}

/* Calls `each` for every kind of job and every size that it can wrap. */
static void all_jobs(void (*each)(struct job job, size_t size))
{
    for (unsigned int bits = 0; bits < 8; bits++) {
        const bool padded = (bits & 1) != 0;
        const struct job job = {
            .kind = padded ? MACHINE_WRAP_PAD : MACHINE_WRAP,
            .encrypt = true,
            .inverse = (bits & 2) != 0,
            .iv = (bits & 4) != 0 ? given_iv : NULL,
        };

        for (size_t size = padded ? 1 : 16; size <= LONGEST; size += padded ? 1 : 8)
            each(job, size);
    }
}

static unsigned int calls_for(size_t wrapped)
{
    return wrapped == 16 ? 1 : (unsigned int)(6 * (wrapped / 8 - 1));
}

static void agrees(struct job job, size_t size)
{
    unsigned char expected[ROOM];
    const size_t wrapped_size = theirs(&job, data, size, expected);
    struct result wrapped, unwrapped;

    for (int in_place = 0; in_place < 2; in_place++) {
        job.encrypt = true;
        job.in_place = in_place == 1;
        run(&job, data, size, &wrapped);
        assert_int_equal(wrapped.result, MACHINE_DONE);
        assert_int_equal(wrapped.written, wrapped_size);
        assert_int_equal(wrapped_size, (size + 7) / 8 * 8 + 8);
        assert_memory_equal(wrapped.out, expected, wrapped_size);
        assert_int_equal(wrapped.out[wrapped_size], BLANK);
        assert_int_equal(wrapped.calls, calls_for(wrapped_size));
        job.encrypt = false;
        run(&job, wrapped.out, wrapped_size, &unwrapped);
        assert_int_equal(unwrapped.result, MACHINE_DONE);
        assert_int_equal(unwrapped.written, size);
        assert_memory_equal(unwrapped.out, data, size);
        assert_int_equal(unwrapped.calls, calls_for(wrapped_size));
        if (!job.in_place)
            assert_int_equal(unwrapped.out[wrapped_size - 8], BLANK);
    }
}

static void same_as_default(void **state)
{
    (void)state;
    all_jobs(agrees);
}

/* RFC 3394, 4.6. */
static void published(void **state)
{
    static const char expected[] = "28c9f404c4b810f4cbccb35cfb87f826"
                                   "3f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21";
    unsigned char kek[32], plain[32], out[40];
    struct aes aes;
    struct machine_engine engine;
    struct machine machine;
    size_t written;

    (void)state;
    unhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", kek, 32);
    unhex("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f", plain, 32);
    aes_open(&aes, MACHINE_ECB, kek);
    engine = aes_engine(&aes);
    machine_new(&machine, MACHINE_WRAP);
    machine_init(&machine, true, NULL);
    assert_int_equal(machine_update(&machine, &engine, out, &written, 40, plain, 32), MACHINE_DONE);
    assert_int_equal(written, 40);
    assert_string_equal(hex(out, 40), expected);
    aes_close(&aes);
}

/* Nothing is left in `out` but what was there before, or zeros. */
static void check_nothing(const struct result *result)
{
    assert_int_equal(result->written, 0);
    for (size_t i = 0; i < ROOM; i++)
        assert_true(result->out[i] == BLANK || result->out[i] == 0);
}

static void fails_everywhere(struct job job, size_t size)
{
    struct result wrapped, result;

    run(&job, data, size, &wrapped);
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        job.encrypt = encrypt == 1;
        for (job.fail_at = 1; job.fail_at <= wrapped.calls; job.fail_at++) {
            run(&job, job.encrypt ? data : wrapped.out, job.encrypt ? size : wrapped.written,
                &result);
            assert_int_equal(result.result, MACHINE_ENGINE_FAILED);
            assert_int_equal(result.calls, job.fail_at);
            check_nothing(&result);
        }
    }
}

static void engine_fails(void **state)
{
    (void)state;
    all_jobs(fails_everywhere);
}

static void each_bit_counts(struct job job, size_t size)
{
    struct result wrapped, result;

    if (size > 33)
        return;
    run(&job, data, size, &wrapped);
    job.encrypt = false;
    for (size_t bit = 0; bit < 8 * wrapped.written; bit++) {
        wrapped.out[bit / 8] ^= (unsigned char)(1 << bit % 8);
        run(&job, wrapped.out, wrapped.written, &result);
        assert_int_equal(result.result, MACHINE_NOT_GENUINE);
        assert_int_equal(result.calls, wrapped.calls);
        check_nothing(&result);
        wrapped.out[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    /* So does the IV. */
    job.iv = job.iv == NULL ? given_iv : NULL;
    run(&job, wrapped.out, wrapped.written, &result);
    assert_int_equal(result.result, MACHINE_NOT_GENUINE);
    check_nothing(&result);
}

static void changes_are_found(void **state)
{
    (void)state;
    all_jobs(each_bit_counts);
}

/* Wraps `size` bytes behind any front, as RFC 3394 does, and unwraps them as RFC 5649 does. */
static enum machine_result unwrap_forged(const unsigned char front[8], const unsigned char *plain,
                                         size_t size, struct result *result)
{
    const struct job forge = { .kind = MACHINE_WRAP, .encrypt = true, .iv = front };
    const struct job padded = { .kind = MACHINE_WRAP_PAD };
    struct result wrapped;

    run(&forge, plain, size, &wrapped);
    assert_int_equal(wrapped.result, MACHINE_DONE);
    run(&padded, wrapped.out, wrapped.written, result);
    return result->result;
}

/* RFC 5649, 3: the length may be 8 * (n - 1) + 1 to 8 * n. */
static void wrong_lengths(void **state)
{
    static const unsigned char zeros[32];
    struct result result;

    (void)state;
    for (unsigned int length = 0; length < 600; length++) {
        unsigned char front[8] = {
            0xa6, 0x59, 0x59, 0xa6, 0, 0, (unsigned char)(length >> 8), (unsigned char)length
        };
        const bool good = length > 24 && length <= 32;

        assert_int_equal(unwrap_forged(front, zeros, 32, &result),
                         good ? MACHINE_DONE : MACHINE_NOT_GENUINE);
        assert_int_equal(result.written, good ? length : 0);
        for (size_t i = 4; good && i < 6; i++) {
            front[i] = 0x80;
            assert_int_equal(unwrap_forged(front, zeros, 32, &result), MACHINE_NOT_GENUINE);
            front[i] = 0;
        }
    }
}

static void padding_not_zero(void **state)
{
    struct result result;

    (void)state;
    for (unsigned char length = 25; length <= 32; length++) {
        const unsigned char front[8] = { 0xa6, 0x59, 0x59, 0xa6, 0, 0, 0, length };

        for (size_t i = 24; i < 32; i++) {
            unsigned char plain[32] = { 0 };

            plain[i] = 1;
            assert_int_equal(unwrap_forged(front, plain, 32, &result),
                             i < length ? MACHINE_DONE : MACHINE_NOT_GENUINE);
            if (i >= length)
                check_nothing(&result);
        }
    }
}

/* Sizes that are refused, and the sizes that are told where no output buffer is given. */
static void sizes(void **state)
{
    static const enum machine_kind kinds[] = { MACHINE_WRAP, MACHINE_WRAP_PAD };
    struct result result;

    (void)state;
    for (unsigned int which = 0; which < 4; which++) {
        struct job job = { .kind = kinds[which & 1], .encrypt = (which & 2) != 0 };
        const bool padded = job.kind == MACHINE_WRAP_PAD;

        for (size_t size = 1; size <= 48; size++) {
            const bool whole = size % 8 == 0;
            const size_t least = padded ? 16 : 24;
            const bool good =
                job.encrypt ? padded || (whole && size >= 16) : whole && size >= least;

            run(&job, data, size, &result);
            if (good && !job.encrypt)
                assert_int_equal(result.result, MACHINE_NOT_GENUINE);
            else
                assert_int_equal(result.result, good ? MACHINE_DONE : MACHINE_BAD_SIZE);
            if (!good)
                assert_int_equal(result.calls, 0);
        }
    }
}

static void told_sizes(void **state)
{
    struct counted none = { .calls = 0 };
    const struct machine_engine engine = { &none, counted_blocks, NULL, NULL };
    struct machine machine;
    size_t written = 1;

    (void)state;
    machine_new(&machine, MACHINE_WRAP_PAD);
    assert_true(machine.padding);
    assert_int_equal(machine_update(&machine, &engine, NULL, &written, 0, NULL, 0), MACHINE_DONE);
    assert_int_equal(written, 0);
    assert_int_equal(machine_update(&machine, &engine, NULL, &written, 17, data, 9), MACHINE_DONE);
    assert_int_equal(written, 24);
    assert_int_equal(machine_update(&machine, &engine, NULL, &written, 8, data, 9),
                     MACHINE_NO_ROOM);
    assert_int_equal(machine_update(&machine, &engine, NULL, &written, 17, NULL, 9),
                     MACHINE_BAD_SIZE);
    machine_init(&machine, false, NULL);
    assert_int_equal(machine_update(&machine, &engine, NULL, &written, 32, data, 24), MACHINE_DONE);
    assert_int_equal(written, 16);
    machine_new(&machine, MACHINE_WRAP);
    assert_false(machine.padding);
    assert_int_equal(machine_update(&machine, &engine, NULL, &written, 24, data, 16), MACHINE_DONE);
    assert_int_equal(written, 24);
    assert_int_equal(machine_final(&machine, &engine, NULL, &written, 0), MACHINE_DONE);
    assert_int_equal(written, 0);
    assert_int_equal(none.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published),     cmocka_unit_test(same_as_default),
        cmocka_unit_test(engine_fails),  cmocka_unit_test(changes_are_found),
        cmocka_unit_test(wrong_lengths), cmocka_unit_test(padding_not_zero),
        cmocka_unit_test(sizes),         cmocka_unit_test(told_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
