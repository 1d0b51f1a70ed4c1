/*
 * The ledger of what was read.
 */
#include "place.h"

#include <stdlib.h>

unsigned int ledger_add(struct ledger *ledger, const struct place *place)
{
    if (ledger->count == ledger->room) {
        const size_t room = ledger->room == 0 ? 256 : 2 * ledger->room;
        struct place *places = realloc(ledger->places, room * sizeof(*places));

        if (places == NULL) {
            ledger->truncated = true;
            return (unsigned int)-1;
        }
        ledger->places = places;
        ledger->room = room;
    }
    ledger->places[ledger->count] = *place;
    return (unsigned int)ledger->count++;
}

struct place_sums ledger_sums(const struct ledger *ledger)
{
    struct place_sums sums = { .places = ledger->count };

    for (size_t i = 0; i < ledger->count; i++) {
        const struct place *place = &ledger->places[i];

        sums.mapped += place->bytes.mapped;
        sums.read += place->bytes.read;
        sums.never_populated += place->bytes.never_populated;
        sums.unreadable += place->bytes.unreadable;
        sums.swapped += place->bytes.swapped;
    }
    return sums;
}

bool ledger_balances(const struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->count; i++) {
        const struct place *place = &ledger->places[i];

        if (place->bytes.mapped !=
            place->bytes.read + place->bytes.never_populated + place->bytes.unreadable)
            return false;
    }
    return !ledger->truncated;
}

void ledger_free(struct ledger *ledger)
{
    free(ledger->places);
    *ledger = (struct ledger){ 0 };
}
