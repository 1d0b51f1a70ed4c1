/*
 * Live programs again, with a part of the scanner switched off: their keys must then be missed,
 * else live.c would prove nothing of that part.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "trial.h"

struct mutation {
    const char *name;
    const char *library, *mode; /* which row */
    enum knowledge knowledge;
    unsigned int detectors_off, forms_off;
    unsigned int forms_missed;
    bool known_missed, oracle_missed;
};

#define WITHOUT(words) .name = "without " words

static const struct mutation mutations[] = {
    { WITHOUT("plain schedules"), "OpenSSL, ECB, C", "enc",
      .forms_off = FORM_OFF_TRANSFORM(TRANSFORM_PLAIN), .forms_missed = FORM_PLAIN },
    { WITHOUT("InvMixColumns"), "OpenSSL, ECB, C", "dec",
      .forms_off = FORM_OFF_TRANSFORM(TRANSFORM_INV_MIX_COLUMNS),
      .forms_missed = FORM_REVERSED_IMC },
    { WITHOUT("the reversed order"), "OpenSSL, ECB, C", "dec",
      .forms_off = FORM_OFF_ORDER(ORDER_REVERSED), .forms_missed = FORM_REVERSED_IMC },
    { WITHOUT("the forward order"), "NSS, generic", "dec",
      .forms_off = FORM_OFF_ORDER(ORDER_FORWARD), .forms_missed = FORM_FORWARD_IMC },
    { WITHOUT("vpaes to encrypt"), "OpenSSL, ECB, vpaes", "enc",
      .forms_off = FORM_OFF_TRANSFORM(TRANSFORM_VPAES_ENCRYPT),
      .forms_missed = FORM_VPAES_ENCRYPT },
    { WITHOUT("vpaes to decrypt"), "OpenSSL, ECB, vpaes", "dec",
      .forms_off = FORM_OFF_TRANSFORM(TRANSFORM_VPAES_DECRYPT),
      .forms_missed = FORM_VPAES_DECRYPT },
    { WITHOUT("swapped words"), "wolfSSL", "enc", .forms_off = FORM_OFF_BYTES(BYTES_SWAPPED_32),
      .forms_missed = FORM_SWAPPED_PLAIN },
    { WITHOUT("swapped words, to decrypt"), "wolfSSL", "dec",
      .forms_off = FORM_OFF_BYTES(BYTES_SWAPPED_32), .forms_missed = FORM_SWAPPED_REVERSED_IMC },
    { WITHOUT("AES-256"), "OpenSSL, ECB, C", "enc", .forms_off = FORM_OFF_KEY_WORDS(8),
      .forms_missed = FORM_PLAIN },
    { WITHOUT("fixslice64"), "Rust aes 0.6, fixslice64", "enc",
      .forms_off = FORM_OFF_TRANSFORM(TRANSFORM_FIXSLICE64), .forms_missed = FORM_FIXSLICE64 },
    { WITHOUT("the bitsliced detector"), "Rust aes 0.6, fixslice64", "enc",
      .detectors_off = DETECT_BITSLICED, .forms_missed = FORM_FIXSLICE64 },
    { WITHOUT("the schedule detector"), "XMM registers only", "enc",
      .detectors_off = DETECT_SCHEDULES, .forms_missed = FORM_PLAIN },
    { WITHOUT("the oracle search"), "no library, base64", "enc", .detectors_off = DETECT_ORACLE,
      .oracle_missed = true },
    { WITHOUT("the known-key search"), "no library, base64", "enc", .knowledge = KNOWS_KEY,
      .detectors_off = DETECT_KNOWN_KEY, .known_missed = true },
};

/* Found with all of the scanner, missed with the part switched off. */
static void judge(const struct mutation *mutation, const struct seen *whole,
                  const struct seen *part)
{
    assert_int_equal(whole->forms & mutation->forms_missed, mutation->forms_missed);
    assert_int_equal(part->forms & mutation->forms_missed, 0);
    if (mutation->known_missed) {
        assert_int_not_equal(whole->known.count, 0);
        assert_int_equal(part->known.count, 0);
    }
    if (mutation->oracle_missed) {
        assert_int_not_equal(whole->oracle.count, 0);
        assert_int_equal(part->oracle.count, 0);
    }
}

static const struct live_row *row_of(const struct mutation *mutation)
{
    for (size_t i = 0; i < live_row_count; i++)
        if (strcmp(live_rows[i].library, mutation->library) == 0)
            return &live_rows[i];
    fail_msg("there is no holder called %s", mutation->library);
    return NULL;
}

static void key_is_missed(void **state)
{
    const struct mutation *mutation = *state;
    struct trial trial = { .row = row_of(mutation), .mode = mutation->mode };
    unsigned char key[32];
    struct look look = { key, mutation->knowledge, DETECT_ALL, 0 };
    struct live_process process;
    struct seen whole, part;

    assert_int_equal(RAND_bytes(key, sizeof(key)), 1);
    process = trial_begin(&trial, key);
    whole = trial_look(process.pid, &look);
    look.detectors &= ~mutation->detectors_off;
    look.forms_off = mutation->forms_off;
    part = trial_look(process.pid, &look);
    trial_end(&trial, &process, key);
    OPENSSL_cleanse(key, sizeof(key));
    judge(mutation, &whole, &part);
}

int main(void)
{
    enum { COUNT = sizeof(mutations) / sizeof(*mutations) };
    static struct mutation copies[COUNT];
    static struct CMUnitTest tests[COUNT];

    memcpy(copies, mutations, sizeof(copies));
    for (size_t i = 0; i < COUNT; i++)
        tests[i] = (struct CMUnitTest){ .name = copies[i].name,
                                        .test_func = key_is_missed,
                                        .initial_state = &copies[i] };
    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
