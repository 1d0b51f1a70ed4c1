/*
 * The state machine under AES-256-GCM (cipher/gcm-machine.[ch]): what each event returns in each
 * state, which state comes next, and that nothing changes where nothing may.
 */
#include "testing.h"

#include "gcm-fake.h"

#include <string.h>

enum { STATES = GCM_SPENT + 1 };

static const char letters[STATES + 1] = "UIKRA12FXS";
static const unsigned char aad[5] = "extra", plain[32] = "thirty-two bytes of a plain text";
static const unsigned char other_iv[12] = "another IV!!", wrong[16] = "not the tag";

static void event_init(struct gcm_rig *rig, bool key, const unsigned char *iv)
{
    gcm_init(&rig->machine, &rig->engine, rig->machine.encrypt, key, iv, 12);
}

/* Brings a new machine into a state; decryption of what software made of `plain`, twice. */
static void reach(struct gcm_rig *rig, enum gcm_state state, bool encrypt)
{
    unsigned char in[64], out[64], tag[16];

    memcpy(in, plain, 32);
    memcpy(in + 32, plain, 32);
    if (!encrypt)
        gcm_software(aad, sizeof(aad), in, 64, in, tag);
    gcm_rig_open(rig);
    rig->machine.encrypt = encrypt;
    if (state != GCM_NO_KEY)
        event_init(rig, state != GCM_IV_ONLY, state == GCM_KEY_ONLY ? NULL : gcm_iv);
    if (state >= GCM_AAD)
        assert_int_equal(gcm_aad(&rig->machine, &rig->engine, aad, sizeof(aad)), GCM_OK);
    if (state >= GCM_ONE)
        assert_int_equal(gcm_data(&rig->machine, &rig->engine, in, out, 32), GCM_OK);
    if (state >= GCM_MORE)
        assert_int_equal(gcm_data(&rig->machine, &rig->engine, in + 32, out, 32), GCM_OK);
    if (!encrypt && (state == GCM_DONE || state == GCM_BAD_TAG)) {
        if (state == GCM_BAD_TAG)
            tag[7] ^= 1;
        assert_int_equal(gcm_set_tag(&rig->machine, tag, 16), GCM_OK);
    }
    if (state == GCM_DONE || state == GCM_BAD_TAG)
        assert_int_equal(gcm_end(&rig->machine, &rig->engine),
                         state == GCM_DONE ? GCM_OK : GCM_TAG_DIFFERS);
    if (state == GCM_SPENT)
        event_init(rig, true, NULL);
    assert_int_equal(rig->machine.state, state);
}

/* ---- events; each returns what EVP's caller gets ---- */

typedef bool event_fn(struct gcm_rig *rig);

static bool key_and_iv(struct gcm_rig *rig)
{
    event_init(rig, true, other_iv);
    return true;
}

static bool key_alone(struct gcm_rig *rig)
{
    event_init(rig, true, NULL);
    return true;
}

static bool iv_alone(struct gcm_rig *rig)
{
    event_init(rig, false, other_iv);
    return true;
}

static bool neither(struct gcm_rig *rig)
{
    event_init(rig, false, NULL);
    return true;
}

static bool turn(struct gcm_rig *rig)
{
    gcm_init(&rig->machine, &rig->engine, !rig->machine.encrypt, false, NULL, 0);
    return true;
}

static bool no_aad(struct gcm_rig *rig)
{
    return gcm_aad(&rig->machine, &rig->engine, aad, 0) == GCM_OK;
}

static bool no_data(struct gcm_rig *rig)
{
    return gcm_data(&rig->machine, &rig->engine, aad, NULL, 0) == GCM_OK;
}

static bool some_aad(struct gcm_rig *rig)
{
    return gcm_aad(&rig->machine, &rig->engine, aad, sizeof(aad)) == GCM_OK;
}

static bool some_data(struct gcm_rig *rig)
{
    unsigned char out[32];
    bool ok;

    memset(out, RIG_BLANK, sizeof(out));
    ok = gcm_data(&rig->machine, &rig->engine, plain, out, sizeof(out)) == GCM_OK;
    for (size_t i = 0; i < sizeof(out) && !ok; i++)
        assert_int_equal(out[i], RIG_BLANK);
    return ok;
}

static bool end(struct gcm_rig *rig)
{
    return gcm_end(&rig->machine, &rig->engine) == GCM_OK;
}

static bool get_tag(struct gcm_rig *rig)
{
    unsigned char tag[17];

    assert_int_not_equal(gcm_get_tag(&rig->machine, tag, 11), GCM_OK);
    assert_int_not_equal(gcm_get_tag(&rig->machine, tag, 17), GCM_OK);
    return gcm_get_tag(&rig->machine, tag, 12) == GCM_OK &&
           gcm_get_tag(&rig->machine, tag, 16) == GCM_OK;
}

static bool set_tag(struct gcm_rig *rig)
{
    assert_int_not_equal(gcm_set_tag(&rig->machine, plain, 11), GCM_OK);
    assert_int_not_equal(gcm_set_tag(&rig->machine, plain, 17), GCM_OK);
    return gcm_set_tag(&rig->machine, wrong, 16) == GCM_OK;
}

static bool same_iv_size(struct gcm_rig *rig)
{
    return gcm_set_iv_size(&rig->machine, &rig->engine, 12) == GCM_OK;
}

