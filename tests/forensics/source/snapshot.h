/*
 * Memory of a target that was copied while it stood still, to be searched when it runs again.
 * Left out of core dumps, and wiped.
 */
#ifndef MEMSCAN_SNAPSHOT_H
#define MEMSCAN_SNAPSHOT_H

#include <stdbool.h>

#include "../scan/piece.h"

struct snapshot {
    unsigned char *memory;
    size_t size, used;
    struct piece *pieces;
    size_t count, room;
};

/** Reserves addresses for `size` bytes of copies; the memory comes as it is used. */
bool snapshot_open(struct snapshot *snapshot, size_t size);

/** Room for a piece, with margins of zeros; NULL when it is full. */
unsigned char *snapshot_take(struct snapshot *snapshot, size_t size);

/** Enters a piece that lies in what snapshot_take() gave. @return false without memory */
bool snapshot_add(struct snapshot *snapshot, const struct piece *piece);

/** Wipes a piece that was searched. */
void snapshot_wipe(const struct piece *piece);

/** Wipes and frees. */
void snapshot_close(struct snapshot *snapshot);

#endif
