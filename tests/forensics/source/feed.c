/*
 * Workers that read and search: see feed.h.  One lock guards the queue, the free buffers and the
 * ledger; it is never held while memory is read or searched.
 */
#include "feed.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pages.h"

enum {
    WORKERS_MAX = 16, /* a buffer of a megabyte for each must stay well below 64 MiB */
    QUEUE = 512,
    BATCH = 8,
    BUFFER_WHOLE = PIECE_MARGIN + FEED_BUFFER + PIECE_MARGIN,
    TICK = 100, /* milliseconds between two words on progress */
};

struct job {
    const struct reader *reader; /* NULL: `buffer` holds the bytes */
    unsigned char *buffer;
    const struct piece *copied; /* of a snapshot: to be searched and wiped */
    struct span span;
};

/* A thread, and the buffer that is its own. */
struct worker {
    struct feed *feed;
    pthread_t thread;
    unsigned char *buffer;
    size_t used; /* the most bytes that were in it: what is to be wiped */
};

struct feed {
    const struct source_settings *settings;
    struct examination *examination;
    struct sink sink;
    bool closing;
    pthread_mutex_t lock;
    pthread_cond_t more, less; /* jobs came; jobs were done or a buffer is free */
    struct job queue[QUEUE];
    size_t first, count;
    size_t pending;            /* jobs that are not done yet, in the queue or with a worker */
    unsigned char *buffers[2]; /* for what is handed over: those that are free */
    size_t buffer_count;
    struct worker workers[WORKERS_MAX];
    unsigned int started;
    uint64_t done, all;
    size_t largest; /* that was handed over: what is to be wiped of each of those buffers */
    double ticked;
};

double feed_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static unsigned int workers_wanted(const struct source_settings *settings)
{
    cpu_set_t allowed;
    int workers = (int)settings->workers;

    if (workers <= 0)
        workers = sched_getaffinity(0, sizeof(allowed), &allowed) == 0 ? CPU_COUNT(&allowed) : 1;
    return workers > WORKERS_MAX ? WORKERS_MAX : workers > 0 ? (unsigned int)workers : 1;
}

static void search_copy(struct feed *feed, const struct piece *piece)
{
    scanner_search(feed->settings->scanner, piece, feed->examination->findings);
    snapshot_wipe(piece);
    __atomic_fetch_add(&feed->done, piece->to - piece->from, __ATOMIC_RELAXED);
}

/* Reads a job's bytes if need be, straight into the snapshot if they are to go there. */
static void work(struct worker *self, const struct job *job)
{
    struct feed *feed = self->feed;
    const struct span *span = &job->span;
    const size_t size = (size_t)(span->end - span->start);
    unsigned char *copy = sink_room(&feed->sink, span);
    unsigned char *bytes = copy != NULL ? copy : job->buffer != NULL ? job->buffer : self->buffer;

    if (bytes == self->buffer && size > self->used)
        self->used = size;

    if (job->reader != NULL) {
        struct place_bytes bill = { 0 };

        bill.unreadable = job->reader->read(job->reader, bytes, span);
        bill.read = span->to - span->from - bill.unreadable;
        feed_account(feed, span->place, &bill);
    } else if (copy != NULL) {
        memcpy(copy, job->buffer, size);
    }
    if (copy == NULL) {
        memset(bytes + size, 0, PIECE_MARGIN);
        sink_put(&feed->sink, bytes, span);
    }
    __atomic_fetch_add(&feed->done, span->to - span->from, __ATOMIC_RELAXED);
}

/* Takes some jobs off the queue; waits for them. @return 0: there will be no more */
static size_t next_jobs(struct feed *feed, struct job jobs[BATCH])
{
    size_t count = 0, wanted;

    pthread_mutex_lock(&feed->lock);
    while (feed->count == 0 && !feed->closing)
        pthread_cond_wait(&feed->more, &feed->lock);
    wanted = feed->count / WORKERS_MAX + 1;
    while (feed->count > 0 && count < wanted && count < BATCH) {
        jobs[count++] = feed->queue[feed->first];
        feed->first = (feed->first + 1) % QUEUE;
        feed->count--;
    }
    pthread_cond_signal(&feed->less);
    pthread_mutex_unlock(&feed->lock);
    return count;
}

