/*
 * exit() while eight threads encrypt, after a random few milliseconds: no run may crash or hang.
 * The PKCS#11 module's own destructors and OpenSSL's run in that moment, and threads are inside.
 */
#include "testing.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/err.h>

enum { THREADS = 8 };

struct run {
    unsigned microseconds;   /* until exit: from the beginning, or */
    bool from_first_message; /* ... from when the HSM has served one */
    bool default_context;    /* through OPENSSL_CONF and the default library context */
    const char *config;
};

/* LeakSanitizer asks this, where there is one: it crashes itself when it stops threads that are in
 * the middle of their work, and what they hold then is no leak. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

static EVP_CIPHER *ciphers[3];
/* Shared with the parent: messages that were done by all runs. */
static unsigned *messages;

static void *encrypt_for_ever(void *argument)
{
    static const unsigned char iv[16], in[1000];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    size_t number = *(size_t *)argument;
    unsigned char reference[32], out[1032];
    int size;

    reference_by_name(reference, number % 2 == 0 ? "gold" : "silver");
    while (EVP_CipherInit_ex2(ctx, ciphers[number % 3], reference, iv, number % 4 != 0, NULL) &&
           EVP_CipherUpdate(ctx, out, &size, in, 16) && EVP_CipherUpdate(ctx, out, &size, in, 960))
        __atomic_fetch_add(messages, 1, __ATOMIC_RELAXED);
    /* The process is going.  A thread that returned would free its OpenSSL state now, while exit
     * does the same: that race is not the provider's. */
    for (;;)
        pause();
    return NULL;
}

static void victim(void *argument)
{
    static const char *const names[] = { "AES-256-ECB", "AES-256-CBC", "AES-256-CTR" };
    const struct run *run = argument;
    const unsigned before = __atomic_load_n(messages, __ATOMIC_RELAXED);
    static size_t numbers[THREADS];
    OSSL_LIB_CTX *context = NULL;
    pthread_t thread;

    alarm(60);
    if (run->default_context)
        setenv("OPENSSL_CONF", run->config, 1);
    else
        context = context_with(settings_standard(), NULL);
    for (size_t i = 0; i < 3; i++) {
        ciphers[i] = EVP_CIPHER_fetch(context, names[i], NULL);
        CHECK(ciphers[i] != NULL);
    }
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&thread, NULL, encrypt_for_ever, &numbers[i]) == 0);
    }
    while (run->from_first_message && __atomic_load_n(messages, __ATOMIC_RELAXED) == before)
        usleep(100);
    usleep(run->microseconds);
    exit(0);
}

static void runs(bool default_context)
{
    struct prng prng = { prng_seed() };
    unsigned count = quick() ? 20 : 200;
    unsigned failed = 0;

    token_standard();
    for (unsigned i = 0; i < count; i++) {
        struct run run = { .microseconds = (unsigned)prng_upto(&prng, 30000),
                           .from_first_message = i % 2 == 0,
                           .default_context = default_context,
                           .config = config_file(settings_standard(), NULL) };
        int status = run_child(victim, &run);

        if (status != 0) {
            fprintf(stderr, "run %u, exit after %u us: status %d\n", i, run.microseconds, status);
            failed++;
        }
    }
    printf("%u runs, %u failed, %u messages\n", count, failed, *messages);
    CHECK(failed == 0);
    CHECK(*messages >= count / 2);
}

static void own_library_context(void **state)
{
    (void)state;
    runs(false);
}

static void default_library_context(void **state)
{
    (void)state;
    runs(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_library_context),
        cmocka_unit_test(default_library_context),
    };

    messages =
        mmap(NULL, sizeof(*messages), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (messages == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, testing_setup, testing_teardown);
}
