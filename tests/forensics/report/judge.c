/*
 * The verdict: what was found, and whether all conditions hold under which what was not found may
 * be said not to be there.
 */
#include "writers.h"

#include "conditions.h"
#include "sentence.h"

/* A negative answer needs all conditions; a positive one needs none. */
static enum verdict judge_key(const struct report *report, const struct sightings *sightings)
{
    const bool asked = report->question.by_bytes || report->question.by_oracle;

    if (sightings->of_role[ROLE_WANTED] > 0)
        return VERDICT_KEY_FOUND;
    if (!asked && sightings->of_role[ROLE_OTHER] > 0)
        return VERDICT_AES_KEYS_FOUND;
    if (!conditions_hold(report))
        return VERDICT_INCONCLUSIVE;
    return asked ? VERDICT_KEY_NOT_IN_MEMORY : VERDICT_NO_AES_KEYS;
}

static enum verdict judge_pin(const struct report *report, const struct sightings *sightings)
{
    if (sightings->of_role[ROLE_PIN] > 0)
        return VERDICT_KEY_FOUND;
    return conditions_hold(report) && report->question.pin && report->question.pin_note[0] == '\0'
               ? VERDICT_KEY_NOT_IN_MEMORY
               : VERDICT_INCONCLUSIVE;
}

void report_judge(struct report *report)
{
    struct sightings sightings;

    sightings_collect(&sightings, report);
    conditions_decide(report, &sightings);
    report->verdict = judge_key(report, &sightings);
    report->pin_verdict = judge_pin(report, &sightings);
    sentence_write(report, &sightings);
    sentence_next(report);
    sightings_free(&sightings);
}

static int status_of(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_KEY_NOT_IN_MEMORY:
    case VERDICT_NO_AES_KEYS:
        return 0;
    case VERDICT_KEY_FOUND:
    case VERDICT_AES_KEYS_FOUND:
        return 1;
    case VERDICT_INCONCLUSIVE:
        break;
    }
    return 2;
}

int report_status(const struct report *report)
{
    const int status = status_of(report->verdict);

    return status == 0 && report->question.pin ? status_of(report->pin_verdict) : status;
}
