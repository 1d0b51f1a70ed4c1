/*
 * Modes by a mechanism of the HSM's own (cipher/native.[ch] for key wrap, cipher/feedback.c for CFB
 * and OFB): when it is believed, what is told of it, and that what comes out is right whatever it
 * does.
 */
#include "testing.h"

#include <string.h>

#include "cipher/native.h"
#include "engine.h"

enum { ROOM = 4096 + 64, NOT_JUDGED = -1 };

static const unsigned char key[32] = "a key of thirty-two bytes, known";
static const unsigned char own_iv[16] = "sixteen bytes iv";
static unsigned char plain[ROOM];

/* The engine: AES for blocks(), and a mechanism that does what it is told to. */
struct fake {
    struct aes aes;
    struct hsm_native now; /* what find() says */
    bool no_blocks;        /* the key refuses ECB, which is learnt at the first time */
    enum {
        HONEST,
        WRONG_BYTES,
        WRONG_SIZE,
        REFUSES,
        UNFIT,
        FAILS,
        TRUSTING, /* damaged data are done as well */
        STOPS,    /* UNFIT at the last block */
    } how;
    const char *cipher; /* the default provider's */
    unsigned int blocks, natives;
    int judged;
    bool judged_alone;
    const unsigned char *iv; /* as it came last */
};

static bool blocks(void *argument, bool encrypt, unsigned char chain[HSM_BLOCK],
                   const struct hsm_data *data)
{
    struct fake *fake = argument;
    const struct machine_engine engine = aes_engine(&fake->aes);

    fake->blocks++;
    if (!fake->no_blocks)
        return engine.blocks(engine.argument, encrypt, chain, data);
    fake->now.alone = true;
    return false;
}

static void find(void *argument, bool encrypt, bool with_own_iv, struct hsm_native *native)
{
    *native = ((struct fake *)argument)->now;
    native->encrypt = encrypt;
    native->own_iv = with_own_iv;
}

static void judge(void *argument, const struct hsm_native *native, bool right)
{
    struct fake *fake = argument;

    assert_int_equal(fake->judged, NOT_JUDGED);
    fake->judged = right;
    fake->judged_alone = native->alone;
    fake->now.trust = right ? HSM_TRUST_PROVEN : HSM_TRUST_NOT;
}

/* @return what came out, SIZE_MAX: not genuine */
static size_t by_default(const char *name, bool encrypt, const unsigned char *iv,
                         const unsigned char *in, size_t size, unsigned char *out)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, "provider=default");
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int written = 0, done;

    CHECK(cipher != NULL && EVP_CipherInit_ex2(ctx, cipher, key, iv, encrypt, NULL) == 1);
    done = EVP_CipherUpdate(ctx, out, &written, in, (int)size);
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return done == 1 ? (size_t)written : SIZE_MAX;
}

static enum hsm_native_answer answer_of(const struct fake *fake)
{
    return fake->how == FAILS     ? HSM_NATIVE_FAILED
           : fake->how == UNFIT   ? HSM_NATIVE_UNFIT
           : fake->how == REFUSES ? HSM_NATIVE_REFUSED
                                  : HSM_NATIVE_DONE;
}

static enum hsm_native_answer wrap(void *argument, const struct hsm_native *native,
                                   const struct hsm_wrap *data, size_t *written)
{
    struct fake *fake = argument;

    fake->natives++;
    fake->iv = data->iv;
    *written = 0;
    if (answer_of(fake) != HSM_NATIVE_DONE)
        return answer_of(fake);
    *written = by_default(fake->cipher, native->encrypt, data->iv, data->in, data->size, data->out);
    if (*written == SIZE_MAX && fake->how != TRUSTING) {
        *written = 0;
        return HSM_NATIVE_REFUSED;
    }
    if (*written == SIZE_MAX)
        *written = data->size - 8;
    *written -= fake->how == WRONG_SIZE;
    data->out[0] ^= fake->how == WRONG_BYTES;
    return HSM_NATIVE_DONE;
}

