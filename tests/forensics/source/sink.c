/* Where bytes go that were read: see sink.h. */
#include "sink.h"

#include <string.h>

enum {
    BLOCK = 64 << 10, /* the grain in which what could be keys is copied */
    SAMPLE = 64,      /* a window is tried every so many bytes: it only decides what is faster */
};

void sink_open(struct sink *sink, const struct scanner *scanner, struct findings *findings,
               struct snapshot *snapshot, bool choosy)
{
    *sink = (struct sink){
        .scanner = scanner, .findings = findings, .snapshot = snapshot, .choosy = choosy
    };
    pthread_mutex_init(&sink->lock, NULL);
}

void sink_close(struct sink *sink)
{
    pthread_mutex_destroy(&sink->lock);
}

static struct piece piece_of(const unsigned char *bytes, const struct span *span)
{
    return (struct piece){ .bytes = bytes,
                           .size = (size_t)(span->end - span->start),
                           .from = (size_t)(span->from - span->start),
                           .to = (size_t)(span->to - span->start),
                           .address = span->start,
                           .place = span->place };
}

static unsigned char *copy_room(struct sink *sink, const struct span *span)
{
    struct piece piece = piece_of(NULL, span);
    unsigned char *room = NULL;

    if (sink->snapshot == NULL)
        return NULL;
    pthread_mutex_lock(&sink->lock);
    if (!sink->full)
        room = snapshot_take(sink->snapshot, piece.size);
    piece.bytes = room;
    if (room != NULL && !snapshot_add(sink->snapshot, &piece))
        room = NULL;
    if (room == NULL)
        sink->full = true;
    pthread_mutex_unlock(&sink->lock);
    return room;
}

unsigned char *sink_room(struct sink *sink, const struct span *span)
{
    return sink->choosy ? NULL : copy_room(sink, span);
}

static void search(struct sink *sink, const unsigned char *bytes, const struct span *span)
{
    const struct piece piece = piece_of(bytes, span);

    scanner_search(sink->scanner, &piece, sink->findings);
    __atomic_fetch_add(&sink->searched, span->to - span->from, __ATOMIC_RELAXED);
}

static bool looks_random(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i + 32 <= size; i += SAMPLE)
        if (scanner_plausible(bytes + i))
            return true;
    return false;
}

/* The next run of blocks of one kind, from `at`; @return where it ends. */
static uint64_t next_run(const unsigned char *bytes, const struct span *span, uint64_t at,
                         bool *random)
{
    for (bool first = true; at < span->to; first = false) {
        const uint64_t next = span->to - at > BLOCK ? at + BLOCK : span->to;
        const bool this = looks_random(bytes + (at - span->start), (size_t)(next - at));

        if (!first && this != *random)
            break;
        *random = this;
        at = next;
    }
    return at;
}

void sink_put(struct sink *sink, const unsigned char *bytes, const struct span *span)
{
    if (!sink->choosy) {
        search(sink, bytes, span);
        return;
    }
    for (uint64_t at = span->from; at < span->to;) {
        struct span part = *span;
        unsigned char *room = NULL;
        bool random = false;

        part.from = at;
        part.to = at = next_run(bytes, span, at, &random);
        if (random) {
            if (part.from - part.start > PIECE_OVERLAP)
                part.start = part.from - PIECE_OVERLAP;
            if (part.end - part.to > PIECE_OVERLAP)
                part.end = part.to + PIECE_OVERLAP;
            room = copy_room(sink, &part);
        }
        if (room != NULL) {
            memcpy(room, bytes + (part.start - span->start), (size_t)(part.end - part.start));
            continue;
        }
        part.start = span->start;
        part.end = span->end;
        search(sink, bytes, &part);
    }
}
