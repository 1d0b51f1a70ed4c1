/*
 * The provider is unloaded, its library closed, the library context freed, while contexts are in
 * mid-stream: they go on to the right end, or fail; nothing crashes.
 */
#include "survival.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/provider.h>

static struct journey journeys[KINDS];
static OSSL_LIB_CTX *context;
static OSSL_PROVIDER *provider;

/* As a program does that has no configuration file, so that it has the provider in its hands. */
static void load(void)
{
    const char *path = testing_path("HSMZKE_TEST_PROVIDER");
    const char *directory = text("%.*s", (int)(strrchr(path, '/') - path), path);

    setenv("HSMZKE_PKCS11_MODULE", testing_path("HSMZKE_TEST_PKCS11_MODULE"), 1);
    setenv("HSMZKE_TOKEN", module_token(), 1);
    setenv("HSMZKE_PIN_SOURCE", pin_file(USER_PIN), 1);
    context = OSSL_LIB_CTX_new();
    CHECK(OSSL_PROVIDER_set_default_search_path(context, directory) == 1);
    provider = OSSL_PROVIDER_load(context, "hsmzke");
    CHECK(provider != NULL);
    for (size_t i = 0; i < KINDS; i++) {
        journeys[i] = journey_of(i, SIZE_SMALL);
        CHECK(journey_begin(&journeys[i], context));
    }
}

static void end_all(void)
{
    for (size_t i = 0; i < KINDS; i++)
        journey_count(&journeys[i], EVENT_UNLOAD);
}

static void provider_unloaded(void *nothing)
{
    (void)nothing;
    load();
    CHECK(OSSL_PROVIDER_unload(provider) == 1);
    end_all();
    OSSL_LIB_CTX_free(context);
}

static void provider_loaded_again(void *nothing)
{
    (void)nothing;
    load();
    for (size_t i = 0; i < KINDS; i++) {
        CHECK(OSSL_PROVIDER_unload(provider) == 1);
        provider = OSSL_PROVIDER_load(context, "hsmzke");
        CHECK(provider != NULL);
        CHECK(name_works(context, "AES-256-CBC", "gold", GOLD_KEY) == 1);
        journey_count(&journeys[i], EVENT_UNLOAD);
    }
    CHECK(OSSL_PROVIDER_unload(provider) == 1);
    OSSL_LIB_CTX_free(context);
}

/* Programs must not; the contexts hold what they need all the same. */
static void context_freed(void *nothing)
{
    (void)nothing;
    load();
    CHECK(OSSL_PROVIDER_unload(provider) == 1);
    OSSL_LIB_CTX_free(context);
    end_all();
}

static void context_freed_first(void *nothing)
{
    (void)nothing;
    load();
    CHECK(OSSL_PROVIDER_unload(provider) == 1);
    OSSL_LIB_CTX_free(context);
    for (size_t i = 0; i < KINDS; i++)
        journey_free(&journeys[i]);
}

static void library_closed(void *nothing)
{
    void *library = dlopen(testing_path("HSMZKE_TEST_PROVIDER"), RTLD_NOW);

    (void)nothing;
    load();
    CHECK(library != NULL && dlclose(library) == 0);
    CHECK(OSSL_PROVIDER_unload(provider) == 1);
    library = dlopen(testing_path("HSMZKE_TEST_PROVIDER"), RTLD_NOW | RTLD_NOLOAD);
    CHECK(library != NULL && dlclose(library) == 0); /* it is there all the same */
    dlclose(library); /* more often than it was opened: OpenSSL's handle */
    end_all();
    OSSL_LIB_CTX_free(context);
}

static atomic_bool enough;

static void *busy(void *number)
{
    size_t kind = *(size_t *)number;

    while (!enough) {
        struct journey journey = journey_of(kind++ % KINDS, SIZE_SMALL);

        if (journey_begin(&journey, context)) {
            journey_count(&journey, EVENT_UNLOAD);
            continue;
        }
        if (ERR_peek_error() == 0)
            table_count(EVENT_UNLOAD, journey.column, FAILED);
        else /* it was not there for the moment */
            ERR_clear_error();
        journey_free(&journey);
    }
    return NULL;
}

static void beside_threads(void *nothing)
{
    size_t numbers[4];
    pthread_t threads[4];

    (void)nothing;
    load();
    for (size_t i = 0; i < 4; i++) {
        numbers[i] = i * 12;
        CHECK(pthread_create(&threads[i], NULL, busy, &numbers[i]) == 0);
    }
    for (int i = 0; i < (quick() ? 20 : 200); i++) {
        CHECK(OSSL_PROVIDER_unload(provider) == 1);
        provider = OSSL_PROVIDER_load(context, "hsmzke");
        CHECK(provider != NULL);
    }
    enough = true;
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    end_all();
    CHECK(OSSL_PROVIDER_unload(provider) == 1);
    OSSL_LIB_CTX_free(context);
}

static const struct order {
    const char *name;
    void (*run)(void *);
} orders[] = {
    { "provider unloaded", provider_unloaded }, { "provider loaded again", provider_loaded_again },
    { "context freed", context_freed },         { "context freed first", context_freed_first },
    { "library closed", library_closed },       { "beside threads", beside_threads },
};

void unloaded(void **state)
{
    bool good = true;

    (void)state;
    token_standard();
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        const int status = run_child(orders[i].run, NULL);

        printf("%s: %d\n", orders[i].name, status);
        good &= table_child(EVENT_UNLOAD, status);
    }
    CHECK(good);
}
