/*
 * The six conditions: see conditions.h.  Each function says why its condition fails, or leaves it
 * to hold: what was not seen does not hold.
 */
#include "conditions.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

/* Nobody may overrule a failure. */
static void decide(struct report *report, enum condition condition, enum condition_state state,
                   const struct words *reason)
{
    struct condition_result *result = &report->conditions[condition];

    if (result->state == STATE_FAILS)
        return;
    result->state = state;
    snprintf(result->reason, sizeof(result->reason), "%s", reason->text);
}

static void add_scan(struct words *why, const struct report *report, size_t index)
{
    if (report->count > 1)
        words_add(why, "In scan %zu ", index + 1);
    else
        words_add(why, "In the scan ");
}

/* The place with most of what must not be. */
static const struct place *worst(const struct ledger *ledger)
{
    const struct place *place = NULL;
    uint64_t most = 0;

    for (size_t i = 0; i < ledger->count; i++) {
        const uint64_t bytes = ledger->places[i].bytes.unreadable + ledger->places[i].bytes.swapped;

        if (bytes > most) {
            most = bytes;
            place = &ledger->places[i];
        }
    }
    return place;
}

static void add_bytes_missing(struct words *why, const struct ledger *ledger,
                              const struct place_sums *sums)
{
    const struct place *place = worst(ledger);

    if (sums->unreadable > 0) {
        words_size(why, sums->unreadable);
        words_add(why, " could not be read");
    }
    if (sums->swapped > 0) {
        words_add(why, sums->unreadable > 0 ? " and " : "");
        words_size(why, sums->swapped);
        words_add(why, " were swapped out");
    }
    words_add(why, ", most of it in ");
    words_place(why, place);
    if (place->guarded)
        words_add(why, " (memfd_secret: nobody can read it from outside)");
    words_add(why, ".");
}

/* @return whether the ledger of one examination leaves nothing open */
static bool ledger_is_closed(const struct report *report, size_t index, struct words *why)
{
    const struct ledger *ledger = &report->examinations[index]->ledger;
    const struct place_sums sums = ledger_sums(ledger);

    if (!ledger->truncated && ledger_balances(ledger) && sums.unreadable == 0 &&
        sums.swapped == 0 && !ledger->changed && sums.read > 0)
        return true;
    add_scan(why, report, index);
    if (ledger->truncated)
        words_add(why, "there was no memory for the whole ledger.");
    else if (!ledger_balances(ledger))
        words_add(why, "the bytes of a place do not add up.");
    else if (sums.unreadable > 0 || sums.swapped > 0)
        add_bytes_missing(why, ledger, &sums);
    else if (ledger->changed)
        words_add(why, "the map was not the same after the scan as before it.");
    else
        words_add(why, "nothing was read.");
    return false;
}

static void decide_ledger(struct report *report)
{
    struct words why = { 0 };
    size_t largest = 0;
    struct place_sums sums;

    for (size_t i = 0; i < report->count; i++) {
        if (!ledger_is_closed(report, i, &why)) {
            decide(report, CONDITION_LEDGER, STATE_FAILS, &why);
            return;
        }
        if (ledger_sums(&report->examinations[i]->ledger).mapped >
            ledger_sums(&report->examinations[largest]->ledger).mapped)
            largest = i;
    }
    if (report->count == 0) {
        words_add(&why, "Nothing was looked at.");
        decide(report, CONDITION_LEDGER, STATE_FAILS, &why);
        return;
    }
    sums = ledger_sums(&report->examinations[largest]->ledger);
    words_size(&why, sums.mapped);
    if (report->count == 1) /* of a run's later scans, several places may stand as one */
        words_add(&why, " in %zu %s", sums.places, sums.places == 1 ? "place" : "places");
    words_add(&why, " = ");
    words_size(&why, sums.read);
    words_add(&why, " read + ");
    words_size(&why, sums.never_populated);
    words_add(&why, " never populated + 0 unreadable");
    words_add(&why, report->count > 1 ? ", in the largest of %zu scans, all of which add up." : ".",
              report->count);
    decide(report, CONDITION_LEDGER, STATE_HOLDS, &why);
}

