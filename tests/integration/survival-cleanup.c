/*
 * OPENSSL_cleanup() in any order: before contexts are freed, after, in exit handlers that were
 * registered before hsmzke's and after, and beside threads.  What a program does with a context
 * after it must not be done at all by OpenSSL's rules; it comes to the right end or fails, and
 * nothing crashes.
 */
#include "survival.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

static struct journey journeys[KINDS];
static OSSL_LIB_CTX *context; /* NULL: the default one */

static void begin_all(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        journeys[i] = journey_of(i, SIZE_SMALL);
        CHECK(journey_begin(&journeys[i], context));
    }
}

static void end_all(void)
{
    for (size_t i = 0; i < KINDS; i++)
        journey_count(&journeys[i], EVENT_CLEANUP);
}

static void free_all(void)
{
    for (size_t i = 0; i < KINDS; i++)
        journey_free(&journeys[i]);
}

/* Right, or failed; without a word, for OpenSSL has no more queue to put it on. */
static void try_all(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        const enum verdict verdict = journey_end(&journeys[i]);

        if (verdict == FAILED)
            table_error(EVENT_CLEANUP, journeys[i].column);
        else
            table_count(EVENT_CLEANUP, journeys[i].column, verdict);
    }
}

static void all_over(void)
{
    begin_all();
    end_all();
    OPENSSL_cleanup();
}

static void contexts_left(void)
{
    begin_all();
    OPENSSL_cleanup();
}

static void contexts_freed_after(void)
{
    begin_all();
    OPENSSL_cleanup();
    free_all();
}

static void contexts_used_after(void)
{
    begin_all();
    OPENSSL_cleanup();
    try_all();
}

static void twice(void)
{
    begin_all();
    OPENSSL_cleanup();
    OPENSSL_cleanup();
}

/* Before anything of hsmzke's, so that it runs last. */
static void handler_registered_before(void)
{
    CHECK(atexit(try_all) == 0);
    begin_all();
}

/* After all of hsmzke's, so that it runs first: nothing is gone. */
static void handler_registered_after(void)
{
    begin_all();
    CHECK(atexit(end_all) == 0);
}

static void handler_cleans_up_first(void)
{
    begin_all();
    CHECK(atexit(OPENSSL_cleanup) == 0);
}

static void handler_cleans_up_last(void)
{
    CHECK(atexit(free_all) == 0);
    CHECK(atexit(OPENSSL_cleanup) == 0);
    begin_all();
}

static pthread_barrier_t barrier;

static void *has_contexts(void *nothing)
{
    (void)nothing;
    begin_all();
    pthread_barrier_wait(&barrier); /* they are there */
    pthread_barrier_wait(&barrier); /* OpenSSL is not */
    free_all();
    return NULL;
}

static void contexts_of_a_thread(void)
{
    pthread_t thread;

    CHECK(pthread_barrier_init(&barrier, NULL, 2) == 0);
    CHECK(pthread_create(&thread, NULL, has_contexts, NULL) == 0);
    pthread_barrier_wait(&barrier);
    OPENSSL_cleanup();
    pthread_barrier_wait(&barrier);
    CHECK(pthread_join(thread, NULL) == 0);
}

static const struct order {
    const char *name;
    void (*run)(void);
    bool after; /* something is done with contexts after OPENSSL_cleanup() */
} orders[] = {
    { "all over", all_over, false },
    { "contexts left", contexts_left, false },
    { "contexts freed after", contexts_freed_after, true },
    { "contexts used after", contexts_used_after, true },
    { "twice", twice, false },
    { "handler registered before", handler_registered_before, false },
    { "handler registered after", handler_registered_after, false },
    { "handler cleans up first", handler_cleans_up_first, false },
    { "handler cleans up last", handler_cleans_up_last, true },
    { "contexts of a thread", contexts_of_a_thread, true },
};

static void own_context(void *order)
{
    context = context_with(settings_standard(), NULL);
    ((const struct order *)order)->run();
}

static void default_context(void *order)
{
    CHECK(OSSL_LIB_CTX_load_config(NULL, config_file(settings_standard(), NULL)) == 1);
    ((const struct order *)order)->run();
}

void cleaned_up(void **state)
{
    bool good = true;

    (void)state;
    token_standard();
    for (size_t i = 0; i < 2 * sizeof(orders) / sizeof(orders[0]); i++) {
        struct order order = orders[i / 2];
        int status;

        printf("%s, %s context: ", order.name, i % 2 ? "the default" : "its own");
        if (order.after && OPENSSL_version_major() >= 4) {
            printf("not with OpenSSL 4.0, which tells nobody before (docs/limits.md)\n");
            continue;
        }
        status = run_child(i % 2 ? default_context : own_context, &order);
        printf("%d\n", status);
        good &= table_child(EVENT_CLEANUP, status);
    }
    CHECK(good);
}