static void give_back(struct feed *feed, unsigned char *buffer)
{
    pthread_mutex_lock(&feed->lock);
    feed->buffers[feed->buffer_count++] = buffer;
    pthread_cond_signal(&feed->less);
    pthread_mutex_unlock(&feed->lock);
}

static void job_done(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    if (--feed->pending == 0)
        pthread_cond_signal(&feed->less);
    pthread_mutex_unlock(&feed->lock);
}

static void *run(void *argument)
{
    struct worker *self = argument;
    struct feed *feed = self->feed;
    struct job jobs[BATCH];
    size_t count;

    while ((count = next_jobs(feed, jobs)) > 0)
        for (size_t i = 0; i < count; i++) {
            if (jobs[i].copied != NULL)
                search_copy(feed, jobs[i].copied);
            else
                work(self, &jobs[i]);
            if (jobs[i].buffer != NULL)
                give_back(feed, jobs[i].buffer);
            job_done(feed);
        }
    return NULL;
}

static unsigned char *new_buffer(void)
{
    unsigned char *memory = pages_map(BUFFER_WHOLE);

    return memory == NULL ? NULL : memory + PIECE_MARGIN;
}

static void free_buffer(unsigned char *buffer, size_t used)
{
    if (buffer != NULL)
        pages_unmap(buffer - PIECE_MARGIN, BUFFER_WHOLE, PIECE_MARGIN + used);
}

static bool start(struct feed *feed)
{
    struct worker *worker = &feed->workers[feed->started];

    worker->feed = feed;
    worker->buffer = new_buffer();
    if (worker->buffer == NULL)
        return false;
    if (pthread_create(&worker->thread, NULL, run, worker) != 0) {
        free_buffer(worker->buffer, 0);
        return false;
    }
    feed->started++;
    return true;
}

struct feed *feed_new(const struct source_settings *settings, struct examination *examination,
                      struct snapshot *snapshot, bool choosy)
{
    struct feed *feed = calloc(1, sizeof(*feed));
    const unsigned int wanted = workers_wanted(settings);

    if (feed == NULL)
        return NULL;
    feed->settings = settings;
    feed->examination = examination;
    feed->ticked = feed_clock();
    sink_open(&feed->sink, settings->scanner, examination->findings, snapshot, choosy);
    pthread_mutex_init(&feed->lock, NULL);
    pthread_cond_init(&feed->more, NULL);
    pthread_cond_init(&feed->less, NULL);
    while (feed->buffer_count < 2) {
        unsigned char *buffer = new_buffer();

        if (buffer == NULL)
            break;
        feed->buffers[feed->buffer_count++] = buffer;
    }
    while (feed->buffer_count == 2 && feed->started < wanted && start(feed))
        continue;
    if (feed->started == 0) {
        feed_free(feed);
        return NULL;
    }
    return feed;
}

unsigned int feed_place(struct feed *feed, const struct place *place)
{
    unsigned int index;

    pthread_mutex_lock(&feed->lock);
    index = ledger_add(&feed->examination->ledger, place);
    pthread_mutex_unlock(&feed->lock);
    return index;
}

void feed_account(struct feed *feed, unsigned int place, const struct place_bytes *more)
{
    pthread_mutex_lock(&feed->lock);
    if (place < feed->examination->ledger.count) {
        struct place *entry = &feed->examination->ledger.places[place];

        entry->bytes.mapped += more->mapped;
        entry->bytes.read += more->read;
        entry->bytes.never_populated += more->never_populated;
        entry->bytes.unreadable += more->unreadable;
        entry->bytes.swapped += more->swapped;
    }
    pthread_mutex_unlock(&feed->lock);
}

void feed_expect(struct feed *feed, uint64_t all)
{
    feed->all = all;
}

/* Tells how far it is; with the lock held, which it lets go of meanwhile. */
static void tick(struct feed *feed)
{
    const double now = feed_clock();

    if (feed->settings->progress == NULL || now - feed->ticked < TICK)
        return;
    feed->ticked = now;
    pthread_mutex_unlock(&feed->lock);
    feed->settings->progress(feed->settings->argument,
                             __atomic_load_n(&feed->done, __ATOMIC_RELAXED), feed->all);
    pthread_mutex_lock(&feed->lock);
}

/* Waits for a worker to have done something, but not so long that progress seems to stand still. */
static void wait_less(struct feed *feed)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&feed->less, &feed->lock, &until);
    tick(feed);
}