static void decide_threads(struct report *report)
{
    struct words why = { 0 };
    unsigned int threads = 0, processes = 0;

    if (report->kind == TARGET_IMAGE) {
        words_add(&why, "An image has no threads, and no registers in it.");
        decide(report, CONDITION_THREADS, STATE_NOT_APPLICABLE, &why);
        return;
    }
    for (size_t i = 0; i < report->count; i++) {
        const struct examination *examination = report->examinations[i];

        if (examination->threads_missed > 0 || examination->threads == 0) {
            add_scan(&why, report, i);
            words_add(&why,
                      examination->threads == 0
                          ? "no thread's registers were read."
                          : "the registers of %u of %u threads could not be read.",
                      examination->threads_missed, examination->threads);
            decide(report, CONDITION_THREADS, STATE_FAILS, &why);
            return;
        }
        threads = examination->threads > threads ? examination->threads : threads;
        processes = examination->processes > processes ? examination->processes : processes;
    }
    words_add(&why, "%s%u %s of %u %s: all registers read, general and vector.",
              report->count > 1 ? "Up to " : "", threads, threads == 1 ? "thread" : "threads",
              processes, processes == 1 ? "process" : "processes");
    decide(report, CONDITION_THREADS, report->count > 0 ? STATE_HOLDS : STATE_FAILS, &why);
}

/* @return whether environment and command line, which each process has, are in the ledger */
static bool was_elsewhere(const struct ledger *ledger, size_t *others)
{
    bool environment = false, command_line = false;
    size_t count = 0;

    for (size_t i = 0; i < ledger->count; i++) {
        const enum place_kind kind = ledger->places[i].kind;

        environment |= kind == PLACE_ENVIRONMENT;
        command_line |= kind == PLACE_COMMAND_LINE;
        count += kind == PLACE_MEMFD || kind == PLACE_UNLINKED || kind == PLACE_SHARED ||
                 kind == PLACE_PIPE;
    }
    *others = count > *others ? count : *others;
    return environment && command_line;
}

static void decide_elsewhere(struct report *report)
{
    struct words why = { 0 };
    enum condition_state state = STATE_HOLDS;
    size_t others = 0;

    if (report->kind == TARGET_IMAGE) {
        words_add(&why, "The verdict is about the bytes of this image and nothing else.");
        state = STATE_NOT_APPLICABLE;
    } else if (report->kind == TARGET_CORE) {
        words_add(&why, "A core file has no memfds, unlinked files, pipes or detached segments in "
                        "it, and no memory that was left out of dumps.");
        state = STATE_FAILS;
    }
    for (size_t i = 0; i < report->count && why.size == 0; i++) {
        const struct examination *examination = report->examinations[i];

        if (examination->trouble[0] != '\0') {
            add_scan(&why, report, i);
            words_add(&why, "was left out: %.380s", examination->trouble);
        } else if (!was_elsewhere(&examination->ledger, &others)) {
            add_scan(&why, report, i);
            words_add(&why, "environment and command line were not searched.");
        }
        state = why.size > 0 ? STATE_FAILS : STATE_HOLDS;
    }
    if (why.size == 0) {
        words_add(&why, "Environment and command line; ");
        if (others > 0)
            words_add(&why, "up to %zu memfds, unlinked files, segments, pipes and sockets.",
                      others);
        else
            words_add(&why, "memfds, unlinked files, segments, pipes and sockets had nothing.");
        state = report->count > 0 ? STATE_HOLDS : STATE_FAILS;
    }
    decide(report, CONDITION_ELSEWHERE, state, &why);
}

static void add_missed_controls(struct words *why, const struct report *report)
{
    const char *between = "Not found: ";

    for (size_t i = 0; i < report->control_count; i++) {
        const struct control *control = &report->controls[i];

        if (control->found)
            continue;
        words_add(why, "%s%s", between, control->name);
        if (control->of > 0)
            words_add(why, " (in %u of %u scans)", control->seen, control->of);
        between = ", ";
    }
    words_add(why, ".");
}

/* The same command with the key in software, in which the key must be found. */
static bool has_software_run(const struct report *report)
{
    for (size_t i = 0; i < report->control_count; i++)
        if (strcmp(report->controls[i].name, CONTROL_SOFTWARE_RUN) == 0)
            return true;
    return false;
}

