/*
 * What the benchmark measures: kinds of work that both sides can do.  For bench.c and its two
 * sides.
 */
#ifndef HSMZKE_BENCH_WORK_H
#define HSMZKE_BENCH_WORK_H

#include <stddef.h>

/** Ways to encipher; PADDED is CBC with PKCS#7 padding. */
enum mode { MODE_ECB, MODE_CBC, MODE_CTR, MODE_PADDED, MODE_GCM };

/**
 * Messages, each with its own initialisation; updates of one message that never ends; updates of
 * messages of WORK_STREAM calls each.
 */
enum shape { SHAPE_MESSAGES, SHAPE_UPDATES, SHAPE_STREAMS };

/** One kind of work: calls of that many bytes. */
struct work {
    enum mode mode;
    enum shape shape;
    size_t size;
};

/** The most bytes in a call, and the room that its output may take. */
#define WORK_SIZE_MAX 65536
#define WORK_ROOM (WORK_SIZE_MAX + 32)
/** Calls between two looks at the clock. */
#define WORK_BATCH 32
/** Calls in a message of SHAPE_STREAMS: 16 MiB in updates of 64 KiB. */
#define WORK_STREAM 256
/** Bytes of GCM's IV and tag. */
#define WORK_GCM_IV 12
#define WORK_TAG 16

/** Seconds on a clock that is never set. */
double work_clock(void);

#endif
