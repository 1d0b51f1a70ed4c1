/*
 * The state machine under AES-256-GCM: copies at every point of a message, and an engine that fails
 * at every call in turn, after which the same event again gives what it gives without a failure.
 */
#include "testing.h"

#include "gcm-fake.h"

#include <string.h>

enum { PIECE = 50, PIECES = 4, SIZE = PIECE * PIECES };

static const unsigned char aad[7] = "more of";
static unsigned char plain[SIZE], sealed[SIZE], seal_tag[16];

/* A message in steps: AAD, PIECES of data, final. */
enum { STEPS = PIECES + 2 };

static enum gcm_result step(struct gcm_machine *machine, const struct gcm_engine *engine,
                            int number, unsigned char *out)
{
    const unsigned char *in = machine->encrypt ? plain : sealed;
    const int at = (number - 1) * PIECE;

    if (number == 0)
        return gcm_aad(machine, engine, aad, sizeof(aad));
    if (number <= PIECES)
        return gcm_data(machine, engine, in + at, out + at, PIECE);
    return gcm_end(machine, engine);
}

static void check(const struct gcm_machine *machine, const unsigned char *out)
{
    unsigned char tag[16];

    assert_memory_equal(out, machine->encrypt ? sealed : plain, SIZE);
    if (!machine->encrypt)
        return;
    assert_int_equal(gcm_get_tag(machine, tag, 16), GCM_OK);
    assert_memory_equal(tag, seal_tag, 16);
}

static void begin(struct gcm_rig *rig, bool encrypt, bool streams)
{
    gcm_software(aad, sizeof(aad), plain, SIZE, sealed, seal_tag);
    gcm_rig_ready(rig, encrypt);
    rig->fake.streams = streams;
    if (!encrypt)
        assert_int_equal(gcm_set_tag(&rig->machine, seal_tag, 16), GCM_OK);
}

/* Both go on, the copy first or the original first. */
static void copy_at(bool encrypt, bool streams, int point, bool copy_first)
{
    unsigned char out[SIZE], copied_out[SIZE];
    struct gcm_machine copy;
    struct gcm_rig rig;

    begin(&rig, encrypt, streams);
    for (int i = 0; i < point; i++)
        assert_int_equal(step(&rig.machine, &rig.engine, i, out), GCM_OK);
    assert_int_equal(gcm_copy(&copy, &rig.machine), GCM_OK);
    assert_null(copy.stream);
    memcpy(copied_out, out, SIZE);
    for (int i = 0; i < 2 * STEPS; i++) {
        const bool is_copy = (i < STEPS) == copy_first;

        if (i % STEPS >= point)
            assert_int_equal(step(is_copy ? &copy : &rig.machine, &rig.engine, i % STEPS,
                                  is_copy ? copied_out : out),
                             GCM_OK);
    }
    check(&rig.machine, out);
    check(&copy, copied_out);
    gcm_free(&copy, &rig.engine);
    gcm_rig_close(&rig);
}

static void copies(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        for (int point = 0; point <= STEPS; point++)
            copy_at(i % 2 == 0, i / 2 % 2 == 0, point, i / 4 == 0);
}

/* A step, again if the engine failed; nothing was given out then. */
static unsigned insist(struct gcm_rig *rig, int number, unsigned char *out)
{
    unsigned char before[SIZE];
    unsigned failures = 0;
    enum gcm_result result;

    for (;;) {
        memcpy(before, out, SIZE);
        result = step(&rig->machine, &rig->engine, number, out);
        if (result == GCM_OK)
            return failures;
        assert_int_equal(result, GCM_ENGINE_FAILED);
        assert_memory_equal(out, before, SIZE);
        assert_true(++failures <= 8);
    }
}

static void failure_at(bool encrypt, bool streams, unsigned call, unsigned more)
{
    unsigned char out[SIZE];
    struct gcm_rig rig;

    memset(out, RIG_BLANK, sizeof(out));
    begin(&rig, encrypt, streams);
    rig.fake.fail_at = call;
    rig.fake.fail_until = call + more;
    for (int i = 0; i < STEPS; i++)
        insist(&rig, i, out);
    check(&rig.machine, out);
    gcm_rig_close(&rig);
}

static void failures(void **state)
{
    (void)state;
    for (unsigned call = 1; call < 40; call++)
        for (unsigned more = 0; more < 6; more++)
            for (int i = 0; i < 4; i++)
                failure_at(i % 2 == 0, i / 2 == 0, call, more);
}

/* The HSM makes the IV of an encryption that has none; if it cannot, none is there. */
static void random_iv(void **state)
{
    unsigned char out[SIZE];
    struct gcm_rig rig;

    (void)state;
    gcm_software(aad, sizeof(aad), plain, SIZE, sealed, seal_tag);
    gcm_rig_open(&rig);
    gcm_init(&rig.machine, &rig.engine, true, true, NULL, 0);
    rig.fake.fail_at = 1;
    assert_int_equal(step(&rig.machine, &rig.engine, 0, out), GCM_ENGINE_FAILED);
    assert_false(rig.machine.iv_set);
    assert_int_equal(rig.machine.state, GCM_KEY_ONLY);
    for (int i = 0; i < STEPS; i++)
        assert_int_equal(step(&rig.machine, &rig.engine, i, out), GCM_OK);
    assert_true(rig.machine.iv_set);
    check(&rig.machine, out);
    gcm_rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies),
        cmocka_unit_test(failures),
        cmocka_unit_test(random_iv),
    };

    for (size_t i = 0; i < SIZE; i++)
        plain[i] = (unsigned char)(i * 31);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
