/*
 * A set of findings, in an array under a lock, with a hash table of what is in it: detectors come
 * across the same thing again and again, and a hostile target can hold many things.
 */
#include "finding.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../../../provider/secret.h"

enum {
    ROOM_FIRST = 64,
    COUNT_MAX = 1 << 20,
    SCHEDULE_SIZE_MAX = 1024, /* the longest form is 960 bytes */
};

struct findings {
    pthread_mutex_t lock;
    struct finding *items;
    size_t count, room;
    uint32_t *slots; /* 2 * room of them: an index into items + 1, or 0; probed one after another */
    bool overflowed;
};

struct findings *findings_new(void)
{
    struct findings *findings = calloc(1, sizeof(*findings));

    if (findings != NULL)
        pthread_mutex_init(&findings->lock, NULL);
    return findings;
}

void findings_free(struct findings *findings)
{
    if (findings == NULL)
        return;
    for (size_t i = 0; i < findings->count; i++)
        free(findings->items[i].where);
    if (findings->items != NULL)
        secret_wipe(findings->items, findings->room * sizeof(*findings->items));
    free(findings->items);
    free(findings->slots);
    pthread_mutex_destroy(&findings->lock);
    free(findings);
}

static bool same_text(const char *one, const char *other)
{
    return one == other || (one != NULL && other != NULL && strcmp(one, other) == 0);
}

static bool is_same(const struct finding *one, const struct finding *other)
{
    return one->address == other->address && one->place == other->place &&
           one->kind == other->kind && one->order == other->order &&
           one->transform == other->transform && one->bytes == other->bytes &&
           one->key_bits == other->key_bits && same_text(one->encoding, other->encoding);
}

static uint64_t mixed(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

/* Of what is_same() compares. */
static uint64_t hash_of(const struct finding *finding)
{
    uint64_t hash = mixed(finding->place, finding->address);

    hash = mixed(hash, (uint64_t)finding->kind << 32 | finding->key_bits);
    hash = mixed(hash, (uint64_t)finding->order << 16 | (uint64_t)finding->transform << 8 |
                           (uint64_t)finding->bytes);
    for (const char *text = finding->encoding; text != NULL && *text != '\0'; text++)
        hash = mixed(hash, (unsigned char)*text);
    return hash;
}

/* Where it is, or the empty slot where it belongs.  There is room. */
static uint32_t *slot_of(const struct findings *findings, const struct finding *finding)
{
    const size_t count = 2 * findings->room;
    size_t at = (size_t)(hash_of(finding) % count);

    while (findings->slots[at] != 0 && !is_same(&findings->items[findings->slots[at] - 1], finding))
        at = (at + 1) % count;
    return &findings->slots[at];
}

static void fill_slots(struct findings *findings)
{
    memset(findings->slots, 0, 2 * findings->room * sizeof(*findings->slots));
    for (size_t i = 0; i < findings->count; i++)
        *slot_of(findings, &findings->items[i]) = (uint32_t)(i + 1);
}

/* Not realloc(): what is left behind must be wiped.  The lock is held. */
static bool make_room(struct findings *findings)
{
    const size_t room = findings->room == 0 ? ROOM_FIRST : 2 * findings->room;
    struct finding *items;
    uint32_t *slots;

    if (findings->count < findings->room)
        return true;
    items = room <= COUNT_MAX ? calloc(room, sizeof(*items)) : NULL;
    slots = room <= COUNT_MAX ? calloc(2 * room, sizeof(*slots)) : NULL;
    if (items == NULL || slots == NULL) {
        free(items);
        free(slots);
        return false;
    }
    if (findings->items != NULL) {
        memcpy(items, findings->items, findings->count * sizeof(*items));
        secret_wipe(findings->items, findings->room * sizeof(*items));
        free(findings->items);
    }
    free(findings->slots);
    findings->items = items;
    findings->slots = slots;
    findings->room = room;
    fill_slots(findings);
    return true;
}

void findings_add(struct findings *findings, const struct finding *finding)
{
    uint32_t *slot;

    pthread_mutex_lock(&findings->lock);
    slot = findings->room > 0 ? slot_of(findings, finding) : NULL;
    if (slot != NULL && *slot != 0) {
        struct finding *same = &findings->items[*slot - 1];

        if (finding->matched > same->matched)
            *same = *finding;
    } else if (make_room(findings)) {
        slot = slot_of(findings, finding);
        findings->items[findings->count++] = *finding;
        *slot = (uint32_t)findings->count;
    } else {
        findings->overflowed = true;
    }
    pthread_mutex_unlock(&findings->lock);
}

size_t findings_count(const struct findings *findings)
{
    return findings->count;
}

const struct finding *findings_at(const struct findings *findings, size_t index)
{
    return &findings->items[index];
}

struct finding *findings_edit(struct findings *findings, size_t index)
{
    return &findings->items[index];
}

bool findings_overflowed(const struct findings *findings)
{
    return findings->overflowed;
}

static int compared(uint64_t one, uint64_t other)
{
    return one < other ? -1 : one > other ? 1 : 0;
}

/* By address, the better one first; the rest is there to give one order whichever thread came
   first. */
static int by_address(const void *one, const void *other)
{
    const struct finding *a = one, *b = other;
    const int orders[] = {
        compared(a->place, b->place),     compared(a->address, b->address),
        compared(b->matched, a->matched), compared(a->kind, b->kind),
        compared(a->order, b->order),     compared(a->transform, b->transform),
        compared(a->bytes, b->bytes),     compared(a->key_bits, b->key_bits),
    };

    for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++)
        if (orders[i] != 0)
            return orders[i];
    if (a->encoding == NULL || b->encoding == NULL)
        return (a->encoding != NULL) - (b->encoding != NULL);
    return strcmp(a->encoding, b->encoding);
}

/* Whether schedule `a` is to go because `b` says more of the same bytes. */
static bool is_part(const struct finding *a, const struct finding *b)
{
    return b->kind == FINDING_SCHEDULE && a->place == b->place && a->address >= b->address &&
           a->address + a->size <= b->address + b->size && b->matched > a->matched &&
           (a->matched <= 4 || a->transform != b->transform || a->bytes != b->bytes ||
            memcmp(a->key, b->key, sizeof(a->key)) == 0);
}

/* What holds it begins at or before it, and so comes before it. */
static bool is_part_of_another(const struct findings *findings, size_t index)
{
    const struct finding *finding = &findings->items[index];

    if (finding->kind != FINDING_SCHEDULE)
        return false;
    for (size_t i = index; i-- > 0;) {
        const struct finding *other = &findings->items[i];

        if (other->place != finding->place ||
            finding->address - other->address >= SCHEDULE_SIZE_MAX)
            return false;
        if (is_part(finding, other))
            return true;
    }
    return false;
}

void findings_settle(struct findings *findings)
{
    bool *parts;
    size_t kept = 0;

    pthread_mutex_lock(&findings->lock);
    if (findings->count > 0)
        qsort(findings->items, findings->count, sizeof(*findings->items), by_address);
    parts = calloc(findings->count + 1, sizeof(*parts));
    for (size_t i = 0; i < findings->count && parts != NULL; i++)
        parts[i] = is_part_of_another(findings, i);
    for (size_t i = 0; i < findings->count; i++)
        if (parts == NULL || !parts[i])
            findings->items[kept++] = findings->items[i];
    if (findings->room > 0) {
        secret_wipe(findings->items + kept, (findings->count - kept) * sizeof(*findings->items));
        findings->count = kept;
        fill_slots(findings);
    }
    free(parts);
    pthread_mutex_unlock(&findings->lock);
}
