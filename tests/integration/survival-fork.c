/*
 * fork() in mid-stream: parent and child both go on, from the same state, and are right; also where
 * other threads of the parent are inside the module at that moment.
 */
#include "survival.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

struct journeys {
    size_t count;
    enum event event; /* of the process that ends them */
    struct journey each[2 * KINDS];
};

static void begin_all(struct journeys *journeys, OSSL_LIB_CTX *context)
{
    journeys->count = (quick() ? 1 : 2) * KINDS;
    for (size_t i = 0; i < journeys->count; i++) {
        journeys->each[i] = journey_of(i % KINDS, i / KINDS ? SIZE_LARGE : SIZE_SMALL);
        CHECK(journey_begin(&journeys->each[i], context));
    }
}

static void end_all(void *journeys_)
{
    struct journeys *journeys = journeys_;

    for (size_t i = 0; i < journeys->count; i++)
        journey_count(&journeys->each[i], journeys->event);
    CHECK(ERR_peek_error() == 0);
}

/* The one first, then the other, then both at once. */
void fork_with(OSSL_LIB_CTX *context)
{
    static struct journeys journeys;
    bool good = true;

    for (int round = 0; round < 3; round++) {
        int child;

        begin_all(&journeys, context);
        journeys.event = EVENT_FORK_CHILD;
        child = start_child(end_all, &journeys);
        if (round == 0)
            good &= table_child(EVENT_FORK_CHILD, wait_child(child));
        journeys.event = EVENT_FORK_PARENT;
        end_all(&journeys);
        if (round != 0)
            good &= table_child(EVENT_FORK_CHILD, wait_child(child));
    }
    CHECK(good);
}

/* What was too long to be kept: the parent goes on, and the child has an error. */
static void child_of_beyond(void *journey_)
{
    struct journey *journey = journey_;

    CHECK(journey_end(journey) == FAILED);
    CHECK_HAS(error_text(), journey->column == COLUMN_CMAC ? "MAC" : "gcm-buffer");
    table_error(EVENT_FORK_CHILD, journey->column);
    journey_free(journey);
}

static void fork_beyond(OSSL_LIB_CTX *context)
{
    static const size_t kinds[] = { COLUMN_GCM_STREAM * 8 + 4, COLUMN_GCM_STREAM * 8 + 5,
                                    COLUMN_CMAC * 8 };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct journey journey = journey_of(kinds[i], SIZE_BEYOND);
        int child;

        CHECK(journey_begin(&journey, context));
        child = start_child(child_of_beyond, &journey);
        journey_count(&journey, EVENT_FORK_PARENT);
        CHECK(table_child(EVENT_FORK_CHILD, wait_child(child)));
    }
}

void fork_in_mid_stream(void)
{
    OSSL_LIB_CTX *context;

    token_standard();
    context = context_with(settings_standard(), NULL);
    fork_with(context);
    OSSL_LIB_CTX_free(context);
    context = context_with(text("%s" SMALL_BUFFER, settings_standard()), NULL);
    fork_beyond(context);
    OSSL_LIB_CTX_free(context);
}

/* ---- beside threads ---- */

enum { THREADS = 4 };

static OSSL_LIB_CTX *shared;
static atomic_bool enough;

static void *busy(void *argument)
{
    size_t kind = *(size_t *)argument;

    while (!enough) {
        struct journey journey = journey_of(kind++ % KINDS, SIZE_SMALL);

        if (!journey_begin(&journey, shared)) {
            table_count(EVENT_FORK_THREADS, journey.column, FAILED);
            journey_free(&journey);
            continue;
        }
        journey_count(&journey, EVENT_FORK_THREADS);
    }
    return NULL;
}

static void one_child(void *journeys)
{
    alarm(60);
    end_all(journeys);
}

static void *forks(void *nothing)
{
    static struct journeys journeys;

    for (int i = 0; i < (quick() ? 10 : 60); i++) {
        journeys.count = 14;
        journeys.event = EVENT_FORK_THREADS;
        for (size_t j = 0; j < journeys.count; j++) {
            journeys.each[j] =
                journey_of(((size_t)i + j * KINDS / journeys.count) % KINDS, SIZE_SMALL);
            CHECK(journey_begin(&journeys.each[j], shared));
        }
        table_child(EVENT_FORK_THREADS, run_child(one_child, &journeys));
        end_all(&journeys);
    }
    return nothing;
}

void fork_beside_threads(void)
{
    pthread_t threads[THREADS], forking;
    size_t kinds[THREADS];

    token_standard();
    shared = context_with(text("%ssession-wait = 60000\n", settings_standard()), NULL);
    for (size_t i = 0; i < THREADS; i++) {
        kinds[i] = i * KINDS / THREADS;
        CHECK(pthread_create(&threads[i], NULL, busy, &kinds[i]) == 0);
    }
    CHECK(pthread_create(&forking, NULL, forks, NULL) == 0);
    CHECK(pthread_join(forking, NULL) == 0);
    enough = true;
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    OSSL_LIB_CTX_free(shared);
}
