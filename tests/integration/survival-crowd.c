/*
 * 64 threads with 1,000 contexts each, all of them open at once, on eight sessions.
 */
#include "survival.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS = 64, CONTEXTS = 1000, CONTEXTS_QUICK = 20 };

static OSSL_LIB_CTX *context;
static pthread_barrier_t all_are_open;

static void *thread(void *number)
{
    const size_t count = quick() ? CONTEXTS_QUICK : CONTEXTS, first = *(size_t *)number;
    struct journey *journeys = calloc(count, sizeof(*journeys));
    bool begun = journeys != NULL;

    for (size_t i = 0; begun && i < count; i++) {
        journeys[i] = journey_of((first + i) % KINDS, SIZE_SMALL);
        begun = journey_begin(&journeys[i], context);
        if (!begun)
            table_count(EVENT_CROWD, journeys[i].column, FAILED);
    }
    pthread_barrier_wait(&all_are_open);
    for (size_t i = count; begun && i-- > 0;)
        journey_count(&journeys[i], EVENT_CROWD);
    free(journeys);
    return NULL;
}

void crowd(void)
{
    pthread_t threads[THREADS];
    size_t numbers[THREADS];

    token_standard();
    context =
        context_with(text("%ssessions = 8\nsession-wait = 600000\n", settings_standard()), NULL);
    CHECK(pthread_barrier_init(&all_are_open, NULL, THREADS) == 0);
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = 7 * i;
        CHECK(pthread_create(&threads[i], NULL, thread, &numbers[i]) == 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    OSSL_LIB_CTX_free(context);
}