static void decide_controls(struct report *report)
{
    struct words why = { 0 };
    enum condition_state state = STATE_HOLDS;
    size_t found = 0, in_target = 0;

    for (size_t i = 0; i < report->control_count; i++) {
        found += report->controls[i].found;
        in_target += !report->controls[i].helper;
    }
    if (report->control_count == 0) {
        words_add(&why, "Nothing was planted, so nothing shows that something would be found.");
        state = STATE_FAILS;
    } else if (found < report->control_count) {
        add_missed_controls(&why, report);
        state = STATE_FAILS;
    } else if (report->kind == TARGET_RUN && !has_software_run(report)) {
        words_add(&why, "The same command was not run with the key in software, so nothing shows "
                        "that a key in it would be found.");
        state = STATE_FAILS;
    } else if (report->kind == TARGET_RUN && in_target < 2) {
        words_add(&why, "Nothing was planted in the target itself.");
        state = STATE_FAILS;
    } else if (in_target > 0) {
        words_add(&why,
                  "All that was planted was found: %zu of %zu, %zu of them in the target itself.",
                  found, report->control_count, in_target);
    } else {
        words_add(&why,
                  "Nothing can be planted in %s; in its place the same detectors found %zu of %zu "
                  "forms of the self-test just before.",
                  report->kind == TARGET_PROCESSES ? "a process that runs already" : "a file",
                  found, report->control_count);
        state = STATE_NOT_APPLICABLE;
    }
    decide(report, CONDITION_CONTROLS, state, &why);
}

/* @return whether each call that was seen was scanned at both ends, and the end of the run */
static bool moments_are_complete(const struct report *report, struct words *why)
{
    uint64_t at_calls = 0;
    bool end = false;

    for (size_t i = 0; i < report->count; i++) {
        const enum moment moment = report->examinations[i]->moment;

        at_calls += moment == MOMENT_ENTRY || moment == MOMENT_RETURN;
        end |= moment == MOMENT_EXIT;
    }
    if (report->calls == 0)
        words_add(why, "No PKCS#11 call was seen: the command used no key of the HSM.");
    else if (report->dropped > 0)
        words_add(why, "%" PRIu64 " stops were passed over, as --every or --budget asked.",
                  report->dropped);
    else if (at_calls < 2 * report->calls)
        words_add(why,
                  "%" PRIu64 " of %" PRIu64 " entries and returns of PKCS#11 calls were scanned.",
                  at_calls, 2 * report->calls);
    else if (!end)
        words_add(why, "The end of the command was not scanned.");
    return why->size == 0;
}

static void decide_moments(struct report *report)
{
    struct words why = { 0 };

    if (report->kind != TARGET_RUN) {
        words_add(
            &why, "%s",
            report->kind == TARGET_PROCESSES
                ? "One scan: the verdict is about that moment. `run` looks at every PKCS#11 "
                  "call."
                : "A file does not change: the verdict is about the moment when it was made.");
        decide(report, CONDITION_MOMENTS, STATE_NOT_APPLICABLE, &why);
        return;
    }
    if (!moments_are_complete(report, &why)) {
        decide(report, CONDITION_MOMENTS, STATE_FAILS, &why);
        return;
    }
    words_add(&why,
              "%zu scans: at the entry and return of %" PRIu64 " PKCS#11 calls, and at the end; "
              "the longest stretch between two took ",
              report->count, report->calls);
    words_time(&why, report->longest_unscanned);
    words_add(&why, ".");
    decide(report, CONDITION_MOMENTS, STATE_HOLDS, &why);
}

static void decide_detectors(struct report *report, const struct sightings *sightings)
{
    struct words why = { 0 };
    bool overflowed = sightings->failed;

    for (size_t i = 0; i < report->count; i++)
        overflowed |= findings_overflowed(report->examinations[i]->findings);
    if (overflowed)
        words_add(&why, "There was no memory for all that was found.");
    else if (report->detectors[0] == '\0')
        words_add(&why, "No detector ran.");
    else
        words_add(&why, "%s; code path: %s.", report->detectors, report->path);
    decide(report, CONDITION_DETECTORS,
           overflowed || report->detectors[0] == '\0' ? STATE_FAILS : STATE_HOLDS, &why);
}

void conditions_decide(struct report *report, const struct sightings *sightings)
{
    decide_ledger(report);
    decide_threads(report);
    decide_elsewhere(report);
    decide_controls(report);
    decide_moments(report);
    decide_detectors(report, sightings);
}

enum condition conditions_first_failing(const struct report *report)
{
    for (unsigned int i = 0; i < CONDITION_COUNT; i++)
        if (report->conditions[i].state == STATE_FAILS)
            return (enum condition)i;
    return CONDITION_COUNT;
}

bool conditions_hold(const struct report *report)
{
    return conditions_first_failing(report) == CONDITION_COUNT;
}