static enum hsm_native_answer feedback(void *argument, const struct hsm_native *native,
                                       unsigned char shift[HSM_BLOCK], const struct hsm_data *data,
                                       size_t *done)
{
    struct fake *fake = argument;
    unsigned char in[ROOM];

    fake->natives++;
    *done = 0;
    CHECK(data->size > 0 && data->size % HSM_BLOCK == 0 && data->head == NULL);
    if (answer_of(fake) != HSM_NATIVE_DONE)
        return answer_of(fake);
    *done = data->size - (fake->how == STOPS ? HSM_BLOCK : 0);
    if (*done == 0)
        return HSM_NATIVE_UNFIT;
    memcpy(in, data->in, *done);
    CHECK(by_default(fake->cipher, native->encrypt, shift, in, *done, data->out) == *done);
    for (size_t i = 0; i < HSM_BLOCK; i++) {
        const size_t at = *done - HSM_BLOCK + i;

        shift[i] = strcmp(fake->cipher, "AES-256-OFB") == 0 ? in[at] ^ data->out[at]
                   : native->encrypt                        ? data->out[at]
                                                            : in[at];
    }
    data->out[0] ^= fake->how == WRONG_BYTES;
    return fake->how == STOPS ? HSM_NATIVE_UNFIT : HSM_NATIVE_DONE;
}

static const struct machine_native natives = { find, wrap, feedback, judge };

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
    unsigned char out[ROOM];
    size_t written;
};

static void run(struct fake *fake, const struct job *job, struct outcome *outcome)
{
    const struct machine_engine engine = { fake, blocks, NULL, &natives };
    struct machine machine;

    aes_open(&fake->aes, MACHINE_ECB, key);
    fake->blocks = fake->natives = 0;
    fake->judged = NOT_JUDGED;
    machine_new(&machine, job->kind);
    machine_init(&machine, job->encrypt, job->iv);
    memset(outcome->out, 0, ROOM);
    if (job->in_place)
        memcpy(outcome->out, job->in, job->size);
    outcome->result =
        machine_update(&machine, &engine, outcome->out, &outcome->written, job->size + 16,
                       job->in_place ? outcome->out : job->in, job->size);
    aes_close(&fake->aes);
}

/* ---- key wrap ---- */

static const char *name_of(enum machine_kind kind)
{
    return kind == MACHINE_WRAP       ? "AES-256-WRAP"
           : kind == MACHINE_WRAP_PAD ? "AES-256-WRAP-PAD"
           : kind == MACHINE_OFB      ? "AES-256-OFB"
           : kind == MACHINE_CFB      ? "AES-256-CFB"
           : kind == MACHINE_CFB8     ? "AES-256-CFB8"
                                      : "AES-256-CFB1";
}

enum { GENUINE = 0, FORGED = 1 };

/* Wraps or unwraps 32 bytes; what comes out must be right, or nothing. */
static void wrapping(struct fake *fake, bool encrypt, unsigned int forged, const unsigned char *iv,
                     enum machine_result expected)
{
    for (unsigned int bits = 0; bits < 4; bits++) {
        const enum machine_kind kind = (bits & 1) != 0 ? MACHINE_WRAP_PAD : MACHINE_WRAP;
        const struct hsm_native before = fake->now;
        unsigned char wrapped[ROOM];
        const size_t size = by_default(name_of(kind), true, iv, plain, 32, wrapped);
        struct job job = {
            kind, encrypt, iv, encrypt ? plain : wrapped, encrypt ? 32 : size, (bits & 2) != 0
        };
        struct outcome outcome;

        wrapped[20] ^= (unsigned char)forged;
        fake->cipher = name_of(kind);
        run(fake, &job, &outcome);
        assert_int_equal(outcome.result, expected);
        assert_int_equal(outcome.written, expected != MACHINE_DONE ? 0 : encrypt ? size : 32);
        assert_memory_equal(outcome.out, encrypt ? wrapped : plain, outcome.written);
        fake->now = before;
    }
}

static struct fake fake_of(enum hsm_trust trust)
{
    return (struct fake){ .now = { .trust = trust } };
}

