/*
 * Workers that read memory and search it at the same time, in few buffers: whoever walks a target
 * enters spans, workers read each span, keep the ledger, and search or copy it.  What cannot be
 * read by address (standard input, registers) is handed over in a buffer.
 */
#ifndef MEMSCAN_FEED_H
#define MEMSCAN_FEED_H

#include "sink.h"
#include "source.h"

enum {
    FEED_CHUNK = 1 << 20, /**< bytes of a span's own */
    FEED_BUFFER = FEED_CHUNK + 2 * PIECE_OVERLAP,
};

/** Whoever can read by address. */
struct reader {
    /**
     * Fills `to` with the span's bytes, zeros where they cannot be read.
     * @return how many of [from, to) could not be read
     */
    uint64_t (*read)(const struct reader *self, unsigned char *to, const struct span *span);
};

struct feed;

/**
 * Starts the workers.  With a snapshot, what has room is copied into it and not searched; `choosy`:
 * only what could be random keys (scanner_plausible()), the rest is searched.
 * @return NULL without memory or threads
 */
struct feed *feed_new(const struct source_settings *settings, struct examination *examination,
                      struct snapshot *snapshot, bool choosy);

/** Adds a place to the ledger, which workers write at the same time. */
unsigned int feed_place(struct feed *feed, const struct place *place);

/** Adds `more` to the figures of a place. */
struct place_bytes {
    uint64_t mapped, read, never_populated, unreadable, swapped;
};
void feed_account(struct feed *feed, unsigned int place, const struct place_bytes *more);

/**
 * All of [from, to) of a place, with what lies around it in [start, end), in as many spans as it
 * takes; read by workers.  `reader` must live until feed_drain().
 */
void feed_range(struct feed *feed, const struct reader *reader, const struct span *range);

/** A buffer of FEED_BUFFER bytes; waits for one.  To be given back by feed_filled(). */
unsigned char *feed_buffer(struct feed *feed);

/** Hands a buffer over that holds the bytes of `span`; they are not accounted for. */
void feed_filled(struct feed *feed, unsigned char *buffer, const struct span *span);

/** Bytes that are here already: a copy is handed over. */
void feed_bytes(struct feed *feed, unsigned int place, uint64_t address, const void *bytes,
                size_t size);

/** What progress is measured against; 0: nobody knows. */
void feed_expect(struct feed *feed, uint64_t all);

/** Waits until all that was entered is read: readers may go. */
void feed_drain(struct feed *feed);

/** Waits until all is searched or copied. @return bytes that were searched, not copied */
uint64_t feed_free(struct feed *feed);

/** Searches what was copied, with as many threads, and wipes it. @return false without threads */
bool feed_search(const struct source_settings *settings, struct examination *examination,
                 struct snapshot *snapshot);

/** Milliseconds of a clock that only goes forward. */
double feed_clock(void);

#endif
