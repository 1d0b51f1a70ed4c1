/*
 * The scanner on real libraries: programs that hold an AES-256 key (holders/) are searched twice,
 * by someone who has the key and by someone who only has a pair (P, E_K(P)) of it.  Each must find
 * the schedule in the form that the library keeps; a miss fails, and so does a key that is
 * nobody's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "anchor.h"
#include "trial.h"

/* Of all holders with a key: how many were found, and in what way. */
static struct {
    unsigned int holders, schedules, by_structure, by_bytes, by_pair, by_anchor;
    bool anchored;
} sums;

static void print_forms(unsigned int forms)
{
    const char *between = "";

    for (unsigned int bit = 1; bit < 1u << FORM_COUNT; bit <<= 1)
        if ((forms & bit) != 0) {
            printf("%s%s", between, live_form_name(bit));
            between = " + ";
        }
}

/* Whether the forms are there that the row says. */
static bool has_forms(const struct trial *trial, unsigned int forms)
{
    const unsigned int later = (trial->forms & ~(unsigned int)FORM_REVERSED_IMC) | FORM_FORWARD_IMC;

    return (forms & trial->forms) == trial->forms ||
           (trial->row->forward_later && (trial->forms & FORM_REVERSED_IMC) != 0 &&
            (forms & later) == later);
}

/* One line of the table. */
static void print_line(const struct trial *trial, const struct seen *by_bytes,
                       const struct seen *by_oracle, enum anchor_answer anchor)
{
    static const char *const anchors[] = { "-", "missed", "found" };
    const char *known = sightings_best(&by_bytes->known), *key = sightings_best(&by_oracle->oracle);

    printf("| %s | %s | ", trial->row->library, trial->mode);
    print_forms(by_oracle->forms);
    if (trial->row->encoding != NULL)
        printf("no schedule: %s", trial->row->encoding);
    printf(" | %s | %s | %s | %s |\n",
           trial->forms == 0                    ? "-"
           : has_forms(trial, by_oracle->forms) ? "found"
                                                : "MISSED",
           known != NULL ? known : "-",
           key != NULL && by_oracle->forms != 0 ? "key and schedule"
           : key != NULL                        ? key
           : by_oracle->forms != 0              ? "schedule"
                                                : "MISSED",
           anchors[anchor]);
}

static void sum_up(const struct trial *trial, const struct seen *by_bytes,
                   const struct seen *by_oracle, enum anchor_answer anchor)
{
    sums.holders++;
    sums.schedules += trial->forms != 0;
    sums.by_structure += trial->forms != 0 && has_forms(trial, by_oracle->forms);
    sums.by_bytes += by_bytes->known.count > 0;
    sums.by_pair += by_oracle->oracle.count > 0 || by_oracle->forms != 0;
    sums.by_anchor += anchor == ANCHOR_FOUND;
    sums.anchored |= anchor != ANCHOR_ABSENT;
}

static int print_sums(void **state)
{
    (void)state;
    printf(
        "%u processes with a key: %u of %u schedules found by structure, %u keys by their bytes, "
        "%u by an oracle pair; aeskeyfind: ",
        sums.holders, sums.by_structure, sums.schedules, sums.by_bytes, sums.by_pair);
    if (sums.anchored)
        printf("%u\n", sums.by_anchor);
    else
        puts("not installed");
    return 0;
}

static void judge(const struct trial *trial, const struct seen *by_bytes,
                  const struct seen *by_oracle)
{
    const struct seen *both[] = { by_bytes, by_oracle };

    for (int i = 0; i < 2; i++) {
        assert_true(has_forms(trial, both[i]->forms));
        assert_int_equal(both[i]->disowned, 0);
        assert_int_equal(both[i]->mistaken, 0);
        assert_int_equal(both[i]->nameless, 0);
        assert_int_equal(both[i]->strangers != 0, trial->row->has_others);
        if (trial->row->only_in_registers) {
            assert_int_not_equal(both[i]->in_registers, 0);
            assert_int_equal(both[i]->in_memory, 0);
        }
    }
    /* Of bitsliced round keys the known-key search has no patterns: there the structure must do. */
    if (trial->forms != FORM_FIXSLICE64)
        assert_int_not_equal(by_bytes->known.count, 0);
    if (trial->row->encoding != NULL)
        assert_true(sightings_have(&by_oracle->oracle, trial->row->encoding));
    assert_true(seen_agree(by_bytes, by_oracle));
}

static void key_is_found(void **state)
{
    const struct trial *trial = *state;
    unsigned char key[32];
    struct seen by_bytes, by_oracle;
    enum anchor_answer anchor;
    struct live_process process;

    assert_int_equal(RAND_bytes(key, sizeof(key)), 1);
    process = trial_begin(trial, key);
    by_oracle = trial_look(process.pid, &(struct look){ key, KNOWS_PAIR, DETECT_ALL, 0 });
    by_bytes = trial_look(process.pid, &(struct look){ key, KNOWS_KEY, DETECT_ALL, 0 });
    anchor = anchor_ask(process.pid, key);
    trial_end(trial, &process, key);
    sum_up(trial, &by_bytes, &by_oracle, anchor);
    print_line(trial, &by_bytes, &by_oracle, anchor);
    judge(trial, &by_bytes, &by_oracle);
    OPENSSL_cleanse(key, sizeof(key));
}

static void only_selftest_keys_are_found(void **state)
{
    const struct trial *trial = *state;
    struct live_process process = trial_begin(trial, NULL);
    struct seen seen = trial_look(process.pid, &(struct look){ NULL, KNOWS_PAIR, DETECT_ALL, 0 });

    trial_end(trial, &process, NULL);
    printf("| %s | idle | %u self-test keys%s%s |\n", trial->row->library, seen.selftest,
           seen.owner ? ": " : "", seen.owner ? seen.owner : "");
    assert_int_equal(seen.strangers, 0);
}

static struct CMUnitTest *add(struct CMUnitTest *test, const struct live_row *row, const char *mode,
                              unsigned int forms)
{
    struct trial *trial = calloc(1, sizeof(*trial));

    assert_non_null(trial);
    *trial = (struct trial){ .row = row, .mode = mode, .forms = forms };
    snprintf(trial->name, sizeof(trial->name), "%s, %s", row->library, mode);
    *test = (struct CMUnitTest){
        .name = trial->name,
        .test_func = strcmp(mode, "idle") == 0 ? only_selftest_keys_are_found : key_is_found,
        .initial_state = trial,
    };
    return test + 1;
}

int main(void)
{
    static struct CMUnitTest tests[3 * 64], *end = tests;

    for (size_t i = 0; i < live_row_count; i++) {
        const struct live_row *row = &live_rows[i];

        if (row->encrypt != 0 || row->encoding != NULL)
            end = add(end, row, "enc", row->encrypt);
        if (row->decrypt != 0 || row->encoding != NULL)
            end = add(end, row, "dec", row->decrypt);
        if (row->idle)
            end = add(end, row, "idle", 0);
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    return _cmocka_run_group_tests("live programs", tests, (size_t)(end - tests), NULL, print_sums);
}
