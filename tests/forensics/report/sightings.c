/* Findings of all examinations, put together: see sightings.h. */
#include "sightings.h"

#include <stdlib.h>
#include <string.h>

static const struct place nowhere = { .name = "a place that is not in the ledger" };

const char *role_name(enum role role)
{
    static const char *const names[] = { "wanted key", "PIN", "other AES key", "self-test key",
                                         "canary" };

    return (size_t)role < ROLE_COUNT ? names[role] : "?";
}

/* What is not known to be harmless is the key that was asked for. */
static enum role role_of(const struct report *report, const struct finding *finding)
{
    if (finding->kind == FINDING_PIN)
        return ROLE_PIN;
    if (finding->sought >= 0)
        return finding->sought < 32 && (report->question.canaries >> finding->sought & 1) != 0
                   ? ROLE_CANARY
                   : ROLE_WANTED;
    if (finding->kind != FINDING_SCHEDULE)
        return ROLE_WANTED;
    return finding->owner != NULL ? ROLE_SELF_TEST : ROLE_OTHER;
}

#define COMPARE(one, other)                                                                        \
    do {                                                                                           \
        if ((one) != (other))                                                                      \
            return (one) < (other) ? -1 : 1;                                                       \
    } while (0)

/* Whether two sightings are of one key.  A key of which nothing is known is like no other. */
static int by_key(const struct sighting *a, const struct sighting *b)
{
    COMPARE(a->role, b->role);
    if (a->role == ROLE_WANTED || a->role == ROLE_PIN || a->role == ROLE_CANARY) {
        COMPARE(a->finding->sought, b->finding->sought);
        return 0;
    }
    COMPARE(a->finding->key_bits, b->finding->key_bits);
    return memcmp(a->finding->key, b->finding->key, sizeof(a->finding->key));
}

/* The detectors of known bytes and of the oracle's key see the same thing. */
static enum finding_kind detector_of(const struct finding *finding)
{
    return finding->kind == FINDING_ORACLE_KEY ? FINDING_KNOWN_KEY : finding->kind;
}

static int by_place(const struct sighting *a, const struct sighting *b)
{
    const struct finding *one = a->finding, *other = b->finding;

    COMPARE(a->place->kind, b->place->kind);
    COMPARE(a->place->process, b->place->process);
    COMPARE(a->place->thread, b->place->thread);
    COMPARE(one->address, other->address);
    COMPARE(detector_of(one), detector_of(other));
    COMPARE(one->order, other->order);
    COMPARE(one->transform, other->transform);
    COMPARE(one->bytes, other->bytes);
    return strcmp(one->encoding != NULL ? one->encoding : "",
                  other->encoding != NULL ? other->encoding : "");
}

static int by_all(const void *one, const void *other)
{
    const struct sighting *a = one, *b = other;
    int order = by_key(a, b);

    if (order == 0)
        order = by_place(a, b);
    if (order == 0)
        COMPARE(a->first, b->first);
    return order;
}

static size_t count_all(const struct report *report)
{
    size_t count = 0;

    for (size_t i = 0; i < report->count; i++)
        count += findings_count(report->examinations[i]->findings);
    return count;
}

static void list(struct sightings *sightings, const struct report *report)
{
    for (size_t i = 0; i < report->count; i++) {
        const struct examination *examination = report->examinations[i];

        for (size_t j = 0; j < findings_count(examination->findings); j++) {
            const struct finding *finding = findings_at(examination->findings, j);
            const struct ledger *ledger = &examination->ledger;

            sightings->items[sightings->count++] = (struct sighting){
                .role = role_of(report, finding),
                .finding = finding,
                .place =
                    finding->place < ledger->count ? &ledger->places[finding->place] : &nowhere,
                .first = i,
                .last = i,
                .times = 1,
            };
        }
    }
}

/* What is the same in several examinations becomes one; keys get their numbers. */
static void merge(struct sightings *sightings)
{
    size_t kept = 0;

    for (size_t i = 0; i < sightings->count; i++) {
        struct sighting *item = &sightings->items[i], *before;

        before = kept > 0 ? &sightings->items[kept - 1] : NULL;
        if (before != NULL && by_key(before, item) == 0 && by_place(before, item) == 0) {
            before->times += before->last != item->last;
            before->last = item->last;
            continue;
        }
        sightings->of_role[item->role]++;
        if (before == NULL || by_key(before, item) != 0)
            sightings->keys_of[item->role]++;
        item->key = sightings->keys_of[item->role];
        sightings->items[kept++] = *item;
    }
    sightings->count = kept;
}

/* Whether `part` is bytes of a schedule that is told of already. */
static bool is_inside(const struct sighting *part, const struct sighting *schedule)
{
    const struct finding *one = part->finding, *whole = schedule->finding;

    return one->kind != FINDING_SCHEDULE && whole->kind == FINDING_SCHEDULE &&
           by_key(part, schedule) == 0 && part->place->kind == schedule->place->kind &&
           part->place->process == schedule->place->process && one->address >= whole->address &&
           one->address + one->size <= whole->address + whole->size &&
           part->first >= schedule->first && part->last <= schedule->last;
}

/* The detector of known bytes sees each round key of a schedule, too: one is enough. */
static void drop_insides(struct sightings *sightings)
{
    size_t kept = 0, schedule = SIZE_MAX;

    for (size_t i = 0; i < sightings->count; i++) {
        const struct sighting item = sightings->items[i];

        if (schedule != SIZE_MAX && is_inside(&item, &sightings->items[schedule])) {
            sightings->of_role[item.role]--;
            continue;
        }
        if (item.finding->kind == FINDING_SCHEDULE)
            schedule = kept;
        sightings->items[kept++] = item;
    }
    sightings->count = kept;
}

void sightings_collect(struct sightings *sightings, const struct report *report)
{
    const size_t count = count_all(report);

    *sightings = (struct sightings){ 0 };
    if (count == 0)
        return;
    sightings->items = calloc(count, sizeof(*sightings->items));
    if (sightings->items == NULL) {
        sightings->failed = true;
        return;
    }
    list(sightings, report);
    qsort(sightings->items, sightings->count, sizeof(*sightings->items), by_all);
    merge(sightings);
    drop_insides(sightings);
}

bool sightings_wanted_in(const struct report *report, size_t examination)
{
    const struct findings *findings = report->examinations[examination]->findings;

    for (size_t i = 0; i < findings_count(findings); i++)
        if (role_of(report, findings_at(findings, i)) == ROLE_WANTED)
            return true;
    return false;
}

void sightings_free(struct sightings *sightings)
{
    free(sightings->items);
    *sightings = (struct sightings){ 0 };
}