static bool other_iv_size(struct gcm_rig *rig)
{
    return gcm_set_iv_size(&rig->machine, &rig->engine, 128) == GCM_OK;
}

static bool bad_iv_size(struct gcm_rig *rig)
{
    return gcm_set_iv_size(&rig->machine, &rig->engine, 0) == GCM_OK ||
           gcm_set_iv_size(&rig->machine, &rig->engine, 129) == GCM_OK;
}

/*
 * The next state for each of U I K R A 1 2 F X S; '-': the event fails and nothing changes; '=': it
 * goes well and nothing changes; '.': there is no such state in this direction.
 */
static const struct {
    const char *name;
    event_fn *event;
    const char *encrypt, *decrypt;
} events[] = {
    { "init(key, IV)", key_and_iv, "RRRRRRRR.R", "RRRRRRRRRR" },
    { "init(key, -)", key_alone, "KRKRSSSS.S", "KRKRSSSSSS" },
    { "init(-, IV)", iv_alone, "IIRRRRRR.R", "IIRRRRRRRR" },
    { "init(-, -)", neither, "========.=", "==========" },
    { "other direction", turn, "UIKRSSSF.S", "UIKRSSSFSS" },
    { "AAD of length 0", no_aad, "========.=", "==========" },
    { "data of length 0", no_data, "========.=", "==========" },
    { "AAD", some_aad, "--AAA---.-", "---AA-----" },
    { "data", some_data, "--11122-.-", "---1122---" },
    { "final without a tag", end, "--FFFFF-.-", "----------" },
    { "GET_TAG", get_tag, "-------=.-", "----------" },
    { "SET_TAG", set_tag, "--------.-", "UIKRA12FXS" },
    { "ivlen, the same", same_iv_size, "========.=", "==========" },
    { "ivlen, another", other_iv_size, "USKSSSSF.S", "USKSSSSFXS" },
    { "ivlen, not possible", bad_iv_size, "--------.-", "----------" },
};
enum { EVENTS = sizeof(events) / sizeof(events[0]) };

static void one_cell(size_t event, enum gcm_state state, bool encrypt, char expected)
{
    struct gcm_rig rig;
    struct gcm_machine before;
    bool ok;

    reach(&rig, state, encrypt);
    memcpy(&before, &rig.machine, sizeof(before));
    ok = events[event].event(&rig);
    if (ok != (expected != '-'))
        testing_failed(__FILE__, __LINE__, text("%s in %c", events[event].name, letters[state]));
    if (expected == '-' || expected == '=')
        assert_memory_equal(&before, &rig.machine, sizeof(before));
    else if (letters[rig.machine.state] != expected)
        testing_failed(__FILE__, __LINE__,
                       text("%s in %c: %c comes next, not %c", events[event].name, letters[state],
                            expected, letters[rig.machine.state]));
    gcm_rig_close(&rig);
}

static void table(void **state)
{
    unsigned cells = 0;

    (void)state;
    for (size_t i = 0; i < EVENTS; i++) {
        for (int j = 0; j < STATES; j++) {
            if (events[i].encrypt[j] != '.')
                one_cell(i, (enum gcm_state)j, true, events[i].encrypt[j]);
            one_cell(i, (enum gcm_state)j, false, events[i].decrypt[j]);
            cells += events[i].encrypt[j] != '.' ? 2 : 1;
        }
    }
    print_message("%u cells\n", cells);
}

/* A tag that was wrong stays so until an init; one that was missing may still come. */
static void tag_and_final(void **state)
{
    unsigned char in[32], out[32], tag[16];
    struct gcm_rig rig;

    (void)state;
    gcm_software(NULL, 0, plain, 32, in, tag);
    gcm_rig_ready(&rig, false);
    assert_int_equal(gcm_data(&rig.machine, &rig.engine, in, out, 32), GCM_OK);
    assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_NO_TAG);
    assert_int_equal(gcm_set_tag(&rig.machine, tag, 16), GCM_OK);
    assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_OK);
    assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_WRONG_STATE);

    event_init(&rig, false, gcm_iv);
    assert_int_equal(gcm_data(&rig.machine, &rig.engine, in, out, 31), GCM_OK);
    assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_TAG_DIFFERS);
    assert_int_equal(gcm_data(&rig.machine, &rig.engine, in + 31, out, 1), GCM_WRONG_STATE);
    assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_TAG_DIFFERS);
    gcm_rig_close(&rig);
}

/* A tag set before init serves final, and never a trial. */
static void tag_survives_init(void **state)
{
    unsigned char in[32], out[32], tag[16];
    struct gcm_rig rig;

    (void)state;
    gcm_software(NULL, 0, plain, 32, in, tag);
    gcm_rig_ready(&rig, false);
    assert_int_equal(gcm_set_tag(&rig.machine, tag, 16), GCM_OK);
    event_init(&rig, true, gcm_iv);
    assert_int_equal(gcm_data(&rig.machine, &rig.engine, in, out, 32), GCM_OK);
    assert_int_equal(rig.fake.decrypted, 0);
    assert_int_equal(gcm_end(&rig.machine, &rig.engine), GCM_OK);
    assert_int_equal(rig.fake.decrypted, 1);
    assert_memory_equal(out, plain, 32);
    gcm_rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(tag_and_final),
        cmocka_unit_test(tag_survives_init),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
