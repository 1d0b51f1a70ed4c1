/* Ledgers made short: see ledgers.h. */
#include "ledgers.h"

#include <stdio.h>
#include <stdlib.h>

static bool must_stay(const struct place *place)
{
    /* What is beside the mappings shows that it was looked at. */
    return (place->kind != PLACE_MAPPING && place->kind != PLACE_REGISTERS) ||
           place->bytes.unreadable > 0 || place->bytes.swapped > 0 || place->guarded ||
           place->bytes.mapped !=
               place->bytes.read + place->bytes.never_populated + place->bytes.unreadable;
}

/* The place that stands for all others of a process; made where there is none. */
static struct place *rest_of(struct ledger *ledger, int process)
{
    const struct place rest = { .kind = PLACE_MAPPING, .process = process };

    for (size_t i = 0; i < ledger->count; i++)
        if (ledger->places[i].process == process && ledger->places[i].file_offset == UINT64_MAX)
            return &ledger->places[i];
    if (ledger_add(ledger, &rest) == (unsigned int)-1)
        return NULL;
    ledger->places[ledger->count - 1].file_offset = UINT64_MAX; /* marks it while this runs */
    return &ledger->places[ledger->count - 1];
}

static void add_to(struct place *rest, const struct place *place)
{
    rest->end++;
    rest->bytes.mapped += place->bytes.mapped;
    rest->bytes.read += place->bytes.read;
    rest->bytes.never_populated += place->bytes.never_populated;
}

static void name_rests(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++) {
        struct place *place = &ledger->places[i];

        if (place->file_offset != UINT64_MAX)
            continue;
        snprintf(place->name, sizeof(place->name), "%llu places of process %d",
                 (unsigned long long)place->end, place->process);
        place->file_offset = place->end = 0;
    }
}

static void give_back(struct ledger *ledger)
{
    struct place *places = realloc(ledger->places, ledger->count * sizeof(*places));

    if (places != NULL) {
        ledger->places = places;
        ledger->room = ledger->count;
    }
}

/* @return false without memory: nothing was changed then */
static bool shorten(struct examination *examination, unsigned int *now)
{
    const struct ledger *whole = &examination->ledger;
    struct ledger shorter = { .changed = whole->changed, .truncated = whole->truncated };

    for (size_t i = 0; i < whole->count; i++) {
        struct place *rest;

        if (now[i] != 0 || must_stay(&whole->places[i])) {
            now[i] = ledger_add(&shorter, &whole->places[i]);
        } else if ((rest = rest_of(&shorter, whole->places[i].process)) != NULL) {
            add_to(rest, &whole->places[i]);
        }
    }
    if (shorter.count == 0 || (shorter.truncated && !whole->truncated)) {
        ledger_free(&shorter);
        return false;
    }
    name_rests(&shorter);
    give_back(&shorter);
    ledger_free(&examination->ledger);
    examination->ledger = shorter;
    return true;
}

void ledger_shorten(struct examination *examination, size_t index)
{
    const size_t count = examination->ledger.count;
    unsigned int *now = index >= LEDGERS_WHOLE ? calloc(count + 1, sizeof(*now)) : NULL;

    if (now == NULL)
        return;
    for (size_t i = 0; i < findings_count(examination->findings); i++) {
        const unsigned int place = findings_at(examination->findings, i)->place;

        if (place < count)
            now[place] = 1;
    }
    if (shorten(examination, now))
        for (size_t i = 0; i < findings_count(examination->findings); i++) {
            struct finding *finding = findings_edit(examination->findings, i);

            if (finding->place < count)
                finding->place = now[finding->place];
        }
    free(now);
}
