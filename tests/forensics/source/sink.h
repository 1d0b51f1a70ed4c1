/*
 * Where bytes go that were read: before the scanner, or into a snapshot that is searched later.
 */
#ifndef MEMSCAN_SINK_H
#define MEMSCAN_SINK_H

#include <pthread.h>

#include "../scan/scanner.h"
#include "snapshot.h"
#include "span.h"

struct sink {
    const struct scanner *scanner;
    struct findings *findings;
    struct snapshot *snapshot; /**< NULL: nothing is copied */
    bool choosy;               /**< only what could be random keys is copied */
    pthread_mutex_t lock;      /**< of the snapshot */
    bool full;
    uint64_t searched; /**< bytes that were searched, not copied; atomic */
};

void sink_open(struct sink *sink, const struct scanner *scanner, struct findings *findings,
               struct snapshot *snapshot, bool choosy);
void sink_close(struct sink *sink);

/**
 * Room in the snapshot into which a whole span is to be read.
 * @return NULL if it is to be read elsewhere and given to sink_put()
 */
unsigned char *sink_room(struct sink *sink, const struct span *span);

/** Searches a span, or what of it is not copied. `bytes` has margins of zeros. */
void sink_put(struct sink *sink, const unsigned char *bytes, const struct span *span);

#endif
