/* Copies of a target's memory: see snapshot.h. */
#include "snapshot.h"

#include <stdlib.h>

#include "../../../provider/secret.h"
#include "pages.h"

bool snapshot_open(struct snapshot *snapshot, size_t size)
{
    *snapshot = (struct snapshot){ 0 };
    if (size == 0)
        return true;
    snapshot->memory = pages_map(size);
    if (snapshot->memory == NULL)
        return false;
    snapshot->size = size;
    return true;
}

unsigned char *snapshot_take(struct snapshot *snapshot, size_t size)
{
    const size_t whole = (PIECE_MARGIN + size + PIECE_MARGIN + 63) / 64 * 64;
    unsigned char *room;

    if (snapshot->size - snapshot->used < whole)
        return NULL;
    room = snapshot->memory + snapshot->used + PIECE_MARGIN;
    snapshot->used += whole;
    return room;
}

bool snapshot_add(struct snapshot *snapshot, const struct piece *piece)
{
    if (snapshot->count == snapshot->room) {
        const size_t room = snapshot->room == 0 ? 256 : 2 * snapshot->room;
        struct piece *longer = realloc(snapshot->pieces, room * sizeof(*longer));

        if (longer == NULL)
            return false;
        snapshot->pieces = longer;
        snapshot->room = room;
    }
    snapshot->pieces[snapshot->count++] = *piece;
    return true;
}

void snapshot_wipe(const struct piece *piece)
{
    /* It lies in memory of ours; only those who search it must not write. */
    secret_wipe((unsigned char *)(uintptr_t)piece->bytes, piece->size);
}

void snapshot_close(struct snapshot *snapshot)
{
    if (snapshot->memory != NULL) {
        for (size_t i = 0; i < snapshot->count; i++)
            snapshot_wipe(&snapshot->pieces[i]);
        pages_unmap(snapshot->memory, snapshot->size, 0);
    }
    free(snapshot->pieces);
    *snapshot = (struct snapshot){ 0 };
}
