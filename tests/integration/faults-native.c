/*
 * Modes that a module does natively (key wrap, CFB, OFB), when it does them well and when it does
 * not: wrong bytes, wrong lengths, errors, another mode under the same number, IVs that it does not
 * hear, forged data that it takes, keys without ECB.  What comes out is what software gives,
 * always; a mechanism that was caught is not called again.
 */
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

enum { MOST = 4096, ROOM = MOST + 32, WRAPPED = 32 };

#define ALL "kw kwp cfb128 cfb8 cfb1 ofb"

static const struct mode {
    const char *cipher, *native, *other;
    bool wrap;
    size_t size;       /* of a message */
    unsigned over_ecb; /* calls of its encryption over ECB, once an operation runs */
} modes[] = {
    { "AES-256-WRAP", "kw", "kw!", true, WRAPPED, 24 },
    { "AES-256-WRAP-PAD", "kwp", "kwp!", true, WRAPPED, 24 },
    { "AES-256-CFB", "cfb128", "cfb128!", false, 256, 16 },
    { "AES-256-CFB8", "cfb8", "cfb8!", false, 32, 32 },
    { "AES-256-CFB1", "cfb1", "cfb1!", false, 32, 256 },
    { "AES-256-OFB", "ofb", "ofb!", false, 256, 16 },
};
enum { MODES = sizeof(modes) / sizeof(modes[0]) };

static const unsigned char iv[16] = "sixteen bytes..", other_iv[16] = "8 bytes of an IV";
static unsigned char plain[MOST], sealed[ROOM], out[ROOM], key[32], gold[32];
static OSSL_LIB_CTX *context;

static void start(const char *offered, const char *lie, bool only)
{
    token_standard();
    spy_setup(NULL, NULL);
    spy_native(offered, lie, only);
    context = context_with(settings_spied(), NULL);
    CHECK(unhex(GOLD_KEY, key, sizeof(key)) == sizeof(key));
    reference_by_name(gold, "gold");
    for (size_t i = 0; i < MOST; i++)
        plain[i] = (unsigned char)(i * 7 + i / 256);
}

static void finish(void)
{
    OSSL_LIB_CTX_free(context);
}

/* All calls that compute. */
static unsigned calls(void)
{
    return spy_calls("C_EncryptInit") + spy_calls("C_Encrypt") + spy_calls("C_EncryptUpdate") +
           spy_calls("C_EncryptFinal") + spy_calls("C_DecryptInit") + spy_calls("C_Decrypt") +
           spy_calls("C_DecryptUpdate") + spy_calls("C_DecryptFinal");
}

static size_t by_software(const struct mode *mode, const unsigned char *its_iv, size_t size)
{
    struct message message = { .cipher = mode->cipher,
                               .key = key,
                               .iv = its_iv,
                               .encrypt = 1,
                               .in = plain,
                               .size = size,
                               .out = sealed };

    CHECK(message_run(context_default(), &message) == 1);
    return message.out_size;
}

/* One message in the HSM. @return message_run()'s */
static int run(const struct mode *mode, const unsigned char *its_iv, bool encrypt,
               const unsigned char *in, size_t size, size_t *written)
{
    struct message message = { .cipher = mode->cipher,
                               .key = gold,
                               .iv = its_iv,
                               .encrypt = encrypt,
                               .in = in,
                               .size = size,
                               .out = out };
    const int result = message_run(context, &message);

    *written = message.out_size;
    return result;
}

static void both_ways(const struct mode *mode, const unsigned char *its_iv, size_t size)
{
    const size_t sealed_size = by_software(mode, its_iv, size);
    size_t written;

    CHECK(run(mode, its_iv, true, plain, size, &written) == 1);
    CHECK(written == sealed_size && memcmp(out, sealed, sealed_size) == 0);
    CHECK(run(mode, its_iv, false, sealed, sealed_size, &written) == 1);
    CHECK(written == size && memcmp(out, plain, size) == 0);
    CHECK(ERR_peek_error() == 0);
}

static const unsigned char *iv_of(const struct mode *mode)
{
    return mode->wrap ? NULL : iv;
}

/* How many calls the next encryption takes; it must be right. */
static unsigned calls_of(const struct mode *mode, const unsigned char *its_iv)
{
    const size_t sealed_size = by_software(mode, its_iv, mode->size);
    const unsigned before = calls();
    size_t written;

    CHECK(run(mode, its_iv, true, plain, mode->size, &written) == 1);
    CHECK(written == sealed_size && memcmp(out, sealed, sealed_size) == 0);
    return calls() - before;
}