static void push(struct feed *feed, const struct job *job)
{
    pthread_mutex_lock(&feed->lock);
    while (feed->count == QUEUE)
        wait_less(feed);
    feed->queue[(feed->first + feed->count++) % QUEUE] = *job;
    feed->pending++;
    if (job->buffer != NULL && job->span.end - job->span.start > feed->largest)
        feed->largest = (size_t)(job->span.end - job->span.start);
    pthread_cond_signal(&feed->more);
    tick(feed);
    pthread_mutex_unlock(&feed->lock);
}

void feed_range(struct feed *feed, const struct reader *reader, const struct span *range)
{
    for (uint64_t at = range->from; at < range->to;) {
        struct job job = { .reader = reader, .span = *range };
        const uint64_t next = range->to - at > FEED_CHUNK ? at + FEED_CHUNK : range->to;

        job.span.from = at;
        job.span.to = next;
        if (at - range->start > PIECE_OVERLAP)
            job.span.start = at - PIECE_OVERLAP;
        if (range->end - next > PIECE_OVERLAP)
            job.span.end = next + PIECE_OVERLAP;
        push(feed, &job);
        at = next;
    }
}

unsigned char *feed_buffer(struct feed *feed)
{
    unsigned char *buffer;

    pthread_mutex_lock(&feed->lock);
    while (feed->buffer_count == 0)
        wait_less(feed);
    buffer = feed->buffers[--feed->buffer_count];
    pthread_mutex_unlock(&feed->lock);
    return buffer;
}

void feed_filled(struct feed *feed, unsigned char *buffer, const struct span *span)
{
    const struct job job = { .buffer = buffer, .span = *span };

    push(feed, &job);
}

void feed_bytes(struct feed *feed, unsigned int place, uint64_t address, const void *bytes,
                size_t size)
{
    for (size_t at = 0; at < size; at += FEED_CHUNK) {
        const size_t own = size - at > FEED_CHUNK ? FEED_CHUNK : size - at;
        const size_t before = at > PIECE_OVERLAP ? PIECE_OVERLAP : at;
        const size_t after = size - at - own > PIECE_OVERLAP ? PIECE_OVERLAP : size - at - own;
        const struct span span = { .start = address + at - before,
                                   .end = address + at + own + after,
                                   .from = address + at,
                                   .to = address + at + own,
                                   .place = place };
        unsigned char *buffer = feed_buffer(feed);

        memcpy(buffer, (const unsigned char *)bytes + at - before, before + own + after);
        feed_filled(feed, buffer, &span);
    }
}

void feed_drain(struct feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    while (feed->pending > 0)
        wait_less(feed);
    pthread_mutex_unlock(&feed->lock);
}

static void join(struct feed *feed)
{
    feed_drain(feed);
    pthread_mutex_lock(&feed->lock);
    feed->closing = true;
    pthread_cond_broadcast(&feed->more);
    pthread_mutex_unlock(&feed->lock);
    for (unsigned int i = 0; i < feed->started; i++)
        pthread_join(feed->workers[i].thread, NULL);
}

uint64_t feed_free(struct feed *feed)
{
    uint64_t searched;

    join(feed);
    for (unsigned int i = 0; i < feed->started; i++)
        free_buffer(feed->workers[i].buffer, feed->workers[i].used);
    for (size_t i = 0; i < feed->buffer_count; i++)
        free_buffer(feed->buffers[i], feed->largest);
    searched = feed->sink.searched;
    sink_close(&feed->sink);
    pthread_mutex_destroy(&feed->lock);
    pthread_cond_destroy(&feed->more);
    pthread_cond_destroy(&feed->less);
    free(feed);
    return searched;
}

bool feed_search(const struct source_settings *settings, struct examination *examination,
                 struct snapshot *snapshot)
{
    struct feed *feed;

    if (snapshot->count == 0)
        return true;
    feed = feed_new(settings, examination, NULL, false);
    if (feed == NULL)
        return false;
    for (size_t i = 0; i < snapshot->count; i++)
        feed->all += snapshot->pieces[i].to - snapshot->pieces[i].from;
    for (size_t i = 0; i < snapshot->count; i++) {
        const struct job job = { .copied = &snapshot->pieces[i] };

        push(feed, &job);
    }
    feed_free(feed);
    return true;
}