static void proven_is_believed(void **state)
{
    struct fake fake = fake_of(HSM_TRUST_PROVEN);

    (void)state;
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        wrapping(&fake, encrypt != 0, GENUINE, NULL, MACHINE_DONE);
        assert_int_equal(fake.blocks, 0);
        assert_int_equal(fake.natives, 1);
        assert_int_equal(fake.judged, NOT_JUDGED);
        assert_null(fake.iv);
        wrapping(&fake, encrypt != 0, GENUINE, own_iv, MACHINE_DONE);
        assert_int_equal(fake.blocks, 0);
        assert_non_null(fake.iv);
    }
}

static void none_is_not_called(void **state)
{
    struct fake fake = fake_of(HSM_TRUST_NOT);

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
        struct fake fake = fake_of(HSM_TRUST_UNPROVEN);

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
    struct fake fake = fake_of(HSM_TRUST_UNPROVEN);
    const struct job job = { MACHINE_WRAP, true, NULL, plain, NATIVE_TRIAL_MOST + 8, false };
    struct outcome outcome;

    (void)state;
    fake.cipher = name_of(MACHINE_WRAP);
    run(&fake, &job, &outcome);
    assert_int_equal(outcome.result, MACHINE_DONE);
    assert_int_equal(fake.natives, 0);
}

/* A proven one that fails: the blocks tell, and a mechanism that failed alone is found out. */
static void proven_is_looked_after(void **state)
{
    struct fake fake = fake_of(HSM_TRUST_PROVEN);

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
    struct fake fake = fake_of(HSM_TRUST_NOT);

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
    struct fake fake = fake_of(HSM_TRUST_UNPROVEN);

    (void)state;
    fake.no_blocks = true;
    for (int encrypt = 0; encrypt < 2; encrypt++) {
        wrapping(&fake, encrypt != 0, GENUINE, NULL, MACHINE_DONE);
        assert_true(fake.judged == true && fake.judged_alone);
        wrapping(&fake, encrypt != 0, GENUINE, own_iv, MACHINE_ENGINE_FAILED);
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

/* ---- CFB and OFB ---- */

static const enum machine_kind feeding[] = { MACHINE_CFB, MACHINE_CFB8, MACHINE_CFB1, MACHINE_OFB };
enum { FEEDING = sizeof(feeding) / sizeof(feeding[0]) };

/* `size` bytes in two updates, the first of `first`; right in every byte unless it fails. */
static void feed(struct fake *fake, enum machine_kind kind, bool encrypt, size_t first, size_t size,
                 enum machine_result expected)
{
    const struct machine_engine engine = { fake, blocks, NULL, &natives };
    const struct hsm_native before = fake->now;
    unsigned char theirs[ROOM], ours[ROOM];
    enum machine_result result = MACHINE_DONE;
    struct machine machine;
    size_t written;

    fake->cipher = name_of(kind);
    fake->blocks = fake->natives = 0;
    fake->judged = NOT_JUDGED;
    aes_open(&fake->aes, MACHINE_ECB, key);
    CHECK(by_default(fake->cipher, encrypt, own_iv, plain, size, theirs) == size);
    machine_new(&machine, kind);
    machine_init(&machine, encrypt, own_iv);
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

static void all_feeding(struct fake *fake, int judged, bool native)
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
    struct fake fake = fake_of(HSM_TRUST_NOT);

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
    struct fake fake = fake_of(HSM_TRUST_UNPROVEN);

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
    struct fake fake = fake_of(HSM_TRUST_PROVEN);

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
        cmocka_unit_test(proven_is_believed),     cmocka_unit_test(none_is_not_called),
        cmocka_unit_test(unproven_is_compared),   cmocka_unit_test(large_data_are_no_trial),
        cmocka_unit_test(proven_is_looked_after), cmocka_unit_test(a_lost_hsm_teaches_nothing),
        cmocka_unit_test(without_blocks),         cmocka_unit_test(feeding_is_right),
        cmocka_unit_test(feeding_is_compared),    cmocka_unit_test(feeding_that_stops),
    };

    for (size_t i = 0; i < sizeof(plain); i++)
        plain[i] = (unsigned char)(i * 11 + i / 256);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