static void forged(const struct mode *mode, const unsigned char *its_iv)
{
    const size_t sealed_size = by_software(mode, its_iv, mode->size);
    size_t written;

    sealed[sealed_size / 2] ^= 4;
    blank_fill(out, sizeof(out));
    CHECK(run(mode, its_iv, false, sealed, sealed_size, &written) == 0);
    CHECK(written == 0 && still_blank(out, sizeof(out)));
    CHECK_HAS(error_text(), "not wrapped with this key");
}

/* ---- as it should be ---- */

static void two_calls(void)
{
    start(ALL, NULL, false);
    for (size_t i = 0; i < MODES; i++) {
        const struct mode *mode = &modes[i];

        both_ways(mode, iv_of(mode), mode->size); /* this is when it is compared */
        CHECK(calls_of(mode, iv_of(mode)) == 2);
        for (size_t size = mode->wrap ? 16 : 1; size < 200; size += mode->wrap ? 8 : 7)
            both_ways(mode, iv_of(mode), size);
        both_ways(mode, iv_of(mode), MOST - 1 + (mode->wrap ? 1 : 0));
        if (mode->wrap)
            forged(mode, NULL);
        CHECK(calls_of(mode, iv_of(mode)) == 2);
    }
    finish();
}

static void unwrapping_takes_two_calls(void)
{
    unsigned before;
    size_t written, size;

    start(ALL, NULL, false);
    for (size_t i = 0; i < 2; i++) {
        both_ways(&modes[i], NULL, WRAPPED);
        size = by_software(&modes[i], NULL, WRAPPED);
        before = calls();
        CHECK(run(&modes[i], NULL, false, sealed, size, &written) == 1 && written == WRAPPED);
        CHECK(calls() - before == 2);
    }
    finish();
}

static void an_iv_of_the_programs_own(void)
{
    static const unsigned char standard[8] = { 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6 };

    start(ALL, NULL, false);
    for (size_t i = 0; i < 2; i++) {
        both_ways(&modes[i], other_iv, WRAPPED);
        CHECK(calls_of(&modes[i], other_iv) == 2);
        forged(&modes[i], other_iv);
    }
    both_ways(&modes[0], NULL, WRAPPED);
    CHECK(calls_of(&modes[0], standard) == 2);
    finish();
}

/* ---- lies ---- */

static const char *lie_now;
static bool in_other_meaning;

/* Whatever the module does, the results are right; and after a while it is not asked any more. */
static void lied_to(void *argument)
{
    const struct mode *mode = argument;

    start(in_other_meaning ? mode->other : mode->native, lie_now, false);
    for (int i = 0; i < 3; i++)
        both_ways(mode, iv_of(mode), mode->size);
    CHECK(calls_of(mode, iv_of(mode)) >= mode->over_ecb);
    CHECK(calls_of(mode, iv_of(mode)) == mode->over_ecb);
    if (mode->wrap)
        forged(mode, NULL);
    finish();
}

static void lies_are_found_out(void **state)
{
    static const char *const lies[] = { "bytes", "short", "long", "0x05", "0x06", "0x21", "0x30",
                                        "0x40",  "0x70",  "0x71", "0x68", "0xb3", "0x150" };

    (void)state;
    in_other_meaning = false;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        for (size_t j = 0; j < MODES; j++) {
            if (quick() && (i + j) % 3 != 0)
                continue;
            printf("%s: %s\n", modes[j].native, lies[i]);
            lie_now = lies[i];
            CHECK(run_child(lied_to, (void *)(uintptr_t)&modes[j]) == 0);
        }
    }
}

static void another_mode_under_the_number(void **state)
{
    (void)state;
    in_other_meaning = true;
    lie_now = NULL;
    for (size_t i = 0; i < MODES; i++)
        CHECK(run_child(lied_to, (void *)(uintptr_t)&modes[i]) == 0);
}

/* RFC 5649 under the other number, beside something else under the first. */
static void either_number(void)
{
    start("kwp! kwp-old", NULL, false);
    for (int i = 0; i < 3; i++)
        both_ways(&modes[1], NULL, 20); /* both have the same length */
    CHECK(calls_of(&modes[1], NULL) == 2);
    finish();
}

