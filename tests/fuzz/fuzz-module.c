/*
 * The whole of pkcs11/ over a module that fails and lies where the fuzzer's bytes say so: lengths
 * too large, counts that change, text without an end, answers that say CKR_OK and do nothing.
 * Nothing crashes, no wrong byte is given out with success, and a call that fails has said why and
 * left neither output nor a changed state.
 */
#include <stdlib.h>
#include <string.h>

#include "module-run.h"
#include "pkcs11/inventory.h"
#include "pkcs11/judgement.h"

enum { STEPS = 8 };

static void draw(struct run *run)
{
    unsigned char bytes[64];
    const size_t size = input_upto(&run->calls, sizeof(bytes));
    struct failure why;

    memset(bytes, BLANK, sizeof(bytes));
    if (!hsm_random(run->hsm, bytes, size, &why)) {
        EXPECT_WORDS(&why);
        EXPECT(is_blank(bytes, size));
    }
    EXPECT(size == sizeof(bytes) || bytes[size] == BLANK);
}

static void line(void *argument, const char *name, const char *value)
{
    (void)argument;
    EXPECT(*name != '\0' && *value != '\0' && strlen(value) < 1024);
}

static void describe(struct run *run)
{
    char identity[HSM_IDENTITY_TEXT];
    const char *label, *id;
    struct failure why;

    if (!hsm_key_attributes(run->key, line, NULL, &why))
        EXPECT_WORDS(&why);
    hsm_key_identity(run->key, identity);
    hsm_key_names(run->key, &label, &id);
    EXPECT(strlen(identity) < sizeof(identity) && strlen(label) < 256 && strlen(id) <= 25);
    EXPECT(strlen(hsm_key_token(run->key)) <= 32);
    if (!hsm_key_is(run->key, "aes:0123456789abcdef", &why))
        EXPECT_WORDS(&why);
}

static void judge(struct run *run)
{
    struct failure why;
    struct hsm_judgement *judgement = hsm_key_judge(run->key, NULL, &why);

    if (judgement == NULL) {
        EXPECT_WORDS(&why);
        return;
    }
    EXPECT(judgement->findings_count <= HSM_CHECKS_MOST && judgement->findings_count > 0);
    EXPECT(judgement->attributes_count <= HSM_ATTRIBUTES_MOST);
    for (size_t i = 0; i < judgement->findings_count; i++) {
        const struct hsm_finding *finding = &judgement->findings[i];

        EXPECT(finding->result <= HSM_FAIL && finding->severity <= HSM_CRITICAL);
        EXPECT(strnlen(finding->reason, sizeof(finding->reason)) < sizeof(finding->reason));
        EXPECT(finding->reason[0] != '\0');
    }
    for (size_t i = 0; i < judgement->attributes_count; i++)
        for (const char *c = judgement->attributes[i].value; *c != '\0'; c++)
            EXPECT((unsigned char)*c >= 0x20 && *c != 0x7f); /* it goes to a terminal */
    hsm_judgement_free(judgement);
}

static void list(struct run *run)
{
    static const char *const uris[] = { NULL, "pkcs11:object=gold", "pkcs11:token=spare",
                                        "pkcs11:?pin-source=env:HSMZKE_FUZZ_PIN" };
    struct failure why;
    struct hsm_list *keys = hsm_list(run->hsm, uris[input_upto(&run->calls, 3)], &why);

    if (keys == NULL) {
        EXPECT_WORDS(&why);
        return;
    }
    for (size_t i = 0; i < hsm_list_size(keys) && i < 4; i++) {
        struct hsm_key *key = hsm_list_key(keys, i, &why);

        if (key == NULL)
            EXPECT_WORDS(&why);
        hsm_key_free(key);
    }
    hsm_list_free(keys);
}

static void generate(struct run *run)
{
    const struct hsm_template template = {
        .label = input_byte(&run->calls) & 1 ? "new" : "gold",
        .usage = (enum hsm_usage)input_upto(&run->calls, HSM_USAGES - 1),
        .size = 32,
    };
    char left_out[HSM_LEFT_OUT];
    struct failure why;
    struct hsm_key *key = hsm_key_generate(run->hsm, &template, left_out, &why);

    if (key == NULL)
        EXPECT_WORDS(&why);
    else
        EXPECT(strnlen(left_out, sizeof(left_out)) < sizeof(left_out));
    hsm_key_free(key);
}

static void confirm(struct run *run)
{
    struct failure why;

    if (!hsm_key_confirm(run->key, &why))
        EXPECT_WORDS(&why);
}

static void step(struct run *run)
{
    const size_t what = input_upto(&run->calls, RUN_DATA_STEPS + 4);

    if (what < RUN_DATA_STEPS)
        run_data(run, what);
    else if (what == RUN_DATA_STEPS)
        draw(run);
    else if (what == RUN_DATA_STEPS + 1)
        describe(run);
    else if (what == RUN_DATA_STEPS + 2)
        judge(run);
    else if (what == RUN_DATA_STEPS + 3)
        list(run);
    else if (input_byte(&run->calls) & 1)
        generate(run);
    else
        confirm(run);
}

/* @return false: it was not found */
static bool find_key(struct run *run)
{
    static const struct {
        struct hsm_query query;
        const unsigned char *bytes;
    } keys[] = {
        { { HSM_BY_LABEL, "gold", 4, "gold", HSM_AES, NULL, NULL }, fake_gold },
        { { HSM_BY_ID, FAKE_GOLD_ID, 18, "id", HSM_AES, NULL, NULL }, fake_gold },
        { { HSM_BY_URI, "pkcs11:object=silver", 20, "alias", HSM_AES, NULL, NULL }, fake_silver },
        { { HSM_BY_LABEL, "short", 5, "short", HSM_AES, NULL, NULL }, NULL },
        { { HSM_BY_LABEL, "nothing", 7, "nothing", HSM_AES, NULL, NULL }, NULL },
        { { HSM_BY_LABEL, "salt", 4, "salt", HSM_AES, NULL, NULL }, NULL },
    };
    const size_t pick = input_upto(&run->calls, sizeof(keys) / sizeof(keys[0]) - 1);
    struct failure why;

    run->key = hsm_key_find(run->hsm, &keys[pick].query, &why);
    run->bytes = keys[pick].bytes;
    if (run->key == NULL) {
        EXPECT_WORDS(&why);
        return false;
    }
    EXPECT(run->bytes != NULL || fake.lied || fake.script->left < run->answers.left);
    return run->bytes != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run run = { .calls = { data, size } };
    unsigned int what = input_byte(&run.calls);
    const size_t calls = input_upto(&run.calls, 255);

    fake_reset();
    run.answers = run.calls;
    if (calls < run.calls.left) {
        run.calls.left = calls;
        run.answers.at += calls;
        run.answers.left -= calls;
    } else {
        run.answers.left = 0;
    }
    fake.no_streams = what & 1;
    fake.no_ecb = what & 2;
    fake.natives = what & 4;
    fake.buffers = what & 8;
    fake.strange = what & 16;
    fake.no_ctr = what & 32;
    run.hsm = fake_open();
    fake.script = &run.answers;
    if (find_key(&run))
        for (int i = 0; i < STEPS && run.calls.left > 0; i++)
            step(&run);
    hsm_key_free(run.key);
    fake.script = NULL;
    return 0;
}