/* Its own IV is taken from what the standard says, in silence. */
static void an_iv_that_is_not_heard(void)
{
    start(ALL, "deaf", false);
    for (size_t i = 0; i < 2; i++) {
        both_ways(&modes[i], NULL, WRAPPED);
        for (int j = 0; j < 3; j++)
            both_ways(&modes[i], other_iv, WRAPPED);
        CHECK(calls_of(&modes[i], other_iv) == 24);
        CHECK(calls_of(&modes[i], NULL) == 2);
        forged(&modes[i], other_iv);
    }
    finish();
}

/* First a good message, so that it would be trusted, were damaged data not tried as well. */
static void forged_data_that_it_takes(void)
{
    start(ALL, "trusting", false);
    for (size_t i = 0; i < 2; i++) {
        forged(&modes[i], NULL);
        both_ways(&modes[i], NULL, WRAPPED);
        forged(&modes[i], NULL);
    }
    finish();
    start(ALL, "trusting", false);
    for (size_t i = 0; i < 2; i++) {
        both_ways(&modes[i], NULL, WRAPPED);
        forged(&modes[i], NULL);
    }
    finish();
}

/* ---- without ECB ---- */

static void a_key_without_ecb(void)
{
    start(ALL, NULL, true);
    for (size_t i = 0; i < 2; i++) {
        both_ways(&modes[i], NULL, WRAPPED);
        CHECK(calls_of(&modes[i], NULL) == 2);
        both_ways(&modes[i], NULL, 16);
        forged(&modes[i], NULL);
    }
    finish();
}

static const char *refused(const struct mode *mode, const unsigned char *its_iv, size_t size)
{
    size_t written;

    blank_fill(out, sizeof(out));
    CHECK(run(mode, its_iv, true, plain, size, &written) == 0);
    CHECK(written == 0 && still_blank(out, sizeof(out)));
    return error_text();
}

/* What cannot be told apart is not used: the words say so, or are those of the missing ECB. */
static void what_cannot_be_proven(void)
{
    start("kw kwp!", NULL, true);
    CHECK_HAS(refused(&modes[1], NULL, 20), "another length than");
    CHECK_HAS(refused(&modes[1], NULL, 32), "CKM_AES_ECB");
    CHECK_HAS(refused(&modes[0], other_iv, 32), "CKM_AES_ECB");
    both_ways(&modes[0], NULL, WRAPPED);
    CHECK_HAS(refused(&modes[0], other_iv, 32), "CKM_AES_ECB");
    CHECK_HAS(refused(&modes[2], iv, 256), "CKM_AES_ECB");
    finish();
}

/* ---- gone ---- */

static void gone_and_back(void)
{
    start(ALL, NULL, false);
    for (size_t i = 0; i < MODES; i++)
        both_ways(&modes[i], iv_of(&modes[i]), modes[i].size);
    for (size_t i = 0; i < MODES; i++) {
        spy_gone(0x30);
        refused(&modes[i], iv_of(&modes[i]), modes[i].size);
        spy_gone(0);
        both_ways(&modes[i], iv_of(&modes[i]), modes[i].size);
        CHECK(calls_of(&modes[i], iv_of(&modes[i])) == 2); /* that was no fault of the mechanism */
    }
    finish();
}

/* The first native call fails in the session that it is made in: another one serves. */
static void one_failure(void)
{
    start(ALL, NULL, false);
    for (size_t i = 0; i < MODES; i++)
        both_ways(&modes[i], iv_of(&modes[i]), modes[i].size);
    for (size_t i = 0; i < MODES; i++) {
        spy_script(text("fail C_Encrypt:%u:0x20", spy_calls("C_Encrypt") + 1));
        CHECK(calls_of(&modes[i], iv_of(&modes[i])) == 4);
        CHECK(calls_of(&modes[i], iv_of(&modes[i])) == 2);
    }
    CHECK(spy_failures() == MODES);
    finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHILD_TEST(two_calls),
        CHILD_TEST(unwrapping_takes_two_calls),
        CHILD_TEST(an_iv_of_the_programs_own),
        cmocka_unit_test(lies_are_found_out),
        cmocka_unit_test(another_mode_under_the_number),
        CHILD_TEST(either_number),
        CHILD_TEST(an_iv_that_is_not_heard),
        CHILD_TEST(forged_data_that_it_takes),
        CHILD_TEST(a_key_without_ecb),
        CHILD_TEST(what_cannot_be_proven),
        CHILD_TEST(gone_and_back),
        CHILD_TEST(one_failure),
    };

    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
